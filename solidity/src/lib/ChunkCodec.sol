// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// docs/protocol.md section 3: chunks, codec version 1. Total: whatever the bytes, there is exactly one answer.
library ChunkCodec {
    uint256 internal constant ELEMENTS = 64;
    uint256 internal constant BYTES_PER_ELEMENT = 31;
    uint256 internal constant CHUNK_BYTES = 1984; // ELEMENTS * BYTES_PER_ELEMENT
    uint256 internal constant MAX_ITEMS = 32;

    uint8 internal constant VERSION = 1;
    uint8 internal constant END = 0;
    uint8 internal constant BLOCK_START = 1;
    uint8 internal constant TRANSACTION = 2;
    uint8 internal constant FRAGMENT = 3;
    uint8 internal constant LAST_FRAGMENT = 4;

    /// Decodes the items of a chunk of CHUNK_BYTES bytes and picks one.
    /// @return count number of items; 0 for an empty or malformed chunk
    /// @return kind of item `index`; 0 if there is no such item
    /// @return payload of item `index`
    function decode(bytes memory chunk, uint256 index)
        internal
        pure
        returns (uint256 count, uint8 kind, bytes memory payload)
    {
        assert(chunk.length == CHUNK_BYTES);
        if (_byteAt(chunk, 0) != VERSION) return (0, 0, payload);
        uint256 start;
        uint256 size;
        uint256 pos = 1;
        while (pos < CHUNK_BYTES) {
            uint8 k = _byteAt(chunk, pos);
            if (k == END) break;
            if (k > LAST_FRAGMENT || pos + 3 > CHUNK_BYTES || count == MAX_ITEMS) return (0, 0, payload);
            uint256 length = _uint16At(chunk, pos + 1);
            pos += 3;
            if (length == 0 || pos + length > CHUNK_BYTES) return (0, 0, payload);
            if (k == BLOCK_START && (length != 2 || _uint16At(chunk, pos) == 0)) return (0, 0, payload);
            if (count == index) (kind, start, size) = (k, pos, length);
            pos += length;
            ++count;
        }
        if (kind != 0) payload = _slice(chunk, start, size);
    }

    /// The payload of a BlockStart: seconds after the open block.
    function delta(bytes memory payload) internal pure returns (uint256) {
        assert(payload.length == 2);
        return _uint16At(payload, 0);
    }

    /// Adds field element `i`, below 2^248, to a chunk made by `allocate`.
    function put(bytes memory chunk, uint256 i, bytes32 element) internal pure {
        assert(chunk.length == CHUNK_BYTES && i < ELEMENTS && element >> 248 == 0);
        assembly ("memory-safe") {
            // 31 bytes and a zero that the next element overwrites; the last one's falls into `allocate`'s slack.
            mstore(add(add(chunk, 0x20), mul(i, BYTES_PER_ELEMENT)), shl(8, element))
        }
    }

    /// A chunk to be filled in order of elements.
    function allocate() internal pure returns (bytes memory chunk) {
        chunk = new bytes(CHUNK_BYTES + 32);
        assembly ("memory-safe") {
            mstore(chunk, CHUNK_BYTES)
        }
    }

    function _byteAt(bytes memory data, uint256 pos) private pure returns (uint8 b) {
        assembly ("memory-safe") {
            b := byte(0, mload(add(add(data, 0x20), pos)))
        }
    }

    function _uint16At(bytes memory data, uint256 pos) private pure returns (uint256) {
        return uint256(_byteAt(data, pos)) << 8 | _byteAt(data, pos + 1);
    }

    function _slice(bytes memory data, uint256 start, uint256 size) private pure returns (bytes memory part) {
        part = new bytes(size);
        assembly ("memory-safe") {
            mcopy(add(part, 0x20), add(add(data, 0x20), start), size)
        }
    }
}
