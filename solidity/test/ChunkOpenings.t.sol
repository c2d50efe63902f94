// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {BatchHeader} from "../src/IInbox.sol";
import {ChunkOpening, StepProof} from "../src/IRollup.sol";
import {Cursor, Input, InputKind, StepState} from "../src/Types.sol";
import {CellProof} from "../src/lib/CellProof.sol";
import {ChunkOpenings} from "../src/lib/ChunkOpenings.sol";
import {ChunkRoot} from "../src/lib/ChunkRoot.sol";
import {CellVectors} from "./support/CellVectors.sol";
import {Chunks} from "./support/Chunks.sol";
import {Fixture} from "./support/Fixture.sol";

/// The three ways to open a chunk, as a step proof gives them to the StepVerifier.
contract ChunkOpeningsTest is Fixture {
    string private json;
    BatchHeader private batch;

    function setUp() public override {
        super.setUp();
        json = CellVectors.load();
        batch.chunkCount = 128;
        batch.blobHashes = new bytes32[](2);
        batch.blobHashes[0] = CellVectors.hashOf(json, "zero");
        batch.blobHashes[1] = CellVectors.hashOf(json, "random");
    }

    /// Of item 0 of chunk `index`, from 0.
    function proof(uint256 index, ChunkOpening memory o) private view returns (StepProof memory p) {
        p.batch = batch;
        p.pre.cursor = Cursor(batch.index, uint64(index + 1), 0);
        p.chunks = only(o);
    }

    function derive(uint256 index, ChunkOpening memory o) private view returns (Input memory) {
        return verifier.deriveInput{gas: 20_000_000}(inbox, proof(index, o));
    }

    function requireSkip(uint256 index, ChunkOpening memory o) private view {
        Input memory input = derive(index, o);
        assertEq(uint256(input.kind), uint256(InputKind.Skip), "an empty chunk");
        assertEq(input.next.chunk, index + 2, "the next chunk");
    }

    // ---- cell proofs

    function test_CellsOfTheRightBlob() public {
        realKzg();
        for (uint256 cell = 0; cell < 64; cell += 9) {
            ChunkOpening memory o = CellVectors.opening(json, cell);
            requireSkip(64 + cell, o);
            vm.expectPartialRevert(CellProof.CommitmentMismatch.selector);
            derive(cell, o);
            vm.expectRevert(
                abi.encodeWithSelector(CellProof.CellProofRejected.selector, batch.blobHashes[1], cell ^ 1)
            );
            derive(64 + (cell ^ 1), o);
        }
        ChunkOpening memory zero = ChunkOpening(new bytes(2048), new bytes(128), new bytes[](1), new bytes32[](0));
        zero.proofs[0] = new bytes(128);
        requireSkip(0, zero);
        requireSkip(63, zero);
        vm.expectPartialRevert(CellProof.CommitmentMismatch.selector);
        derive(64, zero);
    }

    function test_OneProofOr64() public {
        uint256[4] memory wrong = [uint256(0), 2, 63, 65];
        for (uint256 i = 0; i < 4; ++i) {
            ChunkOpening memory o = CellVectors.opening(json, 3);
            o.proofs = new bytes[](wrong[i]);
            vm.expectRevert(abi.encodeWithSelector(ChunkOpenings.WrongProofCount.selector, wrong[i]));
            derive(67, o);
        }
        ChunkOpening memory short = CellVectors.opening(json, 3);
        short.data = new bytes(2032); // a calldata batch's
        vm.expectRevert(abi.encodeWithSelector(ChunkOpenings.WrongDataSize.selector, 2032, 2048));
        derive(67, short);
    }

    /// On an L1 before Prague cell proofs don't work, and point evaluations do.
    function test_AnL1WithoutEip2537() public {
        ChunkOpening memory o = CellVectors.opening(json, 3);
        address[3] memory precompiles = [CellProof.G1_ADD, CellProof.G1_MSM, CellProof.PAIRING];
        for (uint256 i = 0; i < 3; ++i) {
            vm.mockCall(precompiles[i], "", ""); // as an account without code answers
        }
        vm.expectRevert(CellProof.Bls12381Missing.selector);
        derive(67, o);
        requireSkip(67, chunk("")); // by points, which are taken as good here
        bytes memory content = Chunks.item(2, "raw");
        Input memory input = derive(67, chunk(content));
        assertEq(input.payload, "raw", "transaction");
        realKzg();
        requireSkip(67, o);
    }

    // ---- calldata

    function inCalldata(bytes[] memory chunks) private returns (bytes32[] memory leaves) {
        (batch.chunkCount, batch.blobHashes) = (uint64(chunks.length), new bytes32[](0));
        leaves = new bytes32[](chunks.length);
        bytes memory data;
        for (uint256 i = 0; i < chunks.length; ++i) {
            leaves[i] = ChunkRoot.leaf(i, keccak256(chunks[i]));
            data = bytes.concat(data, chunks[i]);
        }
        batch.dataRoot = this.root(data);
    }

    function root(bytes calldata data) external pure returns (bytes32) {
        return ChunkRoot.compute(data);
    }

    function path(bytes32 a, bytes32 b) private pure returns (bytes32[] memory p) {
        p = new bytes32[](2);
        (p[0], p[1]) = (a, b);
    }

    function pair(bytes32 a, bytes32 b) private pure returns (bytes32) {
        return a < b ? keccak256(bytes.concat(a, b)) : keccak256(bytes.concat(b, a));
    }

    function test_MerklePaths() public {
        bytes[] memory chunks = new bytes[](3);
        (chunks[0], chunks[1], chunks[2]) = (Chunks.item(2, "a"), Chunks.item(2, "b"), Chunks.item(2, "c"));
        bytes32[] memory leaves = inCalldata(chunks);
        ChunkOpening[3] memory o;
        for (uint256 i = 0; i < 3; ++i) {
            o[i].data = chunks[i];
            o[i].path = i == 2 ? one(pair(leaves[0], leaves[1])) : path(leaves[1 - i], leaves[2]);
            assertEq(derive(i, o[i]).payload, abi.encodePacked(bytes1(uint8(97 + i))), "item");
            for (uint256 k = 0; k < 3; ++k) {
                if (k != i) refuse(k, o[i]); // its place counts
            }
        }
        refuse(0, ChunkOpening(chunks[1], "", new bytes[](0), o[0].path));
        refuse(0, ChunkOpening(chunks[0], "", new bytes[](0), one(leaves[1])));
        refuse(0, ChunkOpening(chunks[0], "", new bytes[](0), new bytes32[](0)));
        refuse(0, ChunkOpening(chunks[0], "", new bytes[](0), path(leaves[2], leaves[1])));
        bytes32[] memory long = new bytes32[](3);
        (long[0], long[1]) = (leaves[1], leaves[2]);
        refuse(0, ChunkOpening(chunks[0], "", new bytes[](0), long));
        chunks[0][2031] ^= 0x01;
        refuse(0, o[0]); // `o[0].data` is that chunk
    }

    function test_OneChunkInCalldata() public {
        bytes[] memory chunks = new bytes[](1);
        chunks[0] = Chunks.item(2, "only");
        inCalldata(chunks);
        ChunkOpening memory o;
        o.data = chunks[0];
        assertEq(derive(0, o).payload, "only", "its leaf is the root");
        o.path = one(0);
        refuse(0, o);
        o.path = new bytes32[](0);
        o.data = bytes.concat(chunks[0], new bytes(16)); // a cell's size
        vm.expectRevert(abi.encodeWithSelector(ChunkOpenings.WrongDataSize.selector, 2048, 2032));
        derive(0, o);
        o.data = abi.encode(uint256(0), keccak256(chunks[0])); // the leaf's preimage, a level down
        vm.expectRevert(abi.encodeWithSelector(ChunkOpenings.WrongDataSize.selector, 64, 2032));
        derive(0, o);
    }

    function refuse(uint256 index, ChunkOpening memory o) private {
        vm.expectRevert(abi.encodeWithSelector(ChunkOpenings.ChunkNotInRoot.selector, batch.dataRoot, index));
        derive(index, o);
    }
}
