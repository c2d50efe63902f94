// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {StreamReader, Streams} from "./Streams.sol";

/// docs/data.md section 6: strings, element by element. This is the loop that a hostile chunk spends its gas in.
library Strings {
    using StreamReader for Streams;

    uint256 internal constant MAX_SIZE = 16384;
    uint256 private constant WORDS = 1024; // in the text, after the selectors

    /// Reads a string to `out`, where MAX_SIZE + 32 bytes may be written.
    /// @return size its length; what lies behind is of no meaning
    function read(Streams memory s, uint256 out) internal view returns (uint256 size) {
        unchecked {
            uint256 end = out + StreamReader.min(s.tagVarint(), MAX_SIZE);
            uint256 to = out;
            uint256 tags = s.tags;
            uint256 tagsEnd = s.tagsEnd;
            uint256 operands = s.operands;
            uint256 operandsEnd = s.operandsEnd;
            while (to < end) {
                if (tags >= tagsEnd) break;
                uint256 tag;
                assembly ("memory-safe") {
                    tag := byte(0, mload(tags))
                    tags := add(tags, 1)
                }
                uint256 word;
                if (tag | 1 == 0xe1) {
                    // What takes most gas: no further than here.
                    (word, operands) = s.account(operands);
                    if (operands > operandsEnd) operands = operandsEnd;
                    if (tag == 0xe0) {
                        to = _put(to, word, 32);
                        continue;
                    }
                    to = _put(to, word << 96, 20);
                    continue;
                }
                size = 32;
                if (tag > 0xe1) {
                    if (tag == 0xe2) {
                        (word, operands) = StreamReader.number(operands);
                        if (operands > operandsEnd) operands = operandsEnd;
                    } else if (tag < 0xe7) {
                        (word, size, tags) = _fromTags(s, tag, tags);
                    } else if (tag < 0xe9) {
                        uint256 n;
                        (n, tags) = StreamReader.varint(tags);
                        size = StreamReader.min(n, end - to);
                        if (tag == 0xe8) {
                            _zeros(to, size);
                        } else {
                            _copy(to, size, operands, operandsEnd);
                            operands = StreamReader.min(operands + n, operandsEnd);
                        }
                        to += size;
                        continue;
                    } else {
                        continue;
                    }
                } else if (tag < 0x60) {
                    word = tag < 0x40 ? tag : (tag - 0x3e) << 5;
                } else {
                    // 1 to 32 bytes of X
                    assembly ("memory-safe") {
                        let n := add(and(tag, 31), 1)
                        let unused := sub(256, shl(3, n))
                        word := shr(unused, mload(operands))
                        operands := add(operands, n)
                        switch shr(5, tag)
                        case 3 {}
                        case 6 { word := or(word, shl(shl(3, n), not(0))) }
                        case 5 {
                            word := shl(unused, word)
                            size := n
                        }
                        default { word := shl(unused, word) }
                    }
                    if (operands > operandsEnd) operands = operandsEnd;
                }
                to = _put(to, word, size);
            }
            (s.tags, s.operands) = (StreamReader.min(tags, tagsEnd), operands);
            size = StreamReader.min(to, end) - out;
        }
    }

    /// The elements e3 to e6: common words, selectors, all ones.
    /// @return word what is written, from its first byte on
    /// @return size how many of its bytes
    /// @return next position in T
    function _fromTags(Streams memory s, uint256 tag, uint256 tags)
        private
        pure
        returns (uint256 word, uint256 size, uint256 next)
    {
        unchecked {
            uint256 index = StreamReader.bytesAt(tags, 1);
            if (tag == 0xe6) return (type(uint256).max, 32, tags);
            if (tag == 0xe5) return (StreamReader.bytesAt(tags, 32), 4, tags + 4);
            if (tag == 0xe4) return (StreamReader.bytesAt(s.text + 4 * index, 32), 4, tags + 1);
            return (StreamReader.bytesAt(s.text + WORDS + 32 * index, 32), 32, tags + 1);
        }
    }

    /// Writes the first `size` bytes of a word.
    function _put(uint256 to, uint256 word, uint256 size) private pure returns (uint256 next) {
        assembly ("memory-safe") {
            mstore(to, word)
            next := add(to, size)
        }
    }

    /// `size` bytes of X.
    function _copy(uint256 to, uint256 size, uint256 operands, uint256 operandsEnd) private pure {
        unchecked {
            uint256 there = StreamReader.min(size, operandsEnd - operands);
            assembly ("memory-safe") {
                mcopy(to, operands, there)
            }
            _zeros(to + there, size - there);
        }
    }

    function _zeros(uint256 to, uint256 size) private pure {
        assembly ("memory-safe") {
            calldatacopy(to, calldatasize(), size)
        }
    }
}
