// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {StreamReader, Streams} from "./Streams.sol";

/// docs/data.md section 6: strings, element by element.
library Strings {
    using StreamReader for Streams;

    uint256 internal constant MAX_SIZE = 16384;
    uint256 private constant SELECTORS = 0; // in the text
    uint256 private constant WORDS = 1024;

    /// Reads a string to `out`, where MAX_SIZE + 32 bytes may be written.
    /// @return size its length; what lies behind is of no meaning
    function read(Streams memory s, uint256 out) internal view returns (uint256 size) {
        unchecked {
            size = s.tagVarint();
            uint256 end = out + (size < MAX_SIZE ? size : MAX_SIZE);
            uint256 to = out;
            uint256 pos = s.tags;
            uint256 tagsEnd = s.tagsEnd;
            while (to < end && pos < tagsEnd) {
                uint256 tag = StreamReader.bytesAt(pos++, 1);
                if (tag < 0xe0) {
                    to = _inline(s, tag, to);
                } else {
                    (to, pos) = _special(s, tag, pos, to, end);
                }
            }
            s.moveTags(pos);
            size = (to < end ? to : end) - out;
        }
    }

    /// The elements 00 to df: a small integer, or 1 to 32 bytes of X.
    /// @return position in the output after it
    function _inline(Streams memory s, uint256 tag, uint256 to) private pure returns (uint256) {
        unchecked {
            uint256 n = (tag & 31) + 1;
            uint256 word;
            uint256 size = 32;
            if (tag < 0x60) {
                word = tag < 0x40 ? tag : 32 * (tag - 0x3e);
            } else {
                word = StreamReader.bytesAt(s.operands, n);
                s.moveOperands(s.operands + n);
                uint256 bits = 8 * n;
                if (tag >= 0xc0) word |= type(uint256).max << bits;
                else if (tag >= 0x80) word <<= 256 - bits;
                if (tag >> 5 == 5) size = n;
            }
            _store(to, word);
            return to + size;
        }
    }

    /// The elements e0 to ff.
    /// @param pos position in T after the tag
    /// @return position in the output after it, which may lie beyond the string's end by less than a word
    /// @return position in T after it
    function _special(Streams memory s, uint256 tag, uint256 pos, uint256 to, uint256 end)
        private
        view
        returns (uint256, uint256)
    {
        unchecked {
            if (tag == 0xe0) {
                _store(to, s.account());
                to += 32;
            } else if (tag == 0xe1) {
                _store(to, s.account() << 96);
                to += 20;
            } else if (tag == 0xe2) {
                _store(to, s.number());
                to += 32;
            } else if (tag == 0xe3) {
                _store(to, StreamReader.bytesAt(s.text + WORDS + 32 * StreamReader.bytesAt(pos++, 1), 32));
                to += 32;
            } else if (tag == 0xe4) {
                _store(to, StreamReader.bytesAt(s.text + SELECTORS + 4 * StreamReader.bytesAt(pos++, 1), 32));
                to += 4;
            } else if (tag == 0xe5) {
                _store(to, StreamReader.bytesAt(pos, 32));
                (to, pos) = (to + 4, pos + 4);
            } else if (tag == 0xe6) {
                _store(to, type(uint256).max);
                to += 32;
            } else if (tag <= 0xe8) {
                uint256 n;
                (n, pos) = StreamReader.varint(pos);
                uint256 room = end - to;
                if (tag == 0xe7) _copy(s, to, n, room);
                else _zeros(to, n < room ? n : room);
                to += n < room ? n : room;
            }
            return (to, pos);
        }
    }

    /// Takes `n` bytes of X and writes the first of them, at most `room`.
    function _copy(Streams memory s, uint256 to, uint256 n, uint256 room) private pure {
        unchecked {
            uint256 pos = s.operands;
            uint256 there = s.operandsEnd - pos;
            if (n < there) there = n;
            s.operands = pos + there;
            if (n > room) n = room;
            if (there > n) there = n;
            assembly ("memory-safe") {
                mcopy(to, pos, there)
            }
            _zeros(to + there, n - there);
        }
    }

    function _zeros(uint256 to, uint256 n) private pure {
        assembly ("memory-safe") {
            calldatacopy(to, calldatasize(), n)
        }
    }

    function _store(uint256 to, uint256 word) private pure {
        assembly ("memory-safe") {
            mstore(to, word)
        }
    }
}
