// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// docs/data.md section 1: a chunk's bits in the low 254 bits of 64 field elements.
library Packing {
    uint256 internal constant ELEMENTS_BYTES = 2048; // 64 * 32
    uint256 internal constant CHUNK_BYTES = 2032; // 64 * 254 / 8

    /// @param elements 64 field elements, big-endian: ELEMENTS_BYTES bytes
    /// @return ok whether all are below 2^254
    /// @return chunk CHUNK_BYTES bytes; of no meaning if not ok
    function unpack(bytes memory elements) internal pure returns (bool ok, bytes memory chunk) {
        assert(elements.length == ELEMENTS_BYTES);
        assembly ("memory-safe") {
            chunk := mload(0x40)
            mstore(0x40, add(chunk, 0x820)) // 32 + 2,032 and room for the last group's zero byte, in whole words
            mstore(chunk, CHUNK_BYTES)
            let to := add(chunk, 0x20)
            let from := add(elements, 0x20)
            let above := 0
            // Four elements make 127 bytes; the word after them ends in a zero byte, which the next group overwrites.
            for { let end := add(from, ELEMENTS_BYTES) } lt(from, end) { from := add(from, 0x80) } {
                let b := mload(add(from, 0x20))
                let c := mload(add(from, 0x40))
                let d := mload(add(from, 0x60))
                above := or(above, or(or(mload(from), b), or(c, d)))
                mstore(to, or(shl(2, mload(from)), shr(252, b)))
                mstore(add(to, 0x20), or(shl(4, b), shr(250, c)))
                mstore(add(to, 0x40), or(shl(6, c), shr(248, d)))
                mstore(add(to, 0x60), shl(8, d))
                to := add(to, 0x7f)
            }
            ok := iszero(shr(254, above))
        }
    }
}
