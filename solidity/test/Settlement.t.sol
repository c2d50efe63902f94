// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Assertions} from "../src/Assertions.sol";
import {Derivation} from "../src/Derivation.sol";
import {BatchHeader} from "../src/IInbox.sol";
import {
    Assertion, AssertionStatus, ChunkOpening, GameStatus, IRollup, StepProof
} from "../src/IRollup.sol";
import {Inbox} from "../src/Inbox.sol";
import {Settlement} from "../src/Settlement.sol";
import {StepVerifier} from "../src/StepVerifier.sol";
import {Input, InputKind, StepState} from "../src/Types.sol";
import {Execute} from "../src/lib/Execute.sol";
import {Commitment} from "../src/lib/Commitment.sol";
import {ChunkRoot} from "../src/lib/ChunkRoot.sol";
import {Chunks} from "./support/Chunks.sol";
import {Fixture} from "./support/Fixture.sol";
import {Sealing, SealingExecute} from "./support/SealingExecute.sol";

/// Batches settled by EXECUTE. The toy judges here, and KZG proofs are taken as good; tests/e2e settles real ones.
contract SettlementTest is Fixture {
    BatchHeader private batch;
    bytes[] private chunks; // 2,032 bytes each
    bytes32[] private leaves; // of a batch in calldata
    bytes[] private states; // before each step, and the last: abi.encode(StepState)
    bytes[] private pending; // abi.encode(bytes[]): the fragments pending at each
    Input[] private inputs;

    function setUp() public override {
        super.setUp();
        vm.etch(address(EXECUTE), type(SealingExecute).runtimeCode);
        vm.deal(address(this), 1000 ether);
    }

    // ---- batches and their steps

    /// Blocks, transactions, fragments over chunk borders, pending ones that are dropped, garbage, drift.
    function mixed() private {
        chunks.push(Chunks.write(hex"040004", hex"03a2ff0101a0", hex"aabbccdd")); // tx, BlockStart(255), tx
        chunks.push(Chunks.write(hex"0408", hex"01a002a1", hex"01f0f1")); // tx, Fragment
        chunks.push(Chunks.item(3, hex"f2f3f4"));
        chunks.push(Chunks.write(hex"0c0008", hex"01a00101a0", hex"f5f6")); // LastFragment, BlockStart(1), Fragment
        chunks.push(Chunks.padded(hex"07")); // another version: a Skip, which drops what is pending
        chunks.push(Chunks.write(hex"0c04", hex"01a001a0", hex"f702")); // LastFragment of nothing, tx
        chunks.push(Chunks.write(hex"0004", hex"ffff7f01a0", hex"03")); // BlockStart too late, tx
        chunks.push(Chunks.item(3, hex"ee")); // pending at the batch's end
    }

    /// Takes deposits and forced transactions, and posts what `chunks` holds, by calldata or in a blob.
    function post(bool inCalldata) private {
        portal.deposit{value: 5 gwei}(STRANGER);
        force("forced 0");
        force("forced 1");
        if (!inCalldata) {
            batch = postBatch(uint64(chunks.length));
        } else {
            bytes memory data;
            delete leaves;
            for (uint256 i = 0; i < chunks.length; ++i) {
                data = bytes.concat(data, chunks[i]);
                leaves.push(ChunkRoot.leaf(i, keccak256(chunks[i])));
            }
            vm.roll(height() + 1);
            vm.blobhashes(new bytes32[](0));
            bytes memory rlp = origin(height() - 1);
            BatchHeader memory b = expectedBatch(uint64(chunks.length), new bytes32[](0), height() - 1);
            b.dataRoot = this.rootOf(data);
            vm.prank(SEQUENCER);
            bytes32 posted = inbox.postCalldata(b.parentHash, data, noPages(), rlp);
            assertEq(posted, keccak256(abi.encode(b)), "batch hash");
            batch = b;
        }
    }

    function rootOf(bytes calldata data) external pure returns (bytes32) {
        return ChunkRoot.compute(data);
    }

    /// All steps from `first` on, one by one: where each leads and what is pending then.
    function derive(StepState memory s) private {
        delete states;
        delete pending;
        delete inputs;
        bytes[] memory fragments = new bytes[](0);
        while (true) {
            states.push(abi.encode(s));
            pending.push(abi.encode(fragments));
            if (s.cursor.batch != batch.index) break;
            Input memory input = verifier.deriveInput(inbox, proofOf(states.length - 1, 1, s, s));
            inputs.push(input);
            fragments = input.kind == InputKind.Fragment ? with(fragments, input.payload) : new bytes[](0);
            (s,) = Sealing.step(s, input);
        }
    }

    function with(bytes[] memory list, bytes memory last) private pure returns (bytes[] memory longer) {
        longer = new bytes[](list.length + 1);
        for (uint256 i = 0; i < list.length; ++i) {
            longer[i] = list[i];
        }
        longer[list.length] = last;
    }

    function state(uint256 i) private view returns (StepState memory) {
        return abi.decode(states[i], (StepState));
    }

    function total() private view returns (uint256) {
        return inputs.length;
    }

    function opened(uint64 c) private view returns (ChunkOpening memory o) {
        if (batch.dataRoot == 0) return chunk(chunks[c - 1]);
        o.data = chunks[c - 1];
        o.path = pathOf(c - 1);
    }

    /// The siblings of leaf `index`, as docs/protocol.md section 2 makes the tree.
    function pathOf(uint256 index) private view returns (bytes32[] memory path) {
        bytes32[] memory nodes = leaves;
        path = new bytes32[](0);
        for (uint256 n = nodes.length; n > 1; n = (n + 1) / 2) {
            if (index ^ 1 < n) {
                bytes32[] memory longer = new bytes32[](path.length + 1);
                for (uint256 i = 0; i < path.length; ++i) {
                    longer[i] = path[i];
                }
                longer[path.length] = nodes[index ^ 1];
                path = longer;
            }
            for (uint256 i = 0; i < n / 2; ++i) {
                (bytes32 a, bytes32 b) = (nodes[2 * i], nodes[2 * i + 1]);
                nodes[i] = a < b ? keccak256(abi.encode(a, b)) : keccak256(abi.encode(b, a));
            }
            if (n % 2 == 1) nodes[n / 2] = nodes[n - 1];
            index /= 2;
        }
    }

    /// Of the steps [from, from + steps).
    function proof(uint256 from, uint256 steps) private view returns (StepProof memory) {
        return proofOf(from, steps, state(from), state(from + steps));
    }

    function proofOf(uint256 from, uint256 steps, StepState memory pre, StepState memory post_)
        private
        view
        returns (StepProof memory p)
    {
        (p.batch, p.pre, p.post) = (batch, pre, post_);
        p.witness = "witness";
        p.fragments = abi.decode(pending[from], (bytes[]));
        uint64 last;
        for (uint256 i = from; i < from + steps; ++i) {
            StepState memory s = i == from ? pre : state(i);
            if (s.cursor.chunk == 0 && s.cursor.item == 0) p.parentHeader = parentOf(s);
            else if (s.cursor.chunk == 0) p.forcedTransactions = with(p.forcedTransactions, forcedAt(s.cursor.item - 1));
            else if (s.cursor.chunk <= batch.chunkCount && s.cursor.chunk != last) {
                last = s.cursor.chunk;
                ChunkOpening[] memory more = new ChunkOpening[](p.chunks.length + 1);
                for (uint256 k = 0; k < p.chunks.length; ++k) {
                    more[k] = p.chunks[k];
                }
                more[p.chunks.length] = opened(last);
                p.chunks = more;
            }
        }
    }

    bytes private lastHeader; // of the batch before

    function parentOf(StepState memory s) private view returns (bytes memory) {
        return keccak256(l2Parent) == s.blockHash ? l2Parent : lastHeader;
    }

    function forcedAt(uint64 i) private pure returns (bytes memory) {
        return i == 0 ? bytes("forced 0") : bytes("forced 1");
    }

    function gasOf(uint256 from, uint256 steps) private view returns (uint64 gas) {
        for (uint256 i = from; i < from + steps; ++i) {
            if (inputs[i].kind == InputKind.Transaction) gas += 21000;
        }
    }

    function at(uint256 i) private view returns (bytes31) {
        return Commitment.ofMemory(state(i));
    }

    function batchHash() private view returns (bytes32) {
        return keccak256(abi.encode(batch));
    }

    function settleCall(uint256 from, uint256 steps) private view returns (bytes memory) {
        return abi.encodeCall(
            rollup.settle, (batchHash(), at(from), uint64(steps), gasOf(from, steps), proof(from, steps))
        );
    }

    function settle(uint256 from, uint256 steps) private returns (bytes32 id) {
        uint64 gas = gasOf(from, steps);
        StepProof memory p = proof(from, steps);
        vm.prank(STRANGER);
        return rollup.settle{value: 1 ether}(batchHash(), p_at(p), uint64(steps), gas, p);
    }

    function p_at(StepProof memory p) private pure returns (bytes31) {
        return Commitment.ofMemory(p.pre);
    }

    function requireSettled(bytes32 id) private view {
        StepState memory last = state(total());
        Assertion memory a = rollup.assertion(id);
        assertTrue(a.status == AssertionStatus.Confirmed, "confirmed");
        assertEq(a.batchHash, batchHash(), "batch");
        assertEq(a.steps, total(), "steps");
        assertEq(a.commitment, Commitment.ofMemory(last), "commitment");
        assertEq(a.stateRoot, last.stateRoot, "state root");
        assertEq(a.blockHash, last.blockHash, "block hash");
        assertEq(a.asserter, address(0), "nobody's");
        (bytes32 latest, uint64 count, bytes32 root, bytes32 hash) = rollup.latestConfirmed();
        assertEq(latest, id, "latest");
        assertEq(count, batch.index + 1, "batches");
        assertEq(root, last.stateRoot, "latest root");
        assertEq(hash, last.blockHash, "latest block");
        (bytes31 reached, uint64 steps) = rollup.settled(batchHash());
        assertTrue(reached == 0 && steps == 0, "no progress kept");
    }

    // ---- deriving

    /// Several steps have just the inputs that they have one by one, wherever they begin and end.
    function test_SegmentsHaveTheInputsOfTheirSteps() public {
        mixed();
        for (uint256 k = 0; k < 2; ++k) {
            post(k == 1);
            if (k == 1) batch.index = 0; // derived on its own
            derive(genesisState());
            assertEq(total(), 19, "steps");
            for (uint256 from = 0; from < total(); ++from) {
                for (uint256 steps = 1; from + steps <= total(); ++steps) {
                    this.requireSegment(from, steps); // in memory of its own
                }
            }
        }
    }

    function requireSegment(uint256 from, uint256 steps) external view {
        Input[] memory found = verifier.deriveInputs(inbox, proof(from, steps), uint64(steps));
        assertEq(found.length, steps, "as many");
        for (uint256 i = 0; i < steps; ++i) {
            assertEq(keccak256(abi.encode(found[i])), keccak256(abi.encode(inputs[from + i])), "input");
        }
    }

    function test_WhatTheMixedBatchHas() public {
        mixed();
        post(false);
        derive(genesisState());
        uint8[19] memory kinds = [0, 1, 1, 1, 0, 1, 1, 2, 2, 1, 0, 2, 3, 3, 1, 3, 1, 2, 4];
        uint256 n = kinds.length;
        assertEq(total(), n, "steps");
        for (uint256 i = 0; i < n; ++i) {
            assertEq(uint256(inputs[i].kind), kinds[i], "kind");
        }
        assertEq(inputs[9].payload, hex"f0f1f2f3f4f5", "joined over two borders");
    }

    function test_SegmentsNeedAllOfTheirSources() public {
        mixed();
        post(false);
        derive(genesisState());
        StepProof memory p = proof(0, 3);
        p.forcedTransactions = onlyBytes("forced 0");
        vm.expectRevert(abi.encodeWithSelector(Derivation.ForcedTransactionMissing.selector, 1));
        verifier.deriveInputs(inbox, p, 3);
        p = proof(3, 6);
        assertEq(p.chunks.length, 3, "chunks");
        p.chunks = only(p.chunks[0]);
        vm.expectRevert(abi.encodeWithSelector(Derivation.ChunkMissing.selector, 2));
        verifier.deriveInputs(inbox, p, 6);
        p = proof(8, 2);
        p.fragments = new bytes[](0);
        vm.expectRevert(Derivation.FragmentsMismatch.selector);
        verifier.deriveInputs(inbox, p, 2);
        p = proof(total() - 1, 1);
        vm.expectPartialRevert(Derivation.InvalidCursor.selector);
        verifier.deriveInputs(inbox, p, 2);
        vm.expectRevert(Derivation.NoSteps.selector);
        verifier.deriveInputs(inbox, p, 0);
    }

    // ---- settling

    function test_InOneTransaction() public {
        mixed();
        post(false);
        derive(genesisState());
        uint256 before = STRANGER.balance;
        vm.expectEmit();
        emit IRollup.SegmentSettled(
            batchHash(), STRANGER, uint64(total()), at(total()), gasOf(0, total()), gasOf(0, total()) * 1 gwei
        );
        bytes32 id = settle(0, total());
        requireSettled(id);
        assertEq(before - STRANGER.balance, gasOf(0, total()) * 1 gwei, "the fee, and no more");
        assertEq(address(rollup).balance + address(verifier).balance, 0, "nothing stays");
        vm.expectPartialRevert(Assertions.WrongBatchIndex.selector);
        this.again(0, total());
    }

    function again(uint256 from, uint256 steps) external {
        settle(from, steps);
    }

    /// Wherever it is cut, also within chunks and between fragments.
    function testFuzz_InSeveral(uint256 seed, bool inCalldata) public {
        mixed();
        post(inCalldata);
        derive(genesisState());
        bytes32 id;
        for (uint256 from = 0; from < total();) {
            assertEq(id, 0, "not before the end");
            seed = uint256(keccak256(abi.encode(seed)));
            uint256 steps = bound(seed, 1, total() - from);
            id = settle(from, steps);
            from += steps;
            if (from == total()) break;
            (bytes31 reached, uint64 done) = rollup.settled(batchHash());
            assertEq(reached, at(from), "reached");
            assertEq(done, from, "steps");
        }
        requireSettled(id);
    }

    function test_EmptyBatches() public {
        batch = postBatch(0);
        derive(genesisState());
        assertEq(total(), 2, "a block of its own");
        requireSettled(settle(0, 2));
    }

    function test_OneBatchAfterTheOther() public {
        mixed();
        post(false);
        derive(genesisState());
        settle(0, total());
        lastHeader = Sealing.sealed_(state(total() - 1));
        StepState memory end = state(total());
        post(true);
        derive(end);
        settle(0, 4);
        requireSettled(settle(4, total() - 4));
    }

    function test_OnlyTheNextBatch() public {
        batch = postBatch(1);
        BatchHeader memory first = batch;
        chunks.push("");
        batch = postBatch(1);
        StepState memory s = genesisState();
        s.cursor.batch = 1;
        derive(s);
        vm.expectRevert(abi.encodeWithSelector(Assertions.WrongBatchIndex.selector, 1, 0));
        this.again(0, total());
        batch = first;
        derive(genesisState());
        settle(0, total());
        vm.expectRevert(abi.encodeWithSelector(Assertions.WrongBatchIndex.selector, 0, 1));
        this.again(0, total());
        batch.originNumber ^= 1; // one that nobody posted
        vm.expectPartialRevert(Inbox.UnknownBatch.selector);
        this.again(0, total());
    }

    /// An end of a pending assertion is not a beginning.
    function test_NotFromWhatIsOnlyAsserted() public {
        mixed();
        post(false);
        derive(genesisState());
        StepState memory wrong = state(4);
        wrong.stateRoot = "made up";
        StepProof memory p = proofOf(4, 1, wrong, wrong);
        p.post = sealedStep(wrong, 4);
        bytes31 from = Commitment.ofMemory(wrong);
        vm.expectRevert(abi.encodeWithSelector(Settlement.NotReached.selector, from, at(0), bytes31(0)));
        rollup.settle(batchHash(), from, 1, 0, p);
        settle(0, 3);
        vm.expectRevert(abi.encodeWithSelector(Settlement.NotReached.selector, from, at(0), at(3)));
        rollup.settle(batchHash(), from, 1, 0, p);
        vm.expectRevert(abi.encodeWithSelector(Settlement.NotReached.selector, bytes31(0), at(0), at(3)));
        rollup.settle(batchHash(), 0, 1, 0, p);
        vm.expectPartialRevert(StepVerifier.PreStateMismatch.selector);
        rollup.settle(batchHash(), at(3), 1, 0, p);
    }

    function sealedStep(StepState memory s, uint256 i) private view returns (StepState memory next) {
        (next,) = Sealing.step(s, inputs[i]);
    }

    /// Who comes second with the same loses only gas; who proves all from the beginning needs nobody's progress.
    function test_Races() public {
        mixed();
        post(false);
        derive(genesisState());
        settle(0, 5);
        uint256 bought = EXECUTE.used();
        vm.expectRevert(abi.encodeWithSelector(Settlement.AlreadySettled.selector, 5));
        this.again(0, 5);
        vm.expectRevert(abi.encodeWithSelector(Settlement.AlreadySettled.selector, 5));
        this.again(0, 2);
        settle(5, 2);
        vm.expectPartialRevert(Settlement.NotReached.selector);
        this.again(5, 2);
        assertEq(EXECUTE.used() - bought, 42000, "the losers bought nothing");
        settle(0, 9);
        (bytes31 reached, uint64 steps) = rollup.settled(batchHash());
        assertTrue(reached == at(9) && steps == 9, "overtaken");
        requireSettled(settle(0, total()));
    }

    function test_PaysExactlyForItself() public {
        mixed();
        post(false);
        derive(genesisState());
        assertStates(rollup, ASSERTER, 0, batch, toyStates(batch, genesisState())); // a bond that lies there
        uint256 fee = gasOf(0, total()) * 1 gwei;
        bytes memory call = settleCall(0, total());
        vm.prank(STRANGER);
        vm.expectRevert(abi.encodeWithSelector(Execute.ExecuteFeeNotPaid.selector, fee, fee - 1));
        this.forward{value: fee - 1}(call);
        this.forward{value: fee}(call);
        assertEq(address(rollup).balance, ASSERTION_BOND, "untouched");
    }

    function forward(bytes calldata call) external payable {
        (bool ok, bytes memory why) = address(rollup).call{value: msg.value}(call);
        if (!ok) {
            assembly ("memory-safe") {
                revert(add(why, 0x20), mload(why))
            }
        }
    }

    // ---- what must not pass

    function test_WrongSegmentsFail() public {
        mixed();
        post(true);
        derive(genesisState());
        bytes memory right = settleCall(3, 8);
        settle(0, 3);
        StepProof memory p = proof(3, 8);
        p.post.stateRoot ^= bytes32(uint256(1));
        requireFalse(8, gasOf(3, 8), p);
        requireFalse(8, gasOf(3, 8) - 21000, proof(3, 8));
        requireFalse(8, gasOf(3, 8) + 1, proof(3, 8));
        requireFalse(8, gasOf(3, 8), proofOf(3, 8, state(3), state(12))); // says one more than it does
        requireFalse(9, gasOf(3, 8), proof(3, 8));
        requireFalse(7, gasOf(3, 8), proof(3, 8));
        p = proof(3, 8);
        p.chunks[1].data[9] ^= 0x01;
        vm.expectPartialRevert(bytes4(keccak256("ChunkNotInRoot(bytes32,uint256)")));
        rollup.settle{value: 1 ether}(batchHash(), at(3), 8, gasOf(3, 8), p);
        p = proof(3, 8);
        p.batch.originTimestamp += 1;
        vm.expectPartialRevert(StepVerifier.BatchMismatch.selector);
        rollup.settle{value: 1 ether}(batchHash(), at(3), 8, gasOf(3, 8), p);
        this.forward{value: 1 ether}(right);
    }

    function requireFalse(uint64 steps, uint64 gas, StepProof memory p) private {
        bytes31 from = Commitment.ofMemory(p.pre);
        bytes32 hash = batchHash();
        vm.expectRevert(Execute.ExecuteAnsweredFalse.selector);
        rollup.settle{value: 1 ether}(hash, from, steps, gas, p);
    }

    /// One bit of a call changed: it fails, or the bit meant nothing and it leads where the right call leads.
    function testFuzz_NoWrongBit(uint256 place, uint8 bit, bool inCalldata, bool toTheEnd) public {
        mixed();
        post(inCalldata);
        derive(genesisState());
        settle(0, 2);
        uint256 steps = toTheEnd ? total() - 2 : 6;
        bytes memory call = settleCall(2, steps);
        place = place % call.length;
        call[place] ^= bytes1(uint8(1) << (bit % 8));
        if (place < 4) return; // another function
        (bool ok,) = address(rollup).call{value: 1 ether, gas: 50_000_000}(call);
        if (!ok) return;
        if (toTheEnd) {
            (bytes32 id,,,) = rollup.latestConfirmed();
            requireSettled(id);
        } else {
            (bytes31 reached, uint64 done) = rollup.settled(batchHash());
            assertTrue(reached == at(8) && done == 8, "where the right call leads");
        }
    }

    /// Whatever EXECUTE does but answer true, nothing is settled.
    function test_EveryDoubtReverts() public {
        mixed();
        post(false);
        derive(genesisState());
        for (uint64 mode = 1; mode <= 4; ++mode) {
            EXECUTE.set(1 gwei, mode);
            vm.expectRevert(mode == 1 ? Execute.ExecuteAnsweredFalse.selector : Execute.ExecuteFailed.selector);
            this.again(0, total());
        }
        EXECUTE.set(1 gwei, 0);
        EXECUTE.setLimit(gasOf(0, total()) - 1);
        vm.expectRevert("EXECUTE: the block is full");
        this.again(0, total());
        EXECUTE.set(1 gwei, 0);
        requireSettled(settle(0, total()));
    }

    function test_NoReentry() public {
        mixed();
        post(false);
        derive(genesisState());
        EXECUTE.setCallback(address(rollup), settleCall(0, total()));
        requireSettled(settle(0, total()));
        assertTrue(!EXECUTE.callbackSucceeded(), "refused");
    }

    // ---- beside assertions

    /// Steps as an assertion needs them.
    function allStates() private view returns (StepState[] memory s) {
        s = new StepState[](total() + 1);
        for (uint256 i = 0; i < s.length; ++i) {
            s[i] = state(i);
        }
    }

    function test_EqualAssertionsAreConfirmedAndOthersDie() public {
        mixed();
        post(false);
        derive(genesisState());
        StepState[] memory s = allStates();
        bytes32 equal = assertStates(rollup, ASSERTER, 0, batch, s);
        bytes32 wrong = assertStates(rollup, CHALLENGER, 0, batch, lyingStates(s, 5));
        BatchHeader memory next = postBatch(1);
        bytes32 child = assertStates(rollup, ASSERTER, equal, next, toyStates(next, s[total()]));
        bytes32 lostChild = assertStates(rollup, CHALLENGER, wrong, next, toyStates(next, lyingStates(s, 5)[total()]));
        bytes32 id = settle(0, total());
        requireSettled(id);

        rollup.killOrphan(equal);
        assertTrue(rollup.assertion(equal).status == AssertionStatus.Confirmed, "as well");
        assertEq(rollup.credit(ASSERTER), ASSERTION_BOND, "bond back");
        (bytes32 latest,,,) = rollup.latestConfirmed();
        assertEq(latest, id, "still");
        vm.prank(SEQUENCER);
        rollup.killOrphan(wrong);
        assertEq(rollup.credit(SEQUENCER), 1 ether, "the reward");
        assertEq(rollup.credit(CHALLENGER), 0, "nothing back");
        rollup.killOrphan(lostChild);
        vm.expectPartialRevert(Assertions.NotPending.selector);
        rollup.killOrphan(equal);

        // What was built on the equal one stands, and its time runs on.
        vm.expectRevert(abi.encodeWithSelector(Assertions.NotOrphan.selector, child));
        rollup.killOrphan(child);
        vm.expectPartialRevert(Assertions.WindowOpen.selector);
        rollup.confirm(child);
        StepState[] memory after_ = toyStates(next, s[total()]);
        bytes32 twin = assertStates(rollup, STRANGER, id, next, after_);
        bytes32 lie = assertStates(rollup, STRANGER, id, next, lyingStates(after_, 1));
        vm.warp(rollup.assertion(child).createdAt + WINDOW);
        rollup.confirm(child);
        (latest,,,) = rollup.latestConfirmed();
        assertEq(latest, child, "moved on");
        rollup.killOrphan(twin);
        assertTrue(rollup.assertion(twin).status == AssertionStatus.Confirmed, "on the other parent");
        vm.expectPartialRevert(Assertions.ParentNotLatestConfirmed.selector);
        rollup.confirm(lie);
        rollup.killOrphan(lie);
        assertTrue(rollup.assertion(lie).status == AssertionStatus.Killed, "dead");
    }

    /// Until it is confirmed itself, nothing on an equal assertion can be.
    function test_AnEqualParentMustBeConfirmedFirst() public {
        mixed();
        post(false);
        derive(genesisState());
        StepState[] memory s = allStates();
        bytes32 equal = assertStates(rollup, ASSERTER, 0, batch, s);
        BatchHeader memory next = postBatch(1);
        bytes32 child = assertStates(rollup, ASSERTER, equal, next, toyStates(next, s[total()]));
        settle(0, total());
        vm.warp(time() + WINDOW);
        vm.expectPartialRevert(Assertions.ParentNotLatestConfirmed.selector);
        rollup.confirm(child);
        rollup.killOrphan(equal);
        rollup.confirm(child);
    }

    /// A right end says nothing of what lies between: neither side of an open game loses its bond.
    function test_OpenGamesOnAnEqualAssertionAreVoid() public {
        mixed();
        post(false);
        derive(genesisState());
        StepState[] memory s = allStates();
        bytes32 equal = assertStates(rollup, ASSERTER, 0, batch, s);
        vm.prank(CHALLENGER);
        bytes32 game = rollup.openGame{value: CHALLENGE_BOND}(equal, 0, opening(at(0), at(16)));
        settle(0, total());
        assertTrue(rollup.game(game).status == GameStatus.Open, "until it is confirmed");
        rollup.killOrphan(equal);
        assertTrue(rollup.game(game).status == GameStatus.Void, "void");
        bytes31[] memory one_ = new bytes31[](1);
        vm.expectPartialRevert(bytes4(keccak256("GameNotOpen(bytes32,uint8)")));
        vm.prank(ASSERTER);
        rollup.split(game, 0, 16, one_);
        rollup.timeout(one(game));
        rollup.reclaim(game);
        vm.expectPartialRevert(bytes4(keccak256("GameNotVoid(bytes32)")));
        rollup.reclaim(game);
        assertEq(rollup.credit(CHALLENGER), CHALLENGE_BOND, "bond back");
        assertEq(rollup.credit(ASSERTER), ASSERTION_BOND, "bond back");
        assertEq(address(rollup).balance, ASSERTION_BOND + CHALLENGE_BOND, "all that is owed");
    }

    /// A batch half settled can be confirmed the other way, and the other way round.
    function test_WhoeverComesFirst() public {
        mixed();
        post(false);
        derive(genesisState());
        bytes32 id = assertStates(rollup, ASSERTER, 0, batch, allStates());
        settle(0, 7);
        vm.warp(time() + WINDOW);
        rollup.confirm(id);
        vm.expectPartialRevert(Assertions.WrongBatchIndex.selector);
        this.again(7, total() - 7);
        vm.expectPartialRevert(Assertions.ParentHasConfirmedChild.selector);
        this.assertAgain();
    }

    function assertAgain() external {
        assertStates(rollup, SEQUENCER, 0, batch, allStates());
    }

    /// The id hangs on what was proved, not on who did, so a reorg of L1 doesn't rename it.
    function test_IdIsTheSameWhoeverSettles() public {
        mixed();
        post(false);
        derive(genesisState());
        uint256 snapshot = vm.snapshotState();
        bytes32 first = settle(0, total());
        vm.revertToState(snapshot);
        settle(0, 3);
        this.forward{value: 1 ether}(settleCall(3, total() - 3));
        (bytes32 second,,,) = rollup.latestConfirmed();
        assertEq(first, second, "id");
        assertEq(
            first,
            keccak256(abi.encode(bytes32(0), batchHash(), total(), at(total()), new bytes32[](0), address(0))),
            "as documented"
        );
    }

    receive() external payable {}
}
