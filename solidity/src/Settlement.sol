// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";
import {Assertions} from "./Assertions.sol";
import {IRollup, StepProof} from "./IRollup.sol";

/// docs/protocol.md section 13: batches confirmed by EXECUTE over their steps, without bond and window.
///
/// What a call proves is true whoever makes it. So settlers can't undo each other's work: of two that prove the same steps
/// one has its call reverted before it has bought anything, and whoever proves more from the batch's start takes over.
abstract contract Settlement is Assertions {
    error NotReached(bytes31 from, bytes31 latestConfirmed, bytes31 reached);
    error AlreadySettled(uint64 steps);

    struct Progress {
        bytes31 commitment;
        uint64 steps;
    }

    mapping(bytes32 batchHash => Progress) private _progress;

    /// @inheritdoc IRollup
    function settle(bytes32 batchHash, bytes31 from, uint64 steps, uint64 gasUsed, StepProof calldata proof)
        external
        payable
        nonReentrant
        returns (bytes32 id)
    {
        uint64 index = inbox.batchIndex(batchHash);
        if (index != _nextUnconfirmed()) revert WrongBatchIndex(index, _nextUnconfirmed());
        uint64 total = _settledAt(batchHash, from) + steps;
        if (total <= _progress[batchHash].steps) revert AlreadySettled(_progress[batchHash].steps);

        (bytes31 reached, uint256 fee) = verifier.prove{value: msg.value}(inbox, batchHash, from, steps, gasUsed, proof);
        emit SegmentSettled(batchHash, msg.sender, total, reached, gasUsed, fee);
        if (proof.post.cursor.batch == index) {
            _progress[batchHash] = Progress(reached, total);
        } else {
            delete _progress[batchHash];
            id = _confirmProved(batchHash, index, total, reached, proof.post);
        }
        if (msg.value > fee) SafeTransferLib.safeTransferETH(msg.sender, msg.value - fee);
    }

    /// @inheritdoc IRollup
    function settled(bytes32 batchHash) external view returns (bytes31 commitment, uint64 steps) {
        Progress storage p = _progress[batchHash];
        return (p.commitment, p.steps);
    }

    /// After how many of the batch's steps the commitment `from` stands.
    function _settledAt(bytes32 batchHash, bytes31 from) private view returns (uint64) {
        Progress storage p = _progress[batchHash];
        bytes31 start = _latest().commitment;
        if (from == start) return 0;
        if (from != p.commitment || p.steps == 0) revert NotReached(from, start, p.commitment);
        return p.steps;
    }
}
