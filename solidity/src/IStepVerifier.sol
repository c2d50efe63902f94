// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IInbox} from "./IInbox.sol";
import {StepProof} from "./IRollup.sol";
import {Input} from "./Types.sol";

/// docs/protocol.md sections 4 and 7: what steps of a batch should have done. Stateless.
interface IStepVerifier {
    /// Proves that the step from `pre` does not end at `claimed`. Returns only if so; every doubt is a revert, so a
    /// bad proof never proves anything, and a refusal of EXECUTE's keeps its message. Payable with the EXECUTE fee in wei;
    /// what is left is sent back to the caller.
    /// @param inbox where deposits and forced transactions are read; the caller vouches for it
    /// @param batchHash of the batch the assertion is about
    /// @param pre the commitment both sides agree on
    /// @param claimed the commitment in dispute
    /// @return proved the commitment the step really ends at; zero if there is no such step: `pre` is past the batch
    /// @return gasUsed L2 gas of the step
    /// @return fee wei paid to EXECUTE
    function refute(IInbox inbox, bytes32 batchHash, bytes31 pre, bytes31 claimed, StepProof calldata proof)
        external
        payable
        returns (bytes31 proved, uint64 gasUsed, uint256 fee);

    /// Proves that `steps` steps from `pre` lead exactly to `proof.post`. Returns only if so; every doubt is a revert.
    /// Payable as `refute` is.
    /// @param inbox as above
    /// @param batchHash of the batch that all the steps are in
    /// @param pre commitment of `proof.pre`
    /// @param steps at least 1
    /// @param gasUsed L2 gas of the transactions among them
    /// @return post commitment of `proof.post`
    /// @return fee wei paid to EXECUTE
    function prove(
        IInbox inbox,
        bytes32 batchHash,
        bytes31 pre,
        uint64 steps,
        uint64 gasUsed,
        StepProof calldata proof
    ) external payable returns (bytes31 post, uint256 fee);

    /// The Input of the step from `proof.pre` (which, like `proof.batch`, the caller vouches for).
    function deriveInput(IInbox inbox, StepProof calldata proof) external view returns (Input memory);

    /// The Inputs of the `steps` steps from `proof.pre` on.
    function deriveInputs(IInbox inbox, StepProof calldata proof, uint64 steps) external view returns (Input[] memory);
}
