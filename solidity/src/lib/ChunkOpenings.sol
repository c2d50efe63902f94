// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {BatchHeader} from "../IInbox.sol";
import {ChunkOpening} from "../IRollup.sol";
import {CellProof} from "./CellProof.sol";
import {ChunkRoot} from "./ChunkRoot.sol";
import {Kzg} from "./Kzg.sol";
import {Packing} from "./Packing.sol";

/// docs/protocol.md section 7: that bytes are a chunk of a batch.
library ChunkOpenings {
    error WrongDataSize(uint256 given, uint256 expected);
    error WrongProofCount(uint256 given);
    error ChunkNotInRoot(bytes32 dataRoot, uint256 chunk);

    /// Chunks of a blob, and field elements of a chunk.
    uint256 internal constant CELLS = 64;

    /// Opens chunk `chunk` (from 0) of a batch that has so many. Reverts unless it is proved.
    /// @param setup a KzgSetup
    /// @return ok false: a field element is 2^254 or more, so the chunk is empty
    /// @return data 2,032 bytes; of no meaning if not ok
    function open(address setup, BatchHeader calldata batch, uint256 chunk, ChunkOpening calldata opening)
        internal
        view
        returns (bool ok, bytes memory data)
    {
        data = opening.data;
        if (batch.dataRoot != 0) {
            if (data.length != ChunkRoot.CHUNK_SIZE) revert WrongDataSize(data.length, ChunkRoot.CHUNK_SIZE);
            bytes32 leaf = ChunkRoot.leaf(chunk, keccak256(data));
            if (!MerkleProof.verifyCalldata(opening.path, batch.dataRoot, leaf)) {
                revert ChunkNotInRoot(batch.dataRoot, chunk);
            }
            return (true, data);
        }
        if (data.length != Packing.ELEMENTS_BYTES) revert WrongDataSize(data.length, Packing.ELEMENTS_BYTES);
        bytes32 blob = batch.blobHashes[chunk / CELLS];
        if (opening.proofs.length == 1) {
            CellProof.requireCell(setup, blob, chunk % CELLS, data, opening.commitment, opening.proofs[0]);
        } else {
            _requirePoints(blob, CELLS * (chunk % CELLS), data, opening);
        }
        return Packing.unpack(data);
    }

    /// The same by 64 point evaluations, for an L1 without EIP-2537.
    function _requirePoints(bytes32 blob, uint256 first, bytes memory elements, ChunkOpening calldata opening)
        private
        view
    {
        if (opening.proofs.length != CELLS) revert WrongProofCount(opening.proofs.length);
        for (uint256 i = 0; i < CELLS; ++i) {
            bytes32 value;
            assembly ("memory-safe") {
                value := mload(add(add(elements, 0x20), shl(5, i)))
            }
            Kzg.requireElement(blob, first + i, value, opening.commitment, opening.proofs[i]);
        }
    }
}
