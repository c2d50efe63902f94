// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";

/// docs/protocol.md section 2: the Merkle root of a calldata batch's chunks. OpenZeppelin's MerkleProof opens it.
library ChunkRoot {
    /// Bytes of a chunk.
    uint256 internal constant CHUNK_SIZE = 2032;

    /// @param index of the chunk in its batch, from 0
    /// @param chunkHash keccak256 of the chunk
    /// @dev Hashed twice, so no inner node is a leaf; with the index, so a chunk is proved to lie where it does.
    function leaf(uint256 index, bytes32 chunkHash) internal pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256(abi.encode(index, chunkHash))));
    }

    /// The root of whole chunks, end to end; at least one. Pairs are sorted, an odd node goes up as it is.
    function compute(bytes calldata data) internal pure returns (bytes32) {
        uint256 count = data.length / CHUNK_SIZE;
        assert(count != 0 && data.length == count * CHUNK_SIZE);
        bytes32[] memory nodes = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            nodes[i] = leaf(i, _hash(data, i * CHUNK_SIZE));
        }
        for (; count > 1; count = (count + 1) / 2) {
            for (uint256 i = 0; i < count / 2; ++i) {
                nodes[i] = Hashes.commutativeKeccak256(nodes[2 * i], nodes[2 * i + 1]);
            }
            if (count % 2 == 1) nodes[count / 2] = nodes[count - 1];
        }
        return nodes[0];
    }

    /// keccak256 of the chunk from `start`, in memory that stays free: 61 copies side by side would be dear.
    function _hash(bytes calldata data, uint256 start) private pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, add(data.offset, start), CHUNK_SIZE)
            hash := keccak256(free, CHUNK_SIZE)
        }
    }
}
