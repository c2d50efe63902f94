// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {BatchHeader} from "../src/IInbox.sol";
import {AssertionStatus, CheckpointOpening, ChunkOpening, Game, GameStatus, StepProof} from "../src/IRollup.sol";
import {StepState} from "../src/Types.sol";
import {Checkpoints} from "../src/lib/Checkpoints.sol";
import {Fixture} from "./support/Fixture.sol";

/// Random calls by everyone against a right, an equal and a wrong assertion, of a batch that is settled too. Whatever happens, every wei in the contract
/// is a bond at stake or somebody's credit, and in the end all of it can be taken out.
contract ConservationTest is Fixture {
    uint64 private constant STEPS = 10;

    BatchHeader private batch;
    StepState[] private right;
    bytes31[][3] private claims; // of the assertions, in order
    bytes31[] private truth;
    bytes32[3] private ids;
    bytes32[] private games;
    mapping(bytes32 gameId => uint256) private about;
    mapping(bytes32 gameId => bytes31[]) private lastSplit;
    address[4] private people = [SEQUENCER, ASSERTER, CHALLENGER, STRANGER];
    uint256 private seed;
    bytes32 private settledId;

    function setUp() public override {
        super.setUp();
        rollup = deployRollup(4, 2);
        batch = postBatch(STEPS - 2);
        StepState[] memory s = toyStates(batch, genesisState());
        for (uint256 i = 0; i < s.length; ++i) {
            right.push(s[i]);
        }
        truth = commitments(s);
        StepState[] memory lies = lyingStates(s, 3);
        (claims[0], claims[1], claims[2]) = (truth, truth, commitments(lies));
        ids[0] = assertStates(rollup, ASSERTER, 0, batch, s);
        ids[1] = assertStates(rollup, SEQUENCER, 0, batch, s);
        ids[2] = assertStates(rollup, STRANGER, 0, batch, lies);
    }

    function random(uint256 below) private returns (uint256) {
        seed = uint256(keccak256(abi.encode(seed)));
        return seed % below;
    }

    function status(uint256 a) private view returns (AssertionStatus) {
        return rollup.assertion(ids[a]).status;
    }

    function requireConserved() private view {
        uint256 expected = 0;
        for (uint256 i = 0; i < people.length; ++i) {
            expected += rollup.credit(people[i]);
        }
        for (uint256 a = 0; a < 3; ++a) {
            if (status(a) == AssertionStatus.Pending) expected += ASSERTION_BOND;
        }
        uint256[3] memory open;
        for (uint256 i = 0; i < games.length; ++i) {
            GameStatus s = rollup.game(games[i]).status;
            if (s == GameStatus.Open) ++open[about[games[i]]];
            if (s == GameStatus.Open || (s == GameStatus.Void && !reclaimed[games[i]])) expected += CHALLENGE_BOND;
        }
        for (uint256 a = 0; a < 3; ++a) {
            if (status(a) == AssertionStatus.Pending) {
                assertEq(rollup.assertion(ids[a]).openGames, open[a], "open games");
            }
        }
        assertEq(address(rollup).balance, expected, "conserved");
    }

    mapping(bytes32 gameId => bool) private reclaimed;

    function testFuzz_RandomPlay(uint256 seed_) public {
        seed = seed_;
        for (uint256 i = 0; i < 60; ++i) {
            act(random(11));
            requireConserved();
        }
        finish();
    }

    function act(uint256 what) private {
        uint256 a = random(3);
        if (what == 0) return vm.warp(time() + random(WINDOW / 8));
        if (what == 1) return open(a, uint64(random(3)), people[random(4)]);
        if (what == 2) return confirmOrKill(a);
        if (what == 3) return withdraw(people[random(4)]);
        if (what == 10) return settle(uint64(1 + random(STEPS)), people[random(4)]);
        if (games.length == 0) return;
        bytes32 g = games[random(games.length)];
        if (what == 4) try rollup.timeout(games) {} catch {} else if (what == 5) reclaim(g);
        else move(g);
    }

    function open(uint256 a, uint64 j, address who) private {
        (uint64 lo, uint64 hi) = Checkpoints.interval(STEPS, 4, j);
        CheckpointOpening memory o = opening(claims[a][lo], claims[a][hi]);
        vm.prank(who);
        try rollup.openGame{value: CHALLENGE_BOND}(ids[a], j, o) returns (bytes32 g) {
            games.push(g);
            about[g] = a;
        } catch {}
    }

    function move(bytes32 id) private {
        Game memory g = rollup.game(id);
        uint256 a = about[id];
        if (g.hi - g.lo == 1) {
            StepProof memory p = stepProof(batch, right[g.lo], right[g.lo + 1]);
            bool refutable = g.loCommitment == truth[g.lo] && g.hiCommitment != truth[g.hi];
            vm.prank(g.challenger);
            try rollup.proveStepInGame{value: 1 gwei}(id, p) {
                assertTrue(refutable && a == 2, "only the lie can be refuted");
            } catch {}
        } else if (g.splitHash == 0) {
            bytes31[] memory c = new bytes31[](1);
            c[0] = claims[a][g.lo + (g.hi - g.lo) / 2];
            vm.prank(rollup.assertion(ids[a]).asserter);
            try rollup.split(id, g.lo, g.hi, c) {
                lastSplit[id] = c;
            } catch {}
        } else {
            vm.prank(g.challenger);
            try rollup.pick(id, g.lo, g.hi, lastSplit[id], uint64(random(3))) {} catch {}
        }
    }

    function confirmOrKill(uint256 a) private {
        try rollup.confirm(ids[a]) {} catch {}
        vm.prank(people[random(4)]);
        try rollup.killOrphan(ids[a]) {} catch {}
    }

    function settle(uint64 steps, address who) private {
        (, uint64 from) = rollup.settled(keccak256(abi.encode(batch)));
        uint64 to = from + steps < STEPS ? from + steps : STEPS;
        StepProof memory p = stepProof(batch, right[from], right[to]);
        p.chunks = new ChunkOpening[](STEPS);
        for (uint256 i = 0; i < STEPS; ++i) {
            p.chunks[i] = chunk("");
        }
        vm.prank(who);
        try rollup.settle{value: 1 gwei}(keccak256(abi.encode(batch)), truth[from], to - from, 0, p) returns (bytes32 id) {
            if (to == STEPS) settledId = id;
            assertTrue((id != 0) == (to == STEPS), "at the end");
        } catch {
            assertTrue(decided(), "only after the batch was confirmed");
        }
    }

    function decided() private view returns (bool) {
        (, uint64 count,,) = rollup.latestConfirmed();
        return count != 0;
    }

    function reclaim(bytes32 g) private {
        try rollup.reclaim(g) {
            assertTrue(!reclaimed[g], "once");
            reclaimed[g] = true;
        } catch {}
    }

    function withdraw(address who) private {
        vm.prank(who);
        try rollup.withdraw(who) {} catch {}
    }

    /// Time passes, everything is ended and taken out.
    function finish() private {
        vm.warp(time() + 2 * WINDOW);
        rollup.timeout(games);
        for (uint256 i = 0; i < games.length; ++i) {
            reclaim(games[i]);
            assertTrue(rollup.game(games[i]).status != GameStatus.Open, "no game stays open");
        }
        for (uint256 k = 0; k < 2; ++k) {
            for (uint256 a = 0; a < 3; ++a) {
                confirmOrKill(a);
            }
        }
        bytes31 confirmed;
        for (uint256 a = 0; a < 3; ++a) {
            assertTrue(status(a) != AssertionStatus.Pending, "all decided");
            if (status(a) != AssertionStatus.Confirmed) continue;
            bytes31 said = rollup.assertion(ids[a]).commitment;
            assertTrue(confirmed == 0 || confirmed == said, "one end only");
            assertTrue(settledId == 0 || said == truth[STEPS], "the settled one");
            confirmed = said;
        }
        requireConserved();
        for (uint256 i = 0; i < people.length; ++i) {
            withdraw(people[i]);
        }
        assertEq(address(rollup).balance, 0, "nothing is stuck");
    }
}
