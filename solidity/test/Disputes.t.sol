// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Assertions} from "../src/Assertions.sol";
import {Bonds} from "../src/Bonds.sol";
import {BatchHeader} from "../src/IInbox.sol";
import {Assertion, AssertionStatus, CheckpointOpening, Game, GameStatus, StepProof} from "../src/IRollup.sol";
import {Disputes} from "../src/Disputes.sol";
import {Rollup} from "../src/Rollup.sol";
import {Stage} from "../src/Stage.sol";
import {StepVerifier} from "../src/StepVerifier.sol";
import {StepState} from "../src/Types.sol";
import {Checkpoints} from "../src/lib/Checkpoints.sol";
import {Commitment} from "../src/lib/Commitment.sol";
import {Execute} from "../src/lib/Execute.sol";
import {Fixture} from "./support/Fixture.sol";

contract RefusesRefund {
    function prove(Rollup r, uint256 value, bytes calldata call) external {
        (bool ok,) = address(r).call{value: value}(call);
        require(ok, "reverted");
    }
}

/// Step proofs, games, clocks, and who gets what. The asserter's claim is wrong from step WRONG on unless said otherwise.
contract DisputesTest is Fixture {
    uint64 private constant CHUNKS = 38; // 40 steps
    uint64 private constant STEPS = 40;
    uint64 private constant WRONG = 21;

    BatchHeader private batch;
    StepState[] private right;
    bytes31[] private truth;
    bytes31[] private claim;
    bytes32 private id;

    function setUp() public override {
        super.setUp();
        batch = postBatch(CHUNKS);
        StepState[] memory s = toyStates(batch, genesisState());
        for (uint256 i = 0; i < s.length; ++i) {
            right.push(s[i]);
        }
        truth = commitments(s);
    }

    // ---- helpers

    /// An assertion that is wrong from state `wrongFrom` on (0: right), under a rollup with this stride and arity.
    function claimWrong(uint64 stride, uint64 arity, uint64 wrongFrom) private {
        rollup = deployRollup(stride, arity);
        StepState[] memory s = wrongFrom == 0 ? right : lyingStates(right, wrongFrom);
        claim = commitments(s);
        id = assertStates(rollup, ASSERTER, 0, batch, s);
    }

    function openingOf(uint64 j) private view returns (CheckpointOpening memory) {
        (uint64 lo, uint64 hi) = Checkpoints.interval(STEPS, rollup.stride(), j);
        return opening(claim[lo], claim[hi]);
    }

    function proofOf(uint64 step) private view returns (StepProof memory) {
        return stepProof(batch, right[step], right[step + 1]);
    }

    function openAs(address who, uint64 j) private returns (bytes32) {
        CheckpointOpening memory o = openingOf(j);
        vm.prank(who);
        return rollup.openGame{value: CHALLENGE_BOND}(id, j, o);
    }

    function inner(bytes32 gameId) private view returns (bytes31[] memory c) {
        Game memory g = rollup.game(gameId);
        uint64 parts = Checkpoints.parts(g.lo, g.hi, rollup.arity());
        c = new bytes31[](parts - 1);
        for (uint64 i = 1; i < parts; ++i) {
            c[i - 1] = claim[Checkpoints.boundary(g.lo, g.hi, parts, i)];
        }
    }

    function splitAs(address who, bytes32 gameId, bytes31[] memory c) private {
        Game memory g = rollup.game(gameId);
        vm.prank(who);
        rollup.split(gameId, g.lo, g.hi, c);
    }

    function pickAs(address who, bytes32 gameId, bytes31[] memory c, uint64 segment) private {
        Game memory g = rollup.game(gameId);
        vm.prank(who);
        rollup.pick(gameId, g.lo, g.hi, c, segment);
    }

    function proveAs(address who, bytes32 gameId) private {
        StepProof memory p = proofOf(rollup.game(gameId).lo);
        vm.prank(who);
        rollup.proveStepInGame(gameId, p);
    }

    /// The first segment whose end isn't the truth.
    function firstWrong(Game memory g, bytes31[] memory c) private view returns (uint64 segment) {
        uint64 parts = Checkpoints.parts(g.lo, g.hi, rollup.arity());
        while (segment + 1 < parts && c[segment] == truth[Checkpoints.boundary(g.lo, g.hi, parts, segment + 1)]) {
            ++segment;
        }
    }

    function requireStatus(AssertionStatus status) private view {
        assertEq(uint256(rollup.assertion(id).status), uint256(status), "assertion");
    }

    function requireGame(bytes32 gameId, GameStatus status) private view {
        assertEq(uint256(rollup.game(gameId).status), uint256(status), "game");
    }

    /// Nothing is stuck in the contract and nothing is owed that isn't there.
    function requireBalanced(uint256 stillBonded) private view {
        uint256 owed = rollup.credit(ASSERTER) + rollup.credit(CHALLENGER) + rollup.credit(STRANGER);
        assertEq(address(rollup).balance, owed + stillBonded, "balanced");
    }

    // ---- one transaction

    function test_OneTransactionKills() public {
        claimWrong(1, 2, WRONG);
        CheckpointOpening memory o = openingOf(WRONG - 1);
        StepProof memory p = proofOf(WRONG - 1);
        uint256 burned = address(0).balance;
        vm.prank(CHALLENGER);
        rollup.proveStep(id, WRONG - 1, o, p);
        requireStatus(AssertionStatus.Killed);
        uint256 paid = rollup.credit(CHALLENGER);
        assertTrue(paid > 1 ether && paid < 1.2 ether, "a tenth and the gas");
        assertEq(address(0).balance - burned, ASSERTION_BOND - paid, "the rest is burned");
        requireBalanced(0);
        vm.expectPartialRevert(Assertions.NotPending.selector);
        rollup.proveStep(id, WRONG - 1, o, p);
        vm.warp(time() + WINDOW);
        vm.expectPartialRevert(Assertions.NotPending.selector);
        rollup.confirm(id);
    }

    function test_EveryWrongStepCanBeProved() public {
        rollup = deployRollup(1, 2);
        for (uint64 wrong = 1; wrong <= STEPS; wrong += wrong < 3 || wrong > 36 ? 1 : 11) {
            uint256 before = vm.snapshotState();
            claimWrong(1, 2, wrong);
            if (wrong == STEPS) {
                // the last commitment is that of a state at the batch's end, whatever it says
                assertTrue(claim[STEPS] != truth[STEPS], "wrong at the end");
            }
            rollup.proveStep(id, wrong - 1, openingOf(wrong - 1), proofOf(wrong - 1));
            requireStatus(AssertionStatus.Killed);
            vm.revertToState(before);
        }
    }

    function test_RightStepsCanNotBeProvedWrong() public {
        claimWrong(1, 2, 0);
        for (uint64 j = 0; j < STEPS; j += 13) {
            CheckpointOpening memory o = openingOf(j);
            StepProof memory p = proofOf(j);
            vm.expectRevert(StepVerifier.StepIsAsClaimed.selector);
            rollup.proveStep(id, j, o, p);
            p.post.stateRoot = keccak256("made up");
            vm.expectRevert(Execute.ExecuteAnsweredFalse.selector);
            rollup.proveStep(id, j, o, p);
        }
    }

    /// After the first wrong one, checkpoints are wrong but their steps are "right": they can't be proved, need not be.
    function test_OnlyOnePreStateOpens() public {
        claimWrong(1, 2, WRONG);
        CheckpointOpening memory o = openingOf(WRONG);
        StepProof memory p = proofOf(WRONG);
        vm.expectPartialRevert(StepVerifier.PreStateMismatch.selector);
        rollup.proveStep(id, WRONG, o, p);
    }

    function test_ProvableUntilConfirmed() public {
        claimWrong(1, 2, WRONG);
        vm.warp(time() + 2 * WINDOW);
        rollup.proveStep(id, WRONG - 1, openingOf(WRONG - 1), proofOf(WRONG - 1));
        requireStatus(AssertionStatus.Killed);
    }

    function test_NotOnceConfirmed() public {
        claimWrong(1, 2, WRONG);
        vm.warp(time() + WINDOW);
        rollup.confirm(id);
        CheckpointOpening memory o = openingOf(WRONG - 1);
        StepProof memory p = proofOf(WRONG - 1);
        vm.expectPartialRevert(Assertions.NotPending.selector);
        rollup.proveStep(id, WRONG - 1, o, p);
    }

    /// A checkpoint that is no commitment at all, with a first byte that isn't zero.
    function test_GarbageCheckpointIsProvedWrong() public {
        claimWrong(1, 2, 0);
        CheckpointOpening memory o = openingOf(4);
        o.elements[1].value |= bytes32(uint256(0x73) << 248);
        rollup.proveStep(id, 4, o, proofOf(4));
        requireStatus(AssertionStatus.Killed);
    }

    /// More steps than the batch has: the state before the first superfluous one isn't in the batch any more.
    function test_TooManySteps() public {
        rollup = deployRollup(1, 2);
        StepState[] memory s = new StepState[](STEPS + 2);
        for (uint256 i = 0; i <= STEPS; ++i) {
            s[i] = right[i];
        }
        s[STEPS + 1] = right[STEPS];
        id = assertStates(rollup, ASSERTER, 0, batch, s);
        StepProof memory p;
        (p.batch, p.pre) = (batch, right[STEPS]);
        EXECUTE.set(1, 2); // it isn't asked
        rollup.proveStep(id, STEPS, opening(truth[STEPS], truth[STEPS]), p);
        requireStatus(AssertionStatus.Killed);
    }

    function test_IntervalsMustBeOneStepLong() public {
        claimWrong(16, 2, WRONG);
        CheckpointOpening memory o = openingOf(1);
        StepProof memory p = proofOf(WRONG - 1);
        vm.expectRevert(abi.encodeWithSelector(Disputes.IntervalNotOneStep.selector, 16, 32));
        rollup.proveStep(id, 1, o, p);
        vm.expectRevert(abi.encodeWithSelector(Checkpoints.NoSuchInterval.selector, 3, STEPS));
        rollup.proveStep(id, 3, o, p);
        vm.expectPartialRevert(Checkpoints.NoSuchInterval.selector);
        rollup.proveStep(id, type(uint64).max, o, p);
        vm.expectPartialRevert(Assertions.UnknownAssertion.selector);
        rollup.proveStep("unknown", 1, o, p);
    }

    /// The last interval of a batch may be one step long with any stride.
    function test_ShortLastInterval() public {
        claimWrong(39, 2, STEPS);
        CheckpointOpening memory o = openingOf(1);
        vm.expectRevert(abi.encodeWithSelector(Disputes.IntervalIsOneStep.selector, 39));
        rollup.openGame{value: CHALLENGE_BOND}(id, 1, o);
        rollup.proveStep(id, 1, o, proofOf(39));
        requireStatus(AssertionStatus.Killed);
    }

    // ---- money of a kill

    function test_NeverMoreThanHalfOfTheBond() public {
        claimWrong(1, 2, WRONG);
        vm.fee(100000 gwei);
        CheckpointOpening memory o = openingOf(WRONG - 1);
        StepProof memory p = proofOf(WRONG - 1);
        vm.prank(CHALLENGER);
        rollup.proveStep(id, WRONG - 1, o, p);
        assertEq(rollup.credit(CHALLENGER), ASSERTION_BOND / 2, "half");
        requireBalanced(0);
    }

    function test_ExcessIsReturned() public {
        claimWrong(1, 2, WRONG);
        CheckpointOpening memory o = openingOf(WRONG - 1);
        StepProof memory p = proofOf(WRONG - 1);
        uint256 before = CHALLENGER.balance;
        vm.prank(CHALLENGER);
        rollup.proveStep{value: 3 ether}(id, WRONG - 1, o, p);
        assertEq(CHALLENGER.balance, before, "a Skip costs no fee");
        requireBalanced(0);
    }

    function test_WhoRefusesTheExcessSendsNone() public {
        claimWrong(1, 2, WRONG);
        RefusesRefund refuser = new RefusesRefund();
        vm.deal(address(refuser), 1 ether);
        bytes memory call = abi.encodeCall(rollup.proveStep, (id, WRONG - 1, openingOf(WRONG - 1), proofOf(WRONG - 1)));
        vm.expectRevert();
        refuser.prove(rollup, 1, call);
        refuser.prove(rollup, 0, call);
        requireStatus(AssertionStatus.Killed);
    }

    function test_ExecuteCanNotReenter() public {
        claimWrong(1, 2, WRONG);
        EXECUTE.setCallback(address(rollup), abi.encodeCall(rollup.timeout, (new bytes32[](0))));
        rollup.proveStep(id, WRONG - 1, openingOf(WRONG - 1), proofOf(WRONG - 1));
        assertTrue(!EXECUTE.callbackSucceeded(), "refused");
        requireStatus(AssertionStatus.Killed);
    }

    // ---- whole games

    function play(uint64 stride, uint64 arity, uint64 wrongFrom) private {
        claimWrong(stride, arity, wrongFrom);
        uint64 j = stride == 0 ? 0 : (wrongFrom - 1) / stride;
        (uint64 lo, uint64 hi) = Checkpoints.interval(STEPS, stride, j);
        if (hi - lo == 1) {
            StepProof memory p = proofOf(lo);
            CheckpointOpening memory o = openingOf(j);
            vm.prank(CHALLENGER);
            rollup.proveStep(id, j, o, p);
        } else {
            bytes32 gameId = openAs(CHALLENGER, j);
            for (Game memory g = rollup.game(gameId); g.hi - g.lo > 1; g = rollup.game(gameId)) {
                bytes31[] memory c = inner(gameId);
                splitAs(ASSERTER, gameId, c);
                pickAs(CHALLENGER, gameId, c, firstWrong(g, c));
            }
            proveAs(CHALLENGER, gameId);
            requireGame(gameId, GameStatus.ChallengerWon);
            assertTrue(rollup.credit(CHALLENGER) > CHALLENGE_BOND + 1 ether, "bond, reward and costs");
        }
        requireStatus(AssertionStatus.Killed);
        requireBalanced(0);
    }

    function testFuzz_TheHonestChallengerWins(uint256 stride, uint256 arity, uint256 wrongFrom) public {
        play(uint64(stride % 45), uint64(bound(arity, 2, 64)), uint64(bound(wrongFrom, 1, STEPS)));
    }

    function test_GamesOfTheUsualShapes() public {
        uint64[3] memory strides = [uint64(0), 1, 16];
        uint64[2] memory arities = [uint64(2), 16];
        uint64[5] memory wrongs = [uint64(1), 16, 17, 33, STEPS];
        uint256 before = vm.snapshotState();
        for (uint256 i = 0; i < 30; ++i) {
            play(strides[i % 3], arities[i / 3 % 2], wrongs[i / 6]);
            vm.revertToState(before);
        }
    }

    /// A liar that answers with any mix of right and wrong commitments loses all the same, and in as many moves.
    function testFuzz_LyingInAnyWay(uint256 seed, uint256 arity) public {
        claimWrong(0, uint64(bound(arity, 2, 64)), uint64(bound(seed, 1, STEPS)));
        bytes32 gameId = openAs(CHALLENGER, 0);
        for (Game memory g = rollup.game(gameId); g.hi - g.lo > 1; g = rollup.game(gameId)) {
            bytes31[] memory c = inner(gameId);
            uint64 parts = uint64(c.length) + 1;
            for (uint64 i = 1; i < parts; ++i) {
                uint256 r = uint256(keccak256(abi.encode(seed, g.lo, g.hi, i)));
                if (r % 3 == 0) c[i - 1] = truth[Checkpoints.boundary(g.lo, g.hi, parts, i)];
                if (r % 3 == 1) c[i - 1] = bytes31(bytes32(r));
            }
            splitAs(ASSERTER, gameId, c);
            pickAs(CHALLENGER, gameId, c, firstWrong(g, c));
        }
        proveAs(CHALLENGER, gameId);
        requireStatus(AssertionStatus.Killed);
    }

    /// Whatever a false challenger picks, it ends at a step that it can't refute, and its bond goes to the asserter.
    function testFuzz_TheHonestAsserterWins(uint256 seed, uint256 arity) public {
        claimWrong(0, uint64(bound(arity, 2, 64)), 0);
        bytes32 gameId = openAs(CHALLENGER, 0);
        for (Game memory g = rollup.game(gameId); g.hi - g.lo > 1; g = rollup.game(gameId)) {
            bytes31[] memory c = inner(gameId);
            splitAs(ASSERTER, gameId, c);
            uint256 r = uint256(keccak256(abi.encode(seed, g.lo, g.hi)));
            pickAs(CHALLENGER, gameId, c, uint64(r % (c.length + 1)));
        }
        StepProof memory p = proofOf(rollup.game(gameId).lo);
        vm.prank(CHALLENGER);
        vm.expectRevert(StepVerifier.StepIsAsClaimed.selector);
        rollup.proveStepInGame(gameId, p);
        vm.warp(time() + CLOCK);
        rollup.timeout(one(gameId));
        requireGame(gameId, GameStatus.AsserterWon);
        assertEq(rollup.credit(ASSERTER), CHALLENGE_BOND, "the challenger's bond");
        vm.warp(time() + WINDOW);
        rollup.confirm(id);
        requireBalanced(0);
    }

    // ---- opening games

    function test_OpensAGame() public {
        claimWrong(16, 2, WRONG);
        bytes32 gameId = openAs(CHALLENGER, 1);
        assertEq(gameId, keccak256(abi.encode(id, CHALLENGER, uint64(1))), "stable id");
        Game memory g = rollup.game(gameId);
        assertEq(g.lo, 16, "lo");
        assertEq(g.hi, 32, "hi");
        assertEq(g.loCommitment, truth[16], "agreed");
        assertEq(g.hiCommitment, claim[32], "disputed");
        assertTrue(g.asserterClock == CLOCK && g.challengerClock == CLOCK && g.movedAt == time(), "clocks");
        assertEq(rollup.assertion(id).openGames, 1, "open");
        CheckpointOpening memory o = openingOf(1);
        vm.prank(CHALLENGER);
        vm.expectRevert(abi.encodeWithSelector(Disputes.GameExists.selector, gameId));
        rollup.openGame{value: CHALLENGE_BOND}(id, 1, o);
        openAs(CHALLENGER, 0);
        openAs(STRANGER, 1);
        assertEq(rollup.assertion(id).openGames, 3, "others are apart");
    }

    function test_OpeningNeedsTheBondAndTime() public {
        claimWrong(16, 2, WRONG);
        CheckpointOpening memory o = openingOf(1);
        vm.expectRevert(abi.encodeWithSelector(Bonds.WrongBond.selector, CHALLENGE_BOND - 1, CHALLENGE_BOND));
        rollup.openGame{value: CHALLENGE_BOND - 1}(id, 1, o);
        vm.warp(time() + WINDOW - 2 * CLOCK);
        openAs(CHALLENGER, 1);
        vm.warp(time() + 1);
        vm.prank(STRANGER);
        vm.expectPartialRevert(Disputes.TooLateToOpen.selector);
        rollup.openGame{value: CHALLENGE_BOND}(id, 1, o);
    }

    /// The last game that can be opened ends within the window, whoever lets whose clock run out.
    function testFuzz_GamesNeverOutliveTheWindow(uint256 a, uint256 b) public {
        claimWrong(16, 2, 0);
        uint256 end = time() + WINDOW;
        vm.warp(end - 2 * CLOCK);
        bytes32 gameId = openAs(CHALLENGER, 1);
        while (rollup.game(gameId).status == GameStatus.Open) {
            Game memory g = rollup.game(gameId);
            bool challengers = g.splitHash != 0 || g.hi - g.lo == 1;
            uint64 left = challengers ? g.challengerClock : g.asserterClock;
            uint256 think = challengers ? bound(b, 0, CLOCK) : bound(a, 0, CLOCK - 1) / 4;
            if (g.hi - g.lo == 1) think = left;
            vm.warp(time() + (think < left ? think : left));
            if (think >= left) rollup.timeout(one(gameId));
            else if (challengers) pickAs(CHALLENGER, gameId, inner(gameId), 0);
            else splitAs(ASSERTER, gameId, inner(gameId));
        }
        assertTrue(time() <= end, "in time");
        requireGame(gameId, GameStatus.AsserterWon);
        vm.warp(end);
        rollup.confirm(id);
    }

    function test_OpenGamesHoldUpConfirmation() public {
        claimWrong(16, 2, 0);
        vm.warp(time() + WINDOW - 2 * CLOCK);
        bytes32 gameId = openAs(CHALLENGER, 1);
        splitAs(ASSERTER, gameId, inner(gameId));
        vm.warp(time() + 2 * CLOCK);
        vm.expectRevert(abi.encodeWithSelector(Assertions.GamesOpen.selector, 1));
        rollup.confirm(id);
        rollup.timeout(one(gameId));
        rollup.confirm(id);
        requireStatus(AssertionStatus.Confirmed);
    }

    // ---- moves

    function test_MovesByTheWrongOneOrOutOfTurn() public {
        claimWrong(16, 2, WRONG);
        bytes32 gameId = openAs(CHALLENGER, 1);
        bytes31[] memory c = inner(gameId);
        vm.expectPartialRevert(Disputes.NotAsserter.selector);
        vm.prank(CHALLENGER);
        rollup.split(gameId, 16, 32, c);
        vm.expectPartialRevert(Disputes.NotYourMove.selector);
        vm.prank(CHALLENGER);
        rollup.pick(gameId, 16, 32, c, 0);
        vm.expectPartialRevert(Disputes.WrongInterval.selector);
        vm.prank(ASSERTER);
        rollup.split(gameId, 16, 31, c);
        vm.expectRevert(abi.encodeWithSelector(Disputes.WrongCommitmentCount.selector, 2, 1));
        vm.prank(ASSERTER);
        rollup.split(gameId, 16, 32, new bytes31[](2));
        splitAs(ASSERTER, gameId, c);
        vm.expectPartialRevert(Disputes.NotYourMove.selector);
        vm.prank(ASSERTER);
        rollup.split(gameId, 16, 32, c);
        vm.expectPartialRevert(Disputes.NotChallenger.selector);
        vm.prank(STRANGER);
        rollup.pick(gameId, 16, 32, c, 0);
        vm.expectPartialRevert(Disputes.NoSuchSegment.selector);
        vm.prank(CHALLENGER);
        rollup.pick(gameId, 16, 32, c, 2);
        vm.expectPartialRevert(Disputes.WrongInterval.selector);
        vm.prank(CHALLENGER);
        rollup.pick(gameId, 17, 32, c, 0);
        StepProof memory p = proofOf(16);
        vm.expectPartialRevert(Disputes.IntervalNotOneStep.selector);
        vm.prank(CHALLENGER);
        rollup.proveStepInGame(gameId, p);
        vm.expectPartialRevert(Disputes.NotChallenger.selector);
        vm.prank(STRANGER);
        rollup.proveStepInGame(gameId, p);
        c[0] = bytes31("other");
        vm.expectRevert(Disputes.SplitMismatch.selector);
        vm.prank(CHALLENGER);
        rollup.pick(gameId, 16, 32, c, 0);
        vm.expectPartialRevert(Disputes.GameNotOpen.selector);
        vm.prank(ASSERTER);
        rollup.split("unknown", 0, 0, c);
        vm.expectPartialRevert(Disputes.GameNotOpen.selector);
        rollup.proveStepInGame("unknown", p);
    }

    function test_OneStepLeftIsTheChallengersMove() public {
        claimWrong(2, 2, 1);
        bytes32 gameId = openAs(CHALLENGER, 0);
        bytes31[] memory c = inner(gameId);
        splitAs(ASSERTER, gameId, c);
        pickAs(CHALLENGER, gameId, c, 0);
        vm.expectPartialRevert(Disputes.NotYourMove.selector);
        vm.prank(ASSERTER);
        rollup.split(gameId, 0, 1, new bytes31[](0));
        vm.expectPartialRevert(Disputes.NotYourMove.selector);
        vm.prank(CHALLENGER);
        rollup.pick(gameId, 0, 1, c, 0);
        vm.warp(time() + CLOCK - 1);
        proveAs(CHALLENGER, gameId);
        requireStatus(AssertionStatus.Killed);
    }

    // ---- clocks

    function test_LastSecondMoves() public {
        claimWrong(16, 2, WRONG);
        bytes32 gameId = openAs(CHALLENGER, 1);
        bytes31[] memory c = inner(gameId);
        uint256 start = time();
        vm.warp(start + CLOCK);
        vm.expectRevert(abi.encodeWithSelector(Disputes.ClockRunOut.selector, CLOCK, CLOCK));
        vm.prank(ASSERTER);
        rollup.split(gameId, 16, 32, c);
        vm.warp(start + CLOCK - 1);
        rollup.timeout(one(gameId));
        requireGame(gameId, GameStatus.Open);
        splitAs(ASSERTER, gameId, c);
        assertEq(rollup.game(gameId).asserterClock, 1, "a second left");
        vm.warp(start + 2 * CLOCK - 1);
        vm.expectPartialRevert(Disputes.ClockRunOut.selector);
        vm.prank(CHALLENGER);
        rollup.pick(gameId, 16, 32, c, 0);
        vm.warp(start + 2 * CLOCK - 2);
        pickAs(CHALLENGER, gameId, c, 0);
        vm.warp(start + 2 * CLOCK - 1);
        c = inner(gameId);
        vm.expectRevert(abi.encodeWithSelector(Disputes.ClockRunOut.selector, 1, 1));
        vm.prank(ASSERTER);
        rollup.split(gameId, 16, 24, c);
        rollup.timeout(one(gameId));
        requireGame(gameId, GameStatus.ChallengerWon);
        requireStatus(AssertionStatus.Killed);
    }

    function test_LateProofIsRefused() public {
        claimWrong(2, 2, 1);
        bytes32 gameId = openAs(CHALLENGER, 0);
        bytes31[] memory c = inner(gameId);
        splitAs(ASSERTER, gameId, c);
        pickAs(CHALLENGER, gameId, c, 0);
        vm.warp(time() + CLOCK);
        StepProof memory p = proofOf(0);
        vm.expectPartialRevert(Disputes.ClockRunOut.selector);
        vm.prank(CHALLENGER);
        rollup.proveStepInGame(gameId, p);
        rollup.timeout(one(gameId));
        requireGame(gameId, GameStatus.AsserterWon);
        requireStatus(AssertionStatus.Pending);
    }

    /// One step is left, it is the challenger's move since now, and its clock has not run yet.
    function oneStepLeft() private returns (bytes32 gameId) {
        claimWrong(2, 2, 1);
        gameId = openAs(CHALLENGER, 0);
        bytes31[] memory c = inner(gameId);
        splitAs(ASSERTER, gameId, c);
        EXECUTE.setCongestion(1234);
        pickAs(CHALLENGER, gameId, c, 0);
    }

    function test_AFullExecuteStopsTheClock() public {
        bytes32 gameId = oneStepLeft();
        uint256 start = time();
        assertEq(rollup.game(gameId).congestion, 1234, "what was before doesn't count");
        assertEq(rollup.deadline(gameId), start + CLOCK, "deadline");
        EXECUTE.setCongestion(1234 + 500);
        assertEq(rollup.deadline(gameId), start + CLOCK + 500, "put off");
        vm.warp(start + CLOCK + 499);
        rollup.timeout(one(gameId));
        requireGame(gameId, GameStatus.Open);
        uint256 before = vm.snapshotState();
        proveAs(CHALLENGER, gameId);
        requireStatus(AssertionStatus.Killed);
        requireGame(gameId, GameStatus.ChallengerWon);

        vm.revertToState(before);
        vm.warp(start + CLOCK + 500);
        StepProof memory p = proofOf(0);
        vm.expectRevert(abi.encodeWithSelector(Disputes.ClockRunOut.selector, CLOCK + 500, CLOCK + 500));
        vm.prank(CHALLENGER);
        rollup.proveStepInGame(gameId, p);
        rollup.timeout(one(gameId));
        requireGame(gameId, GameStatus.AsserterWon);
        vm.expectPartialRevert(Disputes.GameNotOpen.selector);
        rollup.deadline(gameId);
    }

    function test_AFullExecuteNeverOutlastsTheWindow() public {
        bytes32 gameId = oneStepLeft();
        uint256 end = rollup.assertion(id).createdAt + WINDOW;
        EXECUTE.setCongestion(1234 + 100 * WINDOW);
        assertEq(rollup.deadline(gameId), end, "the window's end");
        vm.warp(end - 1);
        rollup.timeout(one(gameId));
        requireGame(gameId, GameStatus.Open);
        vm.warp(end);
        StepProof memory p = proofOf(0);
        vm.expectPartialRevert(Disputes.ClockRunOut.selector);
        vm.prank(CHALLENGER);
        rollup.proveStepInGame(gameId, p);
        rollup.timeout(one(gameId));
        requireGame(gameId, GameStatus.AsserterWon);
        rollup.confirm(id);
        requireStatus(AssertionStatus.Confirmed);
    }

    /// Splits and picks need no EXECUTE.
    function test_OtherMovesDontWaitForExecute() public {
        claimWrong(16, 2, WRONG);
        bytes32 gameId = openAs(CHALLENGER, 1);
        uint256 start = time();
        EXECUTE.setCongestion(5000);
        assertEq(rollup.deadline(gameId), start + CLOCK, "the asserter's");
        splitAs(ASSERTER, gameId, inner(gameId));
        EXECUTE.setCongestion(9000);
        assertEq(rollup.deadline(gameId), start + CLOCK, "the challenger's pick");
        vm.warp(start + CLOCK);
        rollup.timeout(one(gameId));
        requireGame(gameId, GameStatus.AsserterWon);
        vm.expectPartialRevert(Disputes.GameNotOpen.selector);
        rollup.deadline("unknown");
    }

    /// An EXECUTE that can't be asked how congested it was is no reason to end a game.
    function test_NoTimeoutWithoutKnowingTheCongestion() public {
        bytes32 gameId = oneStepLeft();
        vm.warp(time() + CLOCK);
        vm.mockCallRevert(address(EXECUTE), abi.encodeCall(EXECUTE.congestedSeconds, ()), "");
        vm.expectRevert(Execute.ExecuteMissing.selector);
        rollup.timeout(one(gameId));
        requireGame(gameId, GameStatus.Open);
    }

    function test_AStagedWitnessKills() public {
        bytes32 gameId = oneStepLeft();
        StepProof memory p = proofOf(0);
        p.witness = "";
        p.witnessPointers = new address[](2);
        Stage stage = Stage(deploy("Stage", ""));
        p.witnessPointers[0] = stage.stage(new bytes(24575));
        p.witnessPointers[1] = stage.stage("the end of it");
        vm.prank(CHALLENGER);
        rollup.proveStepInGame(gameId, p);
        requireStatus(AssertionStatus.Killed);
    }

    function test_SilentAsserterLoses() public {
        claimWrong(16, 2, 0); // right, but silent
        bytes32 gameId = openAs(CHALLENGER, 1);
        vm.warp(time() + CLOCK);
        uint256 burned = address(0).balance;
        vm.prank(STRANGER);
        rollup.timeout(one(gameId));
        assertEq(rollup.credit(CHALLENGER), CHALLENGE_BOND + 1 ether, "bond and reward");
        assertEq(rollup.credit(STRANGER), 0, "not who calls");
        assertEq(address(0).balance - burned, 9 ether, "the rest is burned");
        requireBalanced(0);
        rollup.timeout(one(gameId));
        assertEq(rollup.credit(CHALLENGER), CHALLENGE_BOND + 1 ether, "once");
        vm.expectPartialRevert(Disputes.GameNotVoid.selector);
        rollup.reclaim(gameId);
    }

    function test_WhatDiedBySilenceIsMadeAgainAndDefended() public {
        claimWrong(16, 2, 0);
        bytes32 first = id;
        openAs(CHALLENGER, 1);
        bytes32 firstGame = keccak256(abi.encode(first, CHALLENGER, uint64(1)));
        vm.warp(time() + CLOCK);
        rollup.timeout(one(firstGame));
        requireStatus(AssertionStatus.Killed);

        id = assertStates(rollup, ASSERTER, 0, batch, right);
        assertEq(id, keccak256(abi.encode(first)), "another id");
        requireStatus(AssertionStatus.Pending);
        bytes32 gameId = openAs(CHALLENGER, 1);
        assertTrue(gameId != firstGame, "another game");
        splitAs(ASSERTER, gameId, inner(gameId));
        vm.warp(time() + WINDOW);
        rollup.timeout(one(gameId));
        rollup.confirm(id);
        requireStatus(AssertionStatus.Confirmed);
    }

    function test_TimeoutSkipsWhatIsNotOver() public {
        claimWrong(16, 2, 0);
        bytes32[] memory ids = new bytes32[](5);
        ids[0] = "unknown";
        ids[1] = openAs(CHALLENGER, 0);
        ids[2] = openAs(STRANGER, 0);
        ids[3] = ids[1];
        ids[4] = openAs(STRANGER, 1);
        splitAs(ASSERTER, ids[1], inner(ids[1]));
        splitAs(ASSERTER, ids[2], inner(ids[2]));
        vm.warp(time() + CLOCK - 1);
        splitAs(ASSERTER, ids[4], inner(ids[4]));
        vm.warp(time() + 1);
        rollup.timeout(ids);
        requireGame(ids[1], GameStatus.AsserterWon);
        requireGame(ids[2], GameStatus.AsserterWon);
        requireGame(ids[4], GameStatus.Open);
        assertEq(rollup.credit(ASSERTER), 2 * CHALLENGE_BOND, "each once");
        assertEq(rollup.assertion(id).openGames, 1, "one left");
        requireBalanced(ASSERTION_BOND + CHALLENGE_BOND);
    }

    // ---- several games

    function test_OtherGamesAreVoid() public {
        claimWrong(16, 2, WRONG);
        bytes32 first = openAs(CHALLENGER, 1);
        bytes32 second = openAs(STRANGER, 1);
        splitAs(ASSERTER, second, inner(second));
        vm.expectPartialRevert(Disputes.GameNotVoid.selector);
        rollup.reclaim(second);
        vm.warp(time() + CLOCK);
        rollup.timeout(one(first));
        requireGame(second, GameStatus.Void);
        bytes31[] memory c = inner(second);
        vm.expectPartialRevert(Disputes.GameNotOpen.selector);
        vm.prank(STRANGER);
        rollup.pick(second, 16, 32, c, 0);
        vm.warp(time() + CLOCK);
        rollup.timeout(one(second)); // the stranger's clock doesn't matter any more
        requireGame(second, GameStatus.Void);
        rollup.reclaim(second);
        assertEq(rollup.credit(STRANGER), CHALLENGE_BOND, "bond back");
        requireGame(second, GameStatus.Void);
        vm.expectPartialRevert(Disputes.GameNotVoid.selector);
        rollup.reclaim(second);
        vm.expectPartialRevert(Disputes.GameNotVoid.selector);
        rollup.reclaim(first);
        requireBalanced(0);
        CheckpointOpening memory o = openingOf(0);
        vm.expectPartialRevert(Assertions.NotPending.selector);
        rollup.openGame{value: CHALLENGE_BOND}(id, 0, o);
    }

    /// A second asserter's equal claim has its own games: losing one by silence doesn't touch the other.
    function test_AssertionsOfTheSameClaimAreApart() public {
        claimWrong(16, 2, 0);
        bytes32 other = assertStates(rollup, STRANGER, 0, batch, right);
        bytes32 gameId = openAs(CHALLENGER, 1);
        vm.warp(time() + CLOCK);
        rollup.timeout(one(gameId));
        requireStatus(AssertionStatus.Killed);
        vm.warp(time() + WINDOW);
        rollup.confirm(other);
        (bytes32 latest,,,) = rollup.latestConfirmed();
        assertEq(latest, other, "confirmed");
    }
}
