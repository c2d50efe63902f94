// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {CheckpointOpening} from "../IRollup.sol";
import {Commitment} from "./Commitment.sol";
import {Kzg} from "./Kzg.sol";

/// docs/protocol.md sections 5 and 6: which steps the checkpoints and the boundaries of a split stand for.
library Checkpoints {
    error WrongOpeningCount(uint256 given);
    error NoSuchInterval(uint64 j, uint64 steps);

    /// Steps of the longest batch: the derived BlockStart, 16 forced transactions, 384 chunks of 63 items, BatchEnd.
    uint64 internal constant MAX_STEPS = 1 + 16 + 6 * 64 * 63 + 1;

    /// M: number of checkpoints of `steps` steps. `stride` 0: only the first and the last.
    function count(uint64 steps, uint64 stride) internal pure returns (uint64) {
        return stride == 0 ? 2 : (steps + stride - 1) / stride + 1;
    }

    /// Number of blobs that hold `n` field elements.
    function blobs(uint64 n) internal pure returns (uint256) {
        return (n + Kzg.ELEMENTS - 1) / Kzg.ELEMENTS;
    }

    /// The steps between checkpoints `j` and `j + 1`.
    function interval(uint64 steps, uint64 stride, uint64 j) internal pure returns (uint64 lo, uint64 hi) {
        uint64 s = stride == 0 ? steps : stride;
        if (uint256(j) * s >= steps) revert NoSuchInterval(j, steps);
        lo = j * s;
        hi = steps - lo < s ? steps : lo + s;
    }

    /// The commitments at checkpoints `i` and `j`, proved to lie in the blobs.
    function open(bytes32[] memory versionedHashes, uint64 i, uint64 j, CheckpointOpening calldata opening)
        internal
        view
        returns (bytes31, bytes31)
    {
        if (opening.commitments.length != 2) revert WrongOpeningCount(opening.commitments.length);
        return (_open(versionedHashes, i, opening, 0), _open(versionedHashes, j, opening, 1));
    }

    /// Parts a split cuts `[lo, hi]` into.
    function parts(uint64 lo, uint64 hi, uint64 arity) internal pure returns (uint64) {
        return hi - lo < arity ? hi - lo : arity;
    }

    /// Boundary `i` of the `n` parts of `[lo, hi]`.
    function boundary(uint64 lo, uint64 hi, uint64 n, uint64 i) internal pure returns (uint64) {
        return lo + (hi - lo) * i / n;
    }

    function _open(bytes32[] memory versionedHashes, uint64 j, CheckpointOpening calldata opening, uint256 which)
        private
        view
        returns (bytes31)
    {
        bytes32 value = opening.elements[which].value;
        Kzg.requireElement(
            versionedHashes[j / Kzg.ELEMENTS],
            j % Kzg.ELEMENTS,
            value,
            opening.commitments[which],
            opening.elements[which].proof
        );
        return Commitment.fromElement(value);
    }
}
