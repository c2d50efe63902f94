// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// Chunks as docs/data.md has them, written plainly: nothing is compressed.
library Chunks {
    uint256 internal constant SIZE = 2032;

    /// A chunk of one item per kind byte.
    function write(bytes memory kinds, bytes memory tags, bytes memory operands) internal pure returns (bytes memory) {
        return packed(kinds.length, literals(body(kinds, tags, operands)));
    }

    /// A chunk of lane 0's item `kind`: 1 BlockStart, 2 Transaction, 3 Fragment, 4 LastFragment.
    function item(uint8 kind, bytes memory payload) internal pure returns (bytes memory) {
        bytes memory tags = kind == 1 ? payload : bytes.concat(varint(payload.length), hex"e7", varint(payload.length));
        return write(abi.encodePacked((kind - 1) << 2), tags, kind == 1 ? bytes("") : payload);
    }

    function body(bytes memory kinds, bytes memory tags, bytes memory operands) internal pure returns (bytes memory) {
        return bytes.concat(kinds, varint(tags.length), tags, operands);
    }

    /// A chunk with this LZ4 block.
    function packed(uint256 count, bytes memory block_) internal pure returns (bytes memory) {
        return padded(bytes.concat(hex"02", bytes1(uint8(count)), bytes2(uint16(block_.length)), block_));
    }

    function padded(bytes memory start) internal pure returns (bytes memory) {
        return bytes.concat(start, new bytes(SIZE - start.length));
    }

    /// An LZ4 block of nothing but literals.
    function literals(bytes memory content) internal pure returns (bytes memory) {
        uint256 n = content.length;
        if (n < 15) return bytes.concat(bytes1(uint8(n << 4)), content);
        bytes memory more = new bytes((n - 15) / 255);
        for (uint256 i = 0; i < more.length; ++i) {
            more[i] = 0xff;
        }
        return bytes.concat(hex"f0", more, bytes1(uint8((n - 15) % 255)), content);
    }

    function varint(uint256 value) internal pure returns (bytes memory out) {
        for (; value > 127; value >>= 7) {
            out = bytes.concat(out, bytes1(uint8(value | 128)));
        }
        return bytes.concat(out, bytes1(uint8(value)));
    }

    /// Element `i` of the 64 that hold a chunk: its 254 bits from bit 254 i on.
    function element(bytes memory chunk, uint256 i) internal pure returns (uint256 value) {
        uint256 bit = 254 * i;
        assembly ("memory-safe") {
            let p := add(add(chunk, 0x20), div(bit, 8))
            let shift := mod(bit, 8)
            value := shr(2, or(shl(shift, mload(p)), shr(sub(8, shift), byte(0, mload(add(p, 32))))))
        }
    }
}
