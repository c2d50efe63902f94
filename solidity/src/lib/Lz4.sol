// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// docs/data.md section 3: an LZ4 block, total. Memory positions are absolute.
library Lz4 {
    /// Bytes that may lie between a byte and its copy, so many are in front of the body.
    uint256 internal constant WINDOW = 65536;
    uint256 internal constant MAX_BODY = 8192;

    /// Unpacks the block at [from, fromEnd) to `body`, which has WINDOW bytes in front of it and MAX_BODY to write to.
    /// @return bodyEnd what was written ends here
    function unpack(uint256 from, uint256 fromEnd, uint256 body) internal pure returns (uint256 bodyEnd) {
        assembly ("memory-safe") {
            // A length that goes on: all bytes up to the first that is not 255, or to the input's end.
            function extended(short, pos, end) -> length, next {
                length := short
                next := pos
                for {} lt(next, end) {} {
                    let b := byte(0, mload(next))
                    next := add(next, 1)
                    length := add(length, b)
                    if iszero(eq(b, 255)) { break }
                }
            }
            function min(a, b) -> c {
                c := a
                if lt(b, a) { c := b }
            }

            let pos := from
            let to := body
            let end := add(body, MAX_BODY)
            for {} and(lt(pos, fromEnd), lt(to, end)) {} {
                let token := byte(0, mload(pos))
                pos := add(pos, 1)

                let length := shr(4, token)
                if eq(length, 15) { length, pos := extended(length, pos, fromEnd) }
                if length {
                    let size := min(length, sub(fromEnd, pos))
                    pos := add(pos, size)
                    let room := min(size, sub(end, to))
                    mcopy(to, sub(pos, size), room)
                    to := add(to, room)
                }
                if eq(pos, fromEnd) { break }

                let word := mload(pos)
                let offset := byte(0, word)
                pos := add(pos, 2) // perhaps one beyond the end
                if iszero(gt(pos, fromEnd)) { offset := or(offset, shl(8, byte(1, word))) }

                length := add(4, and(token, 15))
                if eq(length, 19) { length, pos := extended(length, pos, fromEnd) }
                if gt(add(to, length), end) { length := sub(end, to) }
                if iszero(offset) {
                    calldatacopy(to, calldatasize(), length) // zeros
                    to := add(to, length)
                    continue
                }
                // A match that overlaps itself repeats its first `offset` bytes: each copy doubles what there is of them.
                let source := sub(to, offset)
                for { let size := offset } lt(size, length) { size := shl(1, size) } {
                    mcopy(to, source, size)
                    to := add(to, size)
                    length := sub(length, size)
                }
                mcopy(to, source, length)
                to := add(to, length)
            }
            bodyEnd := to
        }
    }
}
