// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// The streams of a chunk's body and what reading them builds up. Positions are absolute, in memory. Behind either
/// stream's end lie zeros: more than one read, which may begin at the end, can pass.
struct Streams {
    uint256 tags; // next byte of T, at most tagsEnd
    uint256 tagsEnd;
    uint256 operands; // next byte of X, at most operandsEnd
    uint256 operandsEnd;
    uint256 text; // the dictionary's text
    address[] pages; // the dictionary's pages, the text first
    uint256 known; // how many addresses are in them
    uint256 own; // the chunk's own addresses: where each lies, as two bytes that count from `text`
    uint256 ownEnd;
}

/// docs/data.md section 4: varints, numbers, addresses. No read goes wrong: past the end there are zeros. `next` is the
/// position after what was read.
library StreamReader {
    uint256 internal constant PAGE_ADDRESSES = 1228;

    /// @return value below 2^56
    function varint(uint256 pos) internal pure returns (uint256 value, uint256 next) {
        assembly ("memory-safe") {
            let word := mload(pos)
            value := byte(0, word)
            next := add(pos, 1)
            if shr(7, value) {
                let b := byte(1, word)
                value := or(and(value, 0x7f), shl(7, and(b, 0x7f)))
                next := add(pos, 2)
                for { let i := 2 } and(shr(7, b), lt(i, 8)) { i := add(i, 1) } {
                    b := byte(i, word)
                    value := or(value, shl(mul(7, i), and(b, 0x7f)))
                    next := add(next, 1)
                }
            }
        }
    }

    /// @return value below 2^256
    function number(uint256 pos) internal pure returns (uint256 value, uint256 next) {
        assembly ("memory-safe") {
            let head := byte(0, mload(pos))
            next := add(pos, 1)
            let n := shr(5, head)
            let e := and(head, 31)
            switch n
            case 0 { value := mul(exp(10, e), lt(e, 31)) }
            case 7 {
                n := add(e, 1)
                value := shr(sub(256, shl(3, n)), mload(next))
            }
            default { value := mul(shr(sub(256, shl(3, n)), mload(next)), exp(10, e)) } // below 2^48 * 10^31 < 2^151
            if shr(5, head) { next := add(next, n) }
        }
    }

    /// An address. One that lies there in full joins the own list.
    function account(Streams memory s, uint256 pos) internal view returns (uint256 value, uint256 next) {
        unchecked {
            uint256 v = bytesAt(pos, 1);
            if (v < 0x80) next = pos + 1;
            else (v, next) = varint(pos);
            if (v == 0) {
                value = bytesAt(next, 20);
                uint256 slot = s.ownEnd;
                uint256 text = s.text;
                assembly ("memory-safe") {
                    mstore(slot, shl(240, sub(next, text)))
                }
                s.ownEnd = slot + 2;
                return (value, next + 20);
            }
            uint256 known = s.known;
            if (v <= known) {
                address[] memory pages = s.pages;
                assembly ("memory-safe") {
                    let index := sub(v, 1)
                    // The first page is the text; a page's code begins with a byte that is none of it.
                    let page := mload(add(add(pages, 0x40), shl(5, div(index, PAGE_ADDRESSES))))
                    mstore(0, 0)
                    extcodecopy(page, 12, add(1, mul(20, mod(index, PAGE_ADDRESSES))), 20)
                    value := mload(0)
                }
                return (value, next);
            }
            uint256 entry = s.own + 2 * (v - known - 1);
            if (entry < s.ownEnd) value = bytesAt(s.text + bytesAt(entry, 2), 20);
        }
    }

    /// The big-endian integer that `size` bytes make, 1 to 32.
    function bytesAt(uint256 pos, uint256 size) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := shr(sub(256, shl(3, size)), mload(pos))
        }
    }

    function min(uint256 a, uint256 b) internal pure returns (uint256) {
        return a < b ? a : b;
    }

    // ---- reads that move

    /// A varint of T.
    function tagVarint(Streams memory s) internal pure returns (uint256 value) {
        uint256 next;
        (value, next) = varint(s.tags);
        s.tags = min(next, s.tagsEnd);
    }

    /// A varint of X.
    function operandVarint(Streams memory s) internal pure returns (uint256 value) {
        uint256 next;
        (value, next) = varint(s.operands);
        s.operands = min(next, s.operandsEnd);
    }

    /// A byte of X.
    function operandByte(Streams memory s) internal pure returns (uint256 value) {
        value = bytesAt(s.operands, 1);
        s.operands = min(s.operands + 1, s.operandsEnd);
    }

    /// A number of X.
    function operandNumber(Streams memory s) internal pure returns (uint256 value) {
        uint256 next;
        (value, next) = number(s.operands);
        s.operands = min(next, s.operandsEnd);
    }

    /// An address of X.
    function operandAccount(Streams memory s) internal view returns (uint256 value) {
        uint256 next;
        (value, next) = account(s, s.operands);
        s.operands = min(next, s.operandsEnd);
    }
}
