// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {BatchHeader} from "../src/IInbox.sol";
import {AssertionStatus, CheckpointOpening, ChunkOpening, ElementOpening, StepProof} from "../src/IRollup.sol";
import {Rollup} from "../src/Rollup.sol";
import {StepVerifier} from "../src/StepVerifier.sol";
import {Cursor, Input, InputKind, StepState} from "../src/Types.sol";
import {Commitment} from "../src/lib/Commitment.sol";
import {Kzg} from "../src/lib/Kzg.sol";
import {Fixture} from "./support/Fixture.sol";
import {Toy} from "./support/ToyExecute.sol";

/// A whole dispute with real KZG proofs of real blobs (tests/vectors/make_kzg.py), stride 1: only EXECUTE is the toy.
contract RealDisputeTest is Fixture {
    string private json;
    BatchHeader private batch;
    StepState[] private right;
    bytes32 private id;

    function setUp() public override {
        super.setUp();
        realKzg();
        json = vm.readFile("../tests/vectors/kzg.json");
        l2Parent = "genesis block"; // no header: the step that would need it isn't disputed
        rollup = deployRollup(1, 2);

        vm.roll(1001);
        bytes memory rlp = origin(1000);
        batch = expectedBatch(2, blobOf("data"), 1000);
        vm.blobhashes(batch.blobHashes);
        vm.prank(SEQUENCER);
        inbox.postBatch(0, 2, noPages(), rlp);

        right.push(genesisState());
        step(InputKind.BlockStart, Cursor(0, 1, 0));
        step(InputKind.Skip, Cursor(0, 2, 0));
        step(InputKind.Transaction, Cursor(0, 2, 1));
        step(InputKind.Transaction, Cursor(0, 3, 0));
        step(InputKind.BatchEnd, Cursor(1, 0, 0));

        StepState memory final_ = right[5];
        final_.stateRoot = keccak256(abi.encodePacked("lie", final_.stateRoot));
        CheckpointOpening memory ends = checkpoints(0, 5);
        vm.blobhashes(blobOf("checkpoints"));
        vm.prank(ASSERTER);
        id = rollup.makeAssertion{value: ASSERTION_BOND}(0, keccak256(abi.encode(batch)), 0, 5, final_, ends);
    }

    function step(InputKind kind, Cursor memory next) private {
        Input memory input;
        input.next = next;
        right.push(Toy.step(right[right.length - 1], kind, input));
    }

    function key(string memory part, string memory field) private pure returns (string memory) {
        return string.concat("$.dispute.", part, ".", field);
    }

    function blobOf(string memory part) private view returns (bytes32[] memory) {
        return one(vm.parseJsonBytes32(json, key(part, "versionedHash")));
    }

    function openings(string memory part) private view returns (bytes memory commitment, ElementOpening[] memory e) {
        commitment = vm.parseJsonBytes(json, key(part, "commitment"));
        bytes[] memory values = vm.parseJsonBytesArray(json, key(part, "values"));
        bytes[] memory proofs = vm.parseJsonBytesArray(json, key(part, "proofs"));
        e = new ElementOpening[](values.length);
        for (uint256 i = 0; i < e.length; ++i) {
            e[i] = ElementOpening(bytes32(values[i]), proofs[i]);
        }
    }

    function checkpoints(uint256 i, uint256 j) private view returns (CheckpointOpening memory o) {
        (bytes memory commitment, ElementOpening[] memory e) = openings("checkpoints");
        o.commitments = new bytes[](2);
        o.commitments[0] = o.commitments[1] = commitment;
        (o.elements[0], o.elements[1]) = (e[i], e[j]);
    }

    function proof(uint256 i) private view returns (StepProof memory p) {
        p.batch = batch;
        (p.pre, p.post) = (right[i], right[i + 1]);
        p.chunks = only(wholeChunk("dispute.data"));
        p.witness = "witness";
    }

    function test_PythonCommitsToTheSameStates() public view {
        bytes[] memory c = vm.parseJsonBytesArray(json, "$.dispute.commitments");
        for (uint256 i = 0; i < c.length; ++i) {
            assertEq(c[i], abi.encodePacked(Commitment.ofMemory(right[i])), "commitment");
        }
    }

    function test_KillsWithPointEvaluations() public {
        kill(proof(3), 4_500_000);
    }

    function test_KillsWithACellProof() public {
        StepProof memory p = proof(3);
        p.chunks = only(byCell("dispute.data"));
        kill(p, 1_400_000);
    }

    function kill(StepProof memory p, uint256 bound_) private {
        Input memory input = verifier.deriveInput(inbox, p);
        assertEq(input.payload.length, 1200, "the second item");
        CheckpointOpening memory o = checkpoints(3, 4);
        uint256 gas = gasleft();
        vm.prank(CHALLENGER);
        rollup.proveStep(id, 3, o, p);
        gas -= gasleft();
        assertTrue(rollup.assertion(id).status == AssertionStatus.Killed, "killed");
        assertTrue(gas < bound_, "within bounds");
        uint256 costs = rollup.credit(CHALLENGER) - ASSERTION_BOND * REWARD_BPS / 10000;
        assertTrue(costs > gas * 10 gwei && costs < (gas + 400_000) * 10 gwei, "its gas is paid");
    }

    function test_RightStepsStand() public {
        CheckpointOpening memory o = checkpoints(2, 3);
        StepProof memory p = proof(2);
        vm.expectRevert(StepVerifier.StepIsAsClaimed.selector);
        rollup.proveStep(id, 2, o, p);
    }

    /// No opened element can be exchanged: not the checkpoints, nor anything of the chunk.
    function test_NothingCanBeExchanged() public {
        StepProof memory p = proof(3);
        refuse(checkpoints(4, 3), p);
        refuse(checkpoints(3, 5), p);
        refuse(checkpoints(2, 4), p);
        CheckpointOpening memory o = checkpoints(3, 4);
        o.elements[1].value = bytes32(uint256(o.elements[1].value) + 1);
        refuse(o, p);
        o = checkpoints(3, 4);
        (p.chunks[0].proofs[5], p.chunks[0].proofs[6]) = (p.chunks[0].proofs[6], p.chunks[0].proofs[5]);
        bytes32 fifth = elementOf(p.chunks[0], 5);
        setElement(p.chunks[0], 5, elementOf(p.chunks[0], 6));
        setElement(p.chunks[0], 6, fifth);
        refuse(o, p);
        p = proof(3);
        setElement(p.chunks[0], 63, 0);
        refuse(o, p);
        p = proof(3);
        p.chunks[0].commitment = o.commitments[0];
        refuse(o, p);
        p = proof(3);
        p.chunks[0].proofs[40] = p.chunks[0].proofs[41];
        refuse(o, p);
        p.chunks = only(wholeChunk("malformed"));
        refuse(o, p);
    }

    function refuse(CheckpointOpening memory o, StepProof memory p) private {
        vm.expectPartialRevert(Kzg.KzgProofRejected.selector);
        rollup.proveStep{gas: 20_000_000}(id, 3, o, p);
    }

    /// A chunk that really lies in a blob and has an element at 2^254 is one Skip.
    function test_MalformedChunkInARealBlob() public view {
        StepProof memory p = proof(2);
        p.chunks = only(byCell("malformed"));
        p.batch.blobHashes = one(vm.parseJsonBytes32(json, "$.malformed.versionedHash"));
        p.batch.chunkCount = 64;
        p.pre.cursor = Cursor(0, 64, 0);
        Input memory input = verifier.deriveInput(inbox, p);
        assertTrue(input.kind == InputKind.Skip && input.next.chunk == 65, "skipped");
        p.chunks = only(wholeChunk("malformed"));
        assertEq(keccak256(abi.encode(verifier.deriveInput(inbox, p))), keccak256(abi.encode(input)), "by points too");
    }

    function byCell(string memory part) private view returns (ChunkOpening memory o) {
        string memory at_ = string.concat("$.", part, ".cell");
        o.data = wholeChunk(part).data;
        o.commitment = vm.parseJsonBytes(json, string.concat(at_, ".commitment"));
        o.proofs = new bytes[](1);
        o.proofs[0] = vm.parseJsonBytes(json, string.concat(at_, ".proof"));
    }

    function wholeChunk(string memory part) private view returns (ChunkOpening memory o) {
        string memory at_ = string.concat("$.", part);
        o.commitment = vm.parseJsonBytes(json, string.concat(at_, ".commitment"));
        bytes[] memory values = vm.parseJsonBytesArray(json, string.concat(at_, ".values"));
        o.proofs = vm.parseJsonBytesArray(json, string.concat(at_, ".proofs"));
        for (uint256 i = 0; i < 64; ++i) {
            o.data = bytes.concat(o.data, values[i]);
        }
    }
}
