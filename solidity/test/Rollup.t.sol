// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Assertions, RollupConfig} from "../src/Assertions.sol";
import {Bonds} from "../src/Bonds.sol";
import {BatchHeader} from "../src/IInbox.sol";
import {Assertion, AssertionStatus, CheckpointOpening} from "../src/IRollup.sol";
import {Inbox} from "../src/Inbox.sol";
import {Rollup} from "../src/Rollup.sol";
import {StepState} from "../src/Types.sol";
import {Checkpoints} from "../src/lib/Checkpoints.sol";
import {Commitment} from "../src/lib/Commitment.sol";
import {Fixture} from "./support/Fixture.sol";

contract RefusesEther {
    function withdraw(Rollup rollup, address to) external {
        rollup.withdraw(to);
    }

    function makeAssertion(Rollup rollup, uint256 bond, bytes calldata call) external returns (bytes32) {
        (bool ok, bytes memory answer) = address(rollup).call{value: bond}(call);
        require(ok);
        return abi.decode(answer, (bytes32));
    }
}

contract WithdrawsTwice {
    Rollup private immutable rollup;
    bool public again;

    constructor(Rollup rollup_) {
        rollup = rollup_;
    }

    function go() external {
        rollup.withdraw(address(this));
    }

    receive() external payable {
        (again,) = address(rollup).call(abi.encodeCall(rollup.withdraw, (address(this))));
    }
}

/// Assertions: what is accepted, the order they are confirmed in, and who gets which bond.
contract RollupTest is Fixture {
    BatchHeader private batch;
    StepState[] private unused;

    function setUp() public override {
        super.setUp();
        batch = postBatch(2);
    }

    function honest(BatchHeader memory b) private view returns (StepState[] memory) {
        return toyStates(b, genesisState());
    }

    function makeHonest() private returns (bytes32) {
        return assertStates(rollup, ASSERTER, 0, batch, honest(batch));
    }

    // ---- constructor

    function refuse(RollupConfig memory c, bytes4 why) private {
        vm.expectPartialRevert(why);
        Rollup(payable(deploy("Rollup", abi.encode(c))));
    }

    function test_ConstructorRefusesNonsense() public {
        RollupConfig memory c = config(16, 2);
        c.inbox = address(0);
        refuse(c, Assertions.NoContract.selector);
        c = config(16, 2);
        c.verifier = STRANGER;
        refuse(c, Assertions.NoContract.selector);
        refuse(config(16, 1), Assertions.ArityOutOfRange.selector);
        refuse(config(16, 65), Assertions.ArityOutOfRange.selector);
        refuse(config(24211, 2), Assertions.StrideTooLong.selector);
        c = config(16, 2);
        c.clock = 0;
        refuse(c, Assertions.ZeroClock.selector);
        c.clock = WINDOW / 2;
        refuse(c, Assertions.WindowTooShort.selector);
        c.clock = type(uint64).max;
        refuse(c, Assertions.WindowTooShort.selector);
        c.window = type(uint64).max;
        refuse(c, Assertions.WindowTooLong.selector);
        c = config(16, 2);
        c.assertionBond = 0;
        refuse(c, Assertions.ZeroAssertionBond.selector);
        c = config(16, 2);
        c.challengeBond = 0;
        refuse(c, Assertions.ZeroChallengeBond.selector);
        c = config(16, 2);
        c.rewardBps = 5001;
        refuse(c, Assertions.RewardTooHigh.selector);
        c = config(16, 2);
        c.genesisBlockHash = 0;
        refuse(c, Assertions.ZeroGenesis.selector);
        c = config(16, 2);
        c.genesisStateRoot = 0;
        refuse(c, Assertions.ZeroGenesis.selector);
    }

    function test_Genesis() public view {
        (bytes32 id, uint64 count, bytes32 root, bytes32 hash) = rollup.latestConfirmed();
        assertEq(id, 0, "id");
        assertEq(count, 0, "no batch");
        assertEq(root, genesisState().stateRoot, "root");
        assertEq(hash, genesisState().blockHash, "hash");
        Assertion memory a = rollup.assertion(0);
        assertEq(a.commitment, Commitment.ofMemory(genesisState()), "commitment");
        assertTrue(a.status == AssertionStatus.Confirmed, "confirmed");
    }

    // ---- making

    function test_MakesAnAssertion() public {
        StepState[] memory s = honest(batch);
        bytes32 id = makeHonest();
        Assertion memory a = rollup.assertion(id);
        bytes32 batchHash = keccak256(abi.encode(batch));
        bytes31 c = Commitment.ofMemory(s[4]);
        assertEq(id, keccak256(abi.encode(bytes32(0), batchHash, uint64(4), c, a.checkpointBlobs, ASSERTER)), "id");
        assertEq(a.batchHash, batchHash, "batch");
        assertEq(a.steps, 4, "steps");
        assertEq(a.commitment, c, "commitment");
        assertEq(a.stateRoot, s[4].stateRoot, "root");
        assertEq(a.createdAt, time(), "created");
        assertEq(a.asserter, ASSERTER, "asserter");
        assertTrue(a.status == AssertionStatus.Pending && a.openGames == 0 && a.checkpointBlobs.length == 1, "new");
        vm.expectRevert(abi.encodeWithSelector(Assertions.AssertionExists.selector, id));
        this.again(batch, s);
    }

    function again(BatchHeader calldata b, StepState[] calldata s) external {
        assertStates(rollup, ASSERTER, 0, b, s);
    }

    struct Call {
        bytes32 parentId;
        bytes32 batchHash;
        uint64 batchIndex;
        uint64 steps;
        StepState finalState;
        CheckpointOpening ends;
        uint256 bond;
    }

    function good() private returns (Call memory c) {
        StepState[] memory s = honest(batch);
        blobs("checkpoints", 1);
        c = Call(
            0,
            keccak256(abi.encode(batch)),
            0,
            4,
            s[4],
            opening(Commitment.ofMemory(s[0]), Commitment.ofMemory(s[4])),
            ASSERTION_BOND
        );
    }

    function refuse(Call memory c, bytes4 why) private {
        vm.prank(ASSERTER);
        vm.expectPartialRevert(why);
        rollup.makeAssertion{value: c.bond}(c.parentId, c.batchHash, c.batchIndex, c.steps, c.finalState, c.ends);
    }

    function test_RefusesBondsParentsAndBatches() public {
        Call memory c = good();
        c.bond = ASSERTION_BOND - 1;
        refuse(c, Bonds.WrongBond.selector);
        c.bond = ASSERTION_BOND + 1;
        refuse(c, Bonds.WrongBond.selector);
        c = good();
        c.parentId = "unknown";
        refuse(c, Assertions.UnknownAssertion.selector);
        c = good();
        c.batchIndex = 1;
        refuse(c, Assertions.WrongBatchIndex.selector);
        c = good();
        c.batchHash = "unknown";
        refuse(c, Inbox.UnknownBatch.selector);
        c.batchHash = keccak256(abi.encode(postBatch(1)));
        refuse(c, Assertions.WrongBatch.selector);
        c = good();
        c.steps = 0;
        refuse(c, Assertions.StepsOutOfRange.selector);
        c.steps = 24211;
        refuse(c, Assertions.StepsOutOfRange.selector);
    }

    function test_RefusesFinalStatesInMidBatch() public {
        Call memory c = good();
        c.finalState.cursor.batch = 0;
        refuse(c, Assertions.FinalStateNotAtBatchEnd.selector);
        c = good();
        c.finalState.cursor.batch = 2;
        refuse(c, Assertions.FinalStateNotAtBatchEnd.selector);
        c = good();
        c.finalState.cursor.chunk = 1;
        refuse(c, Assertions.FinalStateNotAtBatchEnd.selector);
        c = good();
        c.finalState.cursor.item = 1;
        refuse(c, Assertions.FinalStateNotAtBatchEnd.selector);
        c = good();
        c.finalState.open.number = 1;
        refuse(c, Assertions.FinalStateNotAtBatchEnd.selector);
        c = good();
        c.finalState.open.logsBloom = new bytes(256);
        refuse(c, Assertions.FinalStateNotAtBatchEnd.selector);
        c = good();
        c.finalState.fragmentsSize = 1;
        refuse(c, Assertions.FinalStateNotAtBatchEnd.selector);
        c = good();
        c.finalState.fragmentsHash = "x";
        refuse(c, Assertions.FinalStateNotAtBatchEnd.selector);
    }

    function test_RefusesWrongCheckpoints() public {
        Call memory c = good();
        blobs("", 0);
        refuse(c, Assertions.WrongBlobCount.selector);
        blobs("", 2);
        refuse(c, Assertions.WrongBlobCount.selector);
        c = good();
        c.ends.elements[0] = element(bytes31("other"));
        refuse(c, Assertions.WrongEnd.selector);
        c = good();
        c.ends.elements[1] = element(bytes31("other"));
        refuse(c, Assertions.WrongEnd.selector);
        c = good();
        c.ends.elements[0].value |= bytes32(uint256(1) << 248);
        refuse(c, Assertions.WrongEnd.selector);
        c = good();
        c.ends.commitments = new bytes[](1);
        refuse(c, Checkpoints.WrongOpeningCount.selector);
    }

    function test_LongestBatchTakesSixCheckpointBlobs() public {
        rollup = deployRollup(1, 2);
        Call memory c = good();
        c.steps = 24210;
        blobs("", 5);
        refuse(c, Assertions.WrongBlobCount.selector);
        blobs("", 6);
        vm.prank(ASSERTER);
        bytes32 id = rollup.makeAssertion{value: c.bond}(0, c.batchHash, 0, c.steps, c.finalState, c.ends);
        assertEq(rollup.assertion(id).checkpointBlobs.length, 6, "all kept");
    }

    // ---- confirming

    function test_ConfirmsAfterTheWindow() public {
        bytes32 id = makeHonest();
        vm.warp(time() + WINDOW - 1);
        vm.expectPartialRevert(Assertions.WindowOpen.selector);
        rollup.confirm(id);
        vm.warp(time() + 1);
        rollup.confirm(id);
        (bytes32 latest, uint64 count, bytes32 root,) = rollup.latestConfirmed();
        assertEq(latest, id, "latest");
        assertEq(count, 1, "one batch");
        assertEq(root, rollup.assertion(id).stateRoot, "root");
        assertEq(rollup.credit(ASSERTER), ASSERTION_BOND, "bond back");
        vm.expectPartialRevert(Assertions.NotPending.selector);
        rollup.confirm(id);
        vm.expectPartialRevert(Assertions.UnknownAssertion.selector);
        rollup.confirm("unknown");
        vm.expectPartialRevert(Assertions.NotPending.selector);
        rollup.confirm(0);
        vm.expectPartialRevert(Assertions.NotPending.selector);
        rollup.killOrphan(id);
    }

    function test_ChainIsConfirmedInOrder() public {
        bytes32 first = makeHonest();
        BatchHeader memory next = postBatch(1);
        StepState[] memory s = honest(batch);
        bytes32 second = assertStates(rollup, STRANGER, first, next, toyStates(next, s[4]));
        vm.warp(time() + WINDOW);
        vm.expectRevert(abi.encodeWithSelector(Assertions.ParentNotLatestConfirmed.selector, first, bytes32(0)));
        rollup.confirm(second);
        rollup.confirm(first);
        rollup.confirm(second);
        (bytes32 latest, uint64 count,,) = rollup.latestConfirmed();
        assertEq(latest, second, "latest");
        assertEq(count, 2, "two batches");
    }

    function test_RivalsDieAndDuplicatesAreRefunded() public {
        StepState[] memory s = honest(batch);
        bytes32 id = makeHonest();
        bytes32 duplicate = assertStates(rollup, CHALLENGER, 0, batch, s);
        bytes32 rival = assertStates(rollup, STRANGER, 0, batch, lyingStates(s, 2));
        vm.expectRevert(abi.encodeWithSelector(Assertions.NotOrphan.selector, rival));
        rollup.killOrphan(rival);
        vm.warp(time() + WINDOW);
        rollup.confirm(id);
        vm.expectPartialRevert(Assertions.ParentNotLatestConfirmed.selector);
        rollup.confirm(rival);
        vm.expectPartialRevert(Assertions.ParentNotLatestConfirmed.selector);
        rollup.confirm(duplicate);
        rollup.killOrphan(duplicate);
        assertEq(rollup.credit(CHALLENGER), ASSERTION_BOND, "refunded");
        uint256 burned = address(0).balance;
        vm.prank(SEQUENCER);
        rollup.killOrphan(rival);
        assertEq(rollup.credit(SEQUENCER), 1 ether, "a tenth to who calls");
        assertEq(address(0).balance - burned, 9 ether, "the rest is burned");
        assertEq(rollup.credit(STRANGER), 0, "nothing back");
        assertEq(address(rollup).balance, 21 ether, "all that is owed");
        vm.expectPartialRevert(Assertions.NotPending.selector);
        rollup.killOrphan(rival);
        vm.expectPartialRevert(Assertions.ParentHasConfirmedChild.selector);
        this.again(batch, lyingStates(s, 1));
    }

    /// A child of a dead rival is dead too; it might have been honest about a parent whose asserter fell silent.
    function test_ChildrenOfTheDeadAreRefunded() public {
        StepState[] memory s = honest(batch);
        StepState[] memory lies = lyingStates(s, 2);
        bytes32 id = makeHonest();
        bytes32 rival = assertStates(rollup, STRANGER, 0, batch, lies);
        BatchHeader memory next = postBatch(1);
        bytes32 child = assertStates(rollup, CHALLENGER, rival, next, toyStates(next, lies[4]));
        vm.warp(time() + WINDOW);
        rollup.confirm(id);
        vm.expectPartialRevert(Assertions.NotOrphan.selector);
        rollup.killOrphan(child);
        rollup.killOrphan(rival);
        rollup.killOrphan(child);
        assertEq(rollup.credit(CHALLENGER), ASSERTION_BOND, "refunded");
        vm.expectPartialRevert(Assertions.ParentKilled.selector);
        this.onto(rival, next, toyStates(next, lies[4]));
    }

    function onto(bytes32 parentId, BatchHeader calldata b, StepState[] calldata s) external {
        assertStates(rollup, SEQUENCER, parentId, b, s);
    }

    // ---- money

    function test_WithdrawsOnce() public {
        bytes32 id = makeHonest();
        vm.expectRevert(abi.encodeWithSelector(Bonds.NothingToWithdraw.selector, ASSERTER));
        vm.prank(ASSERTER);
        rollup.withdraw(ASSERTER);
        vm.warp(time() + WINDOW);
        rollup.confirm(id);
        uint256 before = address(0xdad).balance;
        vm.prank(ASSERTER);
        assertEq(rollup.withdraw(address(0xdad)), ASSERTION_BOND, "amount");
        assertEq(address(0xdad).balance - before, ASSERTION_BOND, "sent where it was told to");
        vm.expectRevert(abi.encodeWithSelector(Bonds.NothingToWithdraw.selector, ASSERTER));
        vm.prank(ASSERTER);
        rollup.withdraw(ASSERTER);
        assertEq(address(rollup).balance, 0, "empty");
    }

    function test_RejectingRecipientHarmsOnlyItself() public {
        RefusesEther refuser = new RefusesEther();
        vm.deal(address(refuser), ASSERTION_BOND);
        Call memory c = good();
        bytes32 id = refuser.makeAssertion(
            rollup,
            ASSERTION_BOND,
            abi.encodeCall(rollup.makeAssertion, (c.parentId, c.batchHash, c.batchIndex, c.steps, c.finalState, c.ends))
        );
        vm.warp(time() + WINDOW);
        rollup.confirm(id);
        vm.expectRevert();
        refuser.withdraw(rollup, address(refuser));
        assertEq(rollup.credit(address(refuser)), ASSERTION_BOND, "still owed");
        refuser.withdraw(rollup, STRANGER);
        assertEq(rollup.credit(address(refuser)), 0, "paid elsewhere");
    }

    function test_NoReentry() public {
        WithdrawsTwice thief = new WithdrawsTwice(rollup);
        vm.deal(address(thief), 0);
        blobs("checkpoints", 1);
        Call memory c = good();
        makeHonest(); // whose bond is there to be taken
        blobs("thief's", 1);
        vm.deal(address(thief), ASSERTION_BOND);
        vm.prank(address(thief));
        bytes32 id = rollup.makeAssertion{value: ASSERTION_BOND}(0, c.batchHash, 0, c.steps, c.finalState, c.ends);
        vm.warp(time() + WINDOW);
        rollup.confirm(id);
        thief.go();
        assertTrue(!thief.again(), "the second withdrawal failed");
        assertEq(address(thief).balance, ASSERTION_BOND, "its own");
    }

    function test_NobodyButTheVerifierPaysIn() public {
        vm.deal(address(this), 1 ether);
        (bool ok,) = address(rollup).call{value: 1 ether}("");
        assertTrue(!ok, "refused");
    }
}
