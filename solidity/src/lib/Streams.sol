// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// The streams of a chunk's body and what reading them builds up. Positions are absolute, in memory. Behind either
/// stream's end lie zeros: more than one read, which may begin at the end, can pass.
struct Streams {
    uint256 tags; // next byte of T
    uint256 tagsEnd;
    uint256 operands; // next byte of X, at most operandsEnd
    uint256 operandsEnd;
    uint256 text; // the dictionary's text
    address[] pages; // the dictionary's pages, the text first
    uint256 own; // the chunk's own addresses: where each lies, as two bytes that count from `text`
    uint256 ownCount;
}

/// docs/data.md section 4: varints, numbers, addresses. No read goes wrong: past the end there are zeros.
library StreamReader {
    uint256 internal constant PAGE_ADDRESSES = 1228;

    /// @return value of the varint at `pos`, below 2^56
    /// @return next position after it, at most 8 bytes later
    function varint(uint256 pos) internal pure returns (uint256 value, uint256 next) {
        assembly ("memory-safe") {
            let word := mload(pos)
            let b := byte(0, word)
            value := and(b, 0x7f)
            let i := 1
            for {} and(shr(7, b), lt(i, 8)) { i := add(i, 1) } {
                b := byte(i, word)
                value := or(value, shl(mul(7, i), and(b, 0x7f)))
            }
            next := add(pos, i)
        }
    }

    /// A varint of T.
    function tagVarint(Streams memory s) internal pure returns (uint256 value) {
        uint256 next;
        (value, next) = varint(s.tags);
        moveTags(s, next);
    }

    /// A varint of X.
    function operandVarint(Streams memory s) internal pure returns (uint256 value) {
        uint256 next;
        (value, next) = varint(s.operands);
        moveOperands(s, next);
    }

    /// A byte of X.
    function operandByte(Streams memory s) internal pure returns (uint256 value) {
        value = bytesAt(s.operands, 1);
        moveOperands(s, s.operands + 1);
    }

    /// A number of X.
    function number(Streams memory s) internal pure returns (uint256 value) {
        unchecked {
            uint256 pos = s.operands;
            uint256 head = bytesAt(pos, 1);
            uint256 n = head >> 5;
            uint256 e = head & 31;
            if (n == 0) {
                value = e == 31 ? 0 : 10 ** e;
            } else if (n == 7) {
                n = e + 1;
                value = bytesAt(pos + 1, n);
            } else {
                value = bytesAt(pos + 1, n) * 10 ** e; // below 2^48 * 10^31 < 2^151
            }
            moveOperands(s, pos + 1 + n);
        }
    }

    /// An address of X. One that lies there in full joins the own list.
    function account(Streams memory s) internal view returns (uint256 value) {
        unchecked {
            (uint256 v, uint256 pos) = varint(s.operands);
            if (v == 0) {
                value = bytesAt(pos, 20);
                uint256 slot = s.own + 2 * s.ownCount++;
                uint256 entry = pos - s.text;
                assembly ("memory-safe") {
                    mstore(slot, shl(240, entry))
                }
                pos += 20;
            } else {
                uint256 pages = s.pages.length;
                uint256 known = pages == 0 ? 0 : PAGE_ADDRESSES * (pages - 1);
                if (v <= known) {
                    value = _dictionaryAddress(s.pages, v - 1);
                } else if (v - known - 1 < s.ownCount) {
                    value = bytesAt(s.text + bytesAt(s.own + 2 * (v - known - 1), 2), 20);
                }
            }
            moveOperands(s, pos);
        }
    }

    /// T goes on at `pos`, or at its end if that is before it.
    function moveTags(Streams memory s, uint256 pos) internal pure {
        uint256 end = s.tagsEnd;
        s.tags = pos < end ? pos : end;
    }

    /// X goes on at `pos`, or at its end if that is before it.
    function moveOperands(Streams memory s, uint256 pos) internal pure {
        uint256 end = s.operandsEnd;
        s.operands = pos < end ? pos : end;
    }

    /// The big-endian integer that `size` bytes make, 1 to 32.
    function bytesAt(uint256 pos, uint256 size) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := shr(sub(256, shl(3, size)), mload(pos))
        }
    }

    /// Entry `index` of the address pages. The code of a page begins with a byte that is none of it.
    function _dictionaryAddress(address[] memory pages, uint256 index) private view returns (uint256 value) {
        unchecked {
            address page = pages[1 + index / PAGE_ADDRESSES];
            uint256 from = 1 + 20 * (index % PAGE_ADDRESSES);
            assembly ("memory-safe") {
                mstore(0, 0)
                extcodecopy(page, 12, from, 20) // zeros where the page has ended
                value := mload(0)
            }
        }
    }
}
