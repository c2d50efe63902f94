// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {LibRLP} from "solady/utils/LibRLP.sol";
import {RollupConfig} from "../../src/Assertions.sol";
import {BatchHeader} from "../../src/IInbox.sol";
import {CheckpointOpening, ChunkOpening, ElementOpening, StepProof} from "../../src/IRollup.sol";
import {Inbox} from "../../src/Inbox.sol";
import {KzgSetup} from "../../src/KzgSetup.sol";
import {Portal} from "../../src/Portal.sol";
import {Rollup} from "../../src/Rollup.sol";
import {StepVerifier} from "../../src/StepVerifier.sol";
import {Cursor, Input, InputKind, StepState} from "../../src/Types.sol";
import {Commitment} from "../../src/lib/Commitment.sol";
import {Kzg} from "../../src/lib/Kzg.sol";
import {Chunks} from "./Chunks.sol";
import {Headers} from "./Headers.sol";
import {Test} from "./Test.sol";
import {Toy, ToyExecute} from "./ToyExecute.sol";

/// A rollup with toy execution. KZG proofs are taken as good unless a test calls `realKzg`.
abstract contract Fixture is Test {
    address internal constant SEQUENCER = address(0x5e9);
    address internal constant ASSERTER = address(0xa55e);
    address internal constant CHALLENGER = address(0xc4a1);
    address internal constant STRANGER = address(0x57);
    address internal constant BURNED_TO = address(0xb04);
    ToyExecute internal constant EXECUTE = ToyExecute(address(0x0101));

    uint64 internal constant MAX_DRIFT = 600;
    uint64 internal constant MAX_ORIGIN_AGE = 1000;
    uint64 internal constant EXCLUSIVE_TIMEOUT = 3600;
    uint256 internal constant MIN_FORCE_FEE = 0.0001 ether;
    uint64 internal constant WINDOW = 10000;
    uint64 internal constant CLOCK = 1000;
    uint256 internal constant ASSERTION_BOND = 10 ether;
    uint256 internal constant CHALLENGE_BOND = 1 ether;
    uint64 internal constant REWARD_BPS = 1000;

    Inbox internal inbox;
    address internal setup;
    StepVerifier internal verifier;
    Rollup internal rollup;
    Portal internal portal;
    bytes internal l2Parent; // RLP of the L2 genesis header

    function setUp() public virtual {
        vm.warp(1_700_000_000);
        vm.roll(1000);
        vm.fee(10 gwei);
        vm.etch(address(EXECUTE), type(ToyExecute).runtimeCode);
        EXECUTE.set(1 gwei, 0);
        mockKzg();
        l2Parent = header(0, 1_600_000_000, 0);
        setup = deploy("KzgSetup", "");
        verifier = StepVerifier(deploy("StepVerifier", abi.encode(42069, bytes32("prague"), 1 << 24, address(0xfee), 30_000_000, MAX_DRIFT, setup)));
        deployWithGasToken(address(0));
        address[4] memory people = [SEQUENCER, ASSERTER, CHALLENGER, STRANGER];
        for (uint256 i = 0; i < people.length; ++i) {
            vm.deal(people[i], 1000 ether);
        }
    }

    function config(uint64 stride, uint64 arity) internal view returns (RollupConfig memory) {
        return RollupConfig({
            inbox: address(inbox),
            verifier: address(verifier),
            stride: stride,
            arity: arity,
            window: WINDOW,
            clock: CLOCK,
            assertionBond: ASSERTION_BOND,
            challengeBond: CHALLENGE_BOND,
            rewardBps: REWARD_BPS,
            genesisStateRoot: genesisState().stateRoot,
            genesisBlockHash: genesisState().blockHash
        });
    }

    /// Inbox, Rollup and Portal. The Inbox is told where the Portal will be.
    function deployWithGasToken(address gasToken) internal {
        address predicted = LibRLP.computeAddress(address(this), vm.getNonce(address(this)) + 2);
        inbox = Inbox(deploy("Inbox", abi.encode(SEQUENCER, EXCLUSIVE_TIMEOUT, MAX_ORIGIN_AGE, predicted, MIN_FORCE_FEE)));
        rollup = deployRollup(16, 2);
        portal = Portal(deploy("Portal", abi.encode(inbox, rollup, gasToken, BURNED_TO)));
    }

    function deployRollup(uint64 stride, uint64 arity) internal returns (Rollup) {
        return Rollup(payable(deploy("Rollup", abi.encode(config(stride, arity)))));
    }

    function genesisState() internal view returns (StepState memory s) {
        s.stateRoot = keccak256("genesis state");
        s.blockHash = keccak256(l2Parent);
    }

    // ---- L1

    function force(bytes memory raw) internal returns (uint64 index) {
        return inbox.forceTransaction{value: inbox.forceFee()}(raw);
    }

    function mockKzg() internal {
        vm.mockCall(address(0x0a), "", abi.encode(Kzg.ELEMENTS, Kzg.MODULUS));
    }

    function realKzg() internal {
        vm.clearMockedCalls();
    }

    function header(uint256 number, uint256 timestamp, bytes32 mixHash) internal pure returns (bytes memory) {
        return Headers.make(number, timestamp, mixHash);
    }

    function header(
        bytes32 parent,
        uint256 number,
        uint256 timestamp,
        bytes32 mixHash,
        uint256 gasUsed,
        uint256 baseFee
    ) internal pure returns (bytes memory) {
        return Headers.make(parent, number, timestamp, mixHash, gasUsed, baseFee);
    }

    /// The header of a past L1 block, made so.
    function origin(uint256 number) internal returns (bytes memory rlp) {
        rlp = header(number, 1_700_000_000 + number, keccak256(abi.encode("randao", number)));
        if (height() - number <= 256) vm.setBlockhash(number, keccak256(rlp));
    }

    function blobs(bytes32 salt, uint256 count) internal returns (bytes32[] memory hashes) {
        hashes = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            hashes[i] = (keccak256(abi.encode(salt, i)) >> 8) | bytes32(uint256(1) << 248);
        }
        vm.blobhashes(hashes);
    }

    /// What the Inbox should make of the next batch.
    function expectedBatch(uint64 chunkCount, bytes32[] memory blobHashes, uint256 originNumber)
        internal
        view
        returns (BatchHeader memory b)
    {
        (b.parentHash, b.index) = inbox.headBatch();
        b.blobHashes = blobHashes;
        b.chunkCount = chunkCount;
        b.originNumber = uint64(originNumber);
        b.originTimestamp = uint64(1_700_000_000 + originNumber);
        b.originPrevRandao = keccak256(abi.encode("randao", originNumber));
        b.originHash = keccak256(header(originNumber, b.originTimestamp, b.originPrevRandao));
        (b.depositStart, b.forcedStart) = inbox.nextDue();
        (b.depositEnd, b.forcedEnd) = inbox.due(b.originNumber);
    }

    function noPages() internal pure returns (address[] memory) {}

    /// Posts a batch of chunks, all of them empty to whoever opens them so; origin: the block before this one.
    function postBatch(uint64 chunkCount) internal returns (BatchHeader memory b) {
        return postBatch(chunkCount, blobs(keccak256(abi.encode("data", height() + 1)), (chunkCount + 63) / 64));
    }

    function postBatch(uint64 chunkCount, bytes32[] memory hashes) internal returns (BatchHeader memory b) {
        vm.roll(height() + 1);
        vm.blobhashes(hashes);
        bytes memory rlp = origin(height() - 1);
        b = expectedBatch(chunkCount, hashes, height() - 1);
        vm.prank(SEQUENCER);
        bytes32 batchHash = inbox.postBatch(b.parentHash, chunkCount, noPages(), rlp);
        assertEq(batchHash, keccak256(abi.encode(b)), "batch hash");
    }

    // ---- the toy rollup

    /// The states of a batch of empty chunks without forced transactions: one before each step and the final one.
    function toyStates(BatchHeader memory b, StepState memory pre) internal pure returns (StepState[] memory states) {
        states = new StepState[](b.chunkCount + 3);
        states[0] = pre;
        Input memory input;
        for (uint64 i = 0; i < b.chunkCount + 2; ++i) {
            InputKind kind = i == 0 ? InputKind.BlockStart : i <= b.chunkCount ? InputKind.Skip : InputKind.BatchEnd;
            input.next = i <= b.chunkCount ? Cursor(b.index, i + 1, 0) : Cursor(b.index + 1, 0, 0);
            states[i + 1] = Toy.step(states[i], kind, input);
        }
    }

    /// The same, but wrong from state `wrongFrom` on.
    function lyingStates(StepState[] memory honest, uint256 wrongFrom) internal pure returns (StepState[] memory lies) {
        lies = abi.decode(abi.encode(honest), (StepState[]));
        for (uint256 i = wrongFrom; i < lies.length; ++i) {
            lies[i].stateRoot = keccak256(abi.encode("lie", lies[i].stateRoot));
        }
    }

    function commitments(StepState[] memory states) internal pure returns (bytes31[] memory c) {
        c = new bytes31[](states.length);
        for (uint256 i = 0; i < c.length; ++i) {
            c[i] = Commitment.ofMemory(states[i]);
        }
    }

    // ---- openings

    function element(bytes31 commitment) internal pure returns (ElementOpening memory) {
        return ElementOpening(bytes32(commitment) >> 8, new bytes(48));
    }

    function opening(bytes31 first, bytes31 second) internal pure returns (CheckpointOpening memory o) {
        o.commitments = new bytes[](2);
        o.commitments[0] = o.commitments[1] = new bytes(48);
        o.elements[0] = element(first);
        o.elements[1] = element(second);
    }

    /// Opens an empty chunk, or one of 2,032 bytes.
    function chunk(bytes memory content) internal pure returns (ChunkOpening memory o) {
        o.commitment = new bytes(48);
        (o.data, o.proofs) = (new bytes(2048), new bytes[](64));
        for (uint256 i = 0; i < 64; ++i) {
            if (content.length != 0) setElement(o, i, bytes32(Chunks.element(content, i)));
            o.proofs[i] = new bytes(48);
        }
    }

    function only(ChunkOpening memory o) internal pure returns (ChunkOpening[] memory all) {
        all = new ChunkOpening[](1);
        all[0] = o;
    }

    function onlyBytes(bytes memory b) internal pure returns (bytes[] memory all) {
        all = new bytes[](1);
        all[0] = b;
    }

    function elementOf(ChunkOpening memory o, uint256 i) internal pure returns (bytes32 value) {
        bytes memory data = o.data;
        assembly ("memory-safe") {
            value := mload(add(add(data, 0x20), mul(i, 0x20)))
        }
    }

    function setElement(ChunkOpening memory o, uint256 i, bytes32 value) internal pure {
        bytes memory data = o.data;
        assembly ("memory-safe") {
            mstore(add(add(data, 0x20), mul(i, 0x20)), value)
        }
    }

    function stepProof(BatchHeader memory b, StepState memory pre, StepState memory post)
        internal
        view
        returns (StepProof memory p)
    {
        p.batch = b;
        p.pre = pre;
        p.post = post;
        if (pre.cursor.chunk == 0 && pre.cursor.item == 0) p.parentHeader = l2Parent;
        if (pre.cursor.chunk != 0 && pre.cursor.chunk <= b.chunkCount) p.chunks = only(chunk(""));
        p.witness = "witness";
    }

    // ---- assertions

    function checkpointCount(uint256 steps, uint256 stride) internal pure returns (uint256) {
        return stride == 0 ? 2 : (steps + stride - 1) / stride + 1;
    }

    /// Makes an assertion about `b` with these states, as `who`.
    function assertStates(Rollup r, address who, bytes32 parentId, BatchHeader memory b, StepState[] memory states)
        internal
        returns (bytes32 id)
    {
        uint256 steps = states.length - 1;
        blobs(keccak256(abi.encode(who, states)), (checkpointCount(steps, r.stride()) + 4095) / 4096);
        CheckpointOpening memory ends = opening(Commitment.ofMemory(states[0]), Commitment.ofMemory(states[steps]));
        vm.prank(who);
        return r.makeAssertion{value: ASSERTION_BOND}(
            parentId, keccak256(abi.encode(b)), b.index, uint64(steps), states[steps], ends
        );
    }

    function one(bytes32 a) internal pure returns (bytes32[] memory l) {
        l = new bytes32[](1);
        l[0] = a;
    }
}
