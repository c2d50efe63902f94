// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {BatchHeader} from "../IInbox.sol";
import {ChunkOpening} from "../IRollup.sol";
import {Kzg} from "./Kzg.sol";

/// docs/protocol.md section 7: that bytes are a chunk of a batch.
library ChunkOpenings {
    error WrongDataSize(uint256 given, uint256 expected);
    error WrongProofCount(uint256 given);

    /// Chunks of a blob, and field elements of a chunk.
    uint256 internal constant CELLS = 64;
    uint256 internal constant CELL_BYTES = 2048;

    /// The field elements of chunk `chunk` (from 0) of a batch whose data is blobs. Reverts unless they are proved.
    function elements(BatchHeader calldata batch, uint256 chunk, ChunkOpening calldata opening)
        internal
        view
        returns (bytes memory data)
    {
        if (opening.data.length != CELL_BYTES) revert WrongDataSize(opening.data.length, CELL_BYTES);
        if (opening.proofs.length != CELLS) revert WrongProofCount(opening.proofs.length);
        bytes32 blob = batch.blobHashes[chunk / CELLS];
        uint256 first = CELLS * (chunk % CELLS);
        data = opening.data;
        for (uint256 i = 0; i < CELLS; ++i) {
            bytes32 value;
            assembly ("memory-safe") {
                value := mload(add(add(data, 0x20), shl(5, i)))
            }
            Kzg.requireElement(blob, first + i, value, opening.commitment, opening.proofs[i]);
        }
    }
}
