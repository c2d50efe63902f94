// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {RollupConfig} from "../src/Assertions.sol";
import {BatchHeader} from "../src/IInbox.sol";
import {Disputes} from "../src/Disputes.sol";
import {Game, StepProof} from "../src/IRollup.sol";
import {IStepVerifier} from "../src/IStepVerifier.sol";
import {Rollup} from "../src/Rollup.sol";
import {StepState} from "../src/Types.sol";
import {Checkpoints} from "../src/lib/Checkpoints.sol";
import {Fixture} from "./support/Fixture.sol";

/// challenger/game.py says the same of every game in the shared vectors.
contract GameVectorsTest is Fixture {
    string private json;
    uint256 private start;
    bytes32 private gameId;

    function setUp() public override {
        super.setUp();
        json = vm.readFile("../tests/vectors/game.json");
    }

    function at_(string memory base, uint256 i) private pure returns (string memory) {
        return string.concat(base, "[", vm.toString(i), "]");
    }

    function number(string memory base, string memory field) private view returns (uint64) {
        return uint64(vm.parseJsonUint(json, string.concat(base, field)));
    }

    function test_Boundaries() public view {
        uint256 n = 0;
        for (; vm.keyExistsJson(json, at_("$.boundaries", n)); n += 9) {
            string memory entry = at_("$.boundaries", n);
            (uint64 lo, uint64 hi) = (number(entry, ".lo"), number(entry, ".hi"));
            uint256[] memory expected = vm.parseJsonUintArray(json, string.concat(entry, ".at"));
            uint64 parts = Checkpoints.parts(lo, hi, number(entry, ".arity"));
            assertEq(parts + 1, expected.length, "parts");
            for (uint64 i = 0; i <= parts; ++i) {
                assertEq(Checkpoints.boundary(lo, hi, parts, i), expected[i], "boundary");
            }
        }
        assertTrue(n > 0, "vectors found");
    }

    function test_Intervals() public view {
        uint256 n = 0;
        for (; vm.keyExistsJson(json, at_("$.intervals", n)); ++n) {
            string memory entry = at_("$.intervals", n);
            (uint64 steps, uint64 stride) = (number(entry, ".steps"), number(entry, ".stride"));
            for (uint64 j = 0; j + 1 < Checkpoints.count(steps, stride); j += 1 + j / 4) {
                uint256[] memory expected = vm.parseJsonUintArray(json, at_(string.concat(entry, ".intervals"), j));
                (uint64 lo, uint64 hi) = Checkpoints.interval(steps, stride, j);
                assertEq(lo, expected[0], "lo");
                assertEq(hi, expected[1], "hi");
            }
        }
        assertTrue(n > 0, "vectors found");
    }

    function test_Sequences() public {
        uint256 before = vm.snapshotState();
        uint256 n = 0;
        for (; vm.keyExistsJson(json, at_("$.sequences", n)); ++n) {
            playSequence(at_("$.sequences", n));
            vm.revertToState(before);
        }
        assertTrue(n > 0, "vectors found");
    }

    function repeated(uint256 b) private pure returns (bytes31 c) {
        for (uint256 i = 0; i < 31; ++i) {
            c |= bytes31(bytes1(uint8(b))) >> (8 * i);
        }
    }

    function playSequence(string memory entry) private {
        string memory name = vm.parseJsonString(json, string.concat(entry, ".name"));
        RollupConfig memory c = config(number(entry, ".stride"), number(entry, ".arity"));
        (c.window, c.clock) = (number(entry, ".window"), number(entry, ".clock"));
        rollup = Rollup(payable(deploy("Rollup", abi.encode(c))));
        BatchHeader memory b = postBatch(1);
        uint64 steps = number(entry, ".steps");
        StepState[] memory s = new StepState[](steps + 1);
        s[0] = genesisState();
        s[steps].stateRoot = "final";
        s[steps].cursor.batch = 1;
        start = time();
        bytes32 id = assertStates(rollup, ASSERTER, 0, b, s);
        vm.prank(CHALLENGER);
        gameId =
            rollup.openGame{value: CHALLENGE_BOND}(id, number(entry, ".j"), opening(repeated(0xaa), repeated(0xbb)));
        for (uint256 i = 0; vm.keyExistsJson(json, at_(string.concat(entry, ".moves"), i)); ++i) {
            playMove(entry, i, name);
        }
    }

    function playMove(string memory entry, uint256 i, string memory name) private {
        string memory result = at_(string.concat(entry, ".results"), i);
        EXECUTE.setCongestion(number(at_(string.concat(entry, ".congested"), i), ""));
        bool ok = move(at_(string.concat(entry, ".moves"), i));
        if (vm.keyExistsJson(json, string.concat(result, ".error"))) {
            requireRefused(ok, name, vm.parseJsonString(json, string.concat(result, ".error")));
        } else {
            assertTrue(ok, name);
            requireGame(result, name);
        }
    }

    bytes private answer;

    function move(string memory m) private returns (bool ok) {
        string memory kind = vm.parseJsonString(json, at_(m, 0));
        vm.warp(start + vm.parseJsonUint(json, at_(m, 1)));
        string memory by = vm.parseJsonString(json, at_(m, 2));
        address who = same(by, "asserter") ? ASSERTER : same(by, "challenger") ? CHALLENGER : STRANGER;
        bytes memory call;
        if (same(kind, "timeout")) {
            call = abi.encodeCall(rollup.timeout, (one(gameId)));
        } else if (same(kind, "prove")) {
            StepProof memory p;
            bytes31 proved = repeated(vm.parseJsonUint(json, at_(m, 3)));
            vm.mockCall(address(verifier), abi.encodePacked(IStepVerifier.refute.selector), abi.encode(proved, 0, 0));
            call = abi.encodeCall(rollup.proveStepInGame, (gameId, p));
        } else {
            uint64 lo = uint64(vm.parseJsonUint(json, at_(m, 3)));
            uint64 hi = uint64(vm.parseJsonUint(json, at_(m, 4)));
            uint256[] memory given = vm.parseJsonUintArray(json, at_(m, 5));
            bytes31[] memory c = new bytes31[](given.length);
            for (uint256 i = 0; i < c.length; ++i) {
                c[i] = repeated(given[i]);
            }
            call = same(kind, "split")
                ? abi.encodeCall(rollup.split, (gameId, lo, hi, c))
                : abi.encodeCall(rollup.pick, (gameId, lo, hi, c, uint64(vm.parseJsonUint(json, at_(m, 6)))));
        }
        Game memory before = rollup.game(gameId);
        vm.prank(who);
        (ok, answer) = address(rollup).call(call);
        // `timeout` skips a game that has time left.
        if (same(kind, "timeout")) ok = rollup.game(gameId).status != before.status;
    }

    function requireRefused(bool ok, string memory name, string memory why) private view {
        assertTrue(!ok, string.concat(name, ": ", why));
        if (!same(why, "TimeLeft")) assertEq(bytes32(bytes4(answer)), bytes32(selector(why)), name);
    }

    function selector(string memory why) private pure returns (bytes4) {
        if (same(why, "ClockRunOut")) return Disputes.ClockRunOut.selector;
        if (same(why, "GameNotOpen")) return Disputes.GameNotOpen.selector;
        if (same(why, "IntervalNotOneStep")) return Disputes.IntervalNotOneStep.selector;
        if (same(why, "NoSuchSegment")) return Disputes.NoSuchSegment.selector;
        if (same(why, "NotAsserter")) return Disputes.NotAsserter.selector;
        if (same(why, "NotChallenger")) return Disputes.NotChallenger.selector;
        if (same(why, "NotYourMove")) return Disputes.NotYourMove.selector;
        if (same(why, "SplitMismatch")) return Disputes.SplitMismatch.selector;
        if (same(why, "WrongCommitmentCount")) return Disputes.WrongCommitmentCount.selector;
        if (same(why, "WrongInterval")) return Disputes.WrongInterval.selector;
        revert(why);
    }

    function requireGame(string memory expected, string memory name) private view {
        Game memory g = rollup.game(gameId);
        assertEq(g.lo, number(expected, ".lo"), name);
        assertEq(g.hi, number(expected, ".hi"), name);
        assertEq(g.loCommitment, repeated(number(expected, ".loCommitment")), name);
        assertEq(g.hiCommitment, repeated(number(expected, ".hiCommitment")), name);
        assertEq(g.asserterClock, number(expected, ".asserterClock"), name);
        assertEq(g.challengerClock, number(expected, ".challengerClock"), name);
        assertEq(g.movedAt - start, number(expected, ".movedAt"), name);
        assertEq(g.congestion, number(expected, ".congestion"), name);
        assertEq(uint256(g.status), number(expected, ".status"), name);
    }

    function same(string memory a, string memory b) private pure returns (bool) {
        return keccak256(bytes(a)) == keccak256(bytes(b));
    }
}
