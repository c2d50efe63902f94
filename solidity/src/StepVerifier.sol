// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";
import {Derivation} from "./Derivation.sol";
import {IInbox} from "./IInbox.sol";
import {StepProof} from "./IRollup.sol";
import {IStepVerifier} from "./IStepVerifier.sol";
import {Chain, Input, InputKind} from "./Types.sol";
import {Commitment} from "./lib/Commitment.sol";
import {Execute} from "./lib/Execute.sol";

/// Derives the Inputs of steps from L1 data and has EXECUTE say where they lead. Holds no state and no money.
contract StepVerifier is Derivation, IStepVerifier {
    error ZeroFork();
    error BatchMismatch(bytes32 given, bytes32 expected);
    error PreStateMismatch(bytes31 given, bytes31 expected);
    error StepIsAsClaimed();
    error GasUsedDecreases(uint64 pre, uint64 post);

    /// Rules of L2, left-aligned ASCII: "prague".
    bytes32 public immutable fork;
    /// Gas limit above which an L2 transaction is a no-op; 0: no cap. It keeps every step provable within one EXECUTE.
    uint64 public immutable txGasCap;

    constructor(
        uint64 chainId_,
        bytes32 fork_,
        uint64 txGasCap_,
        address feeRecipient_,
        uint64 gasLimit_,
        uint64 maxDrift_,
        address setup_
    ) Derivation(chainId_, feeRecipient_, gasLimit_, maxDrift_, setup_) {
        if (fork_ == 0) revert ZeroFork();
        fork = fork_;
        txGasCap = txGasCap_;
    }

    /// @inheritdoc IStepVerifier
    function refute(IInbox inbox, bytes32 batchHash, bytes31 pre, bytes31 claimed, StepProof calldata proof)
        external
        payable
        returns (bytes31 proved, uint64 gasUsed, uint256 fee)
    {
        _bind(batchHash, pre, proof);
        // A batch's steps all start at cursors in it. Else more steps are claimed than the batch has (`proved` zero).
        if (proof.pre.cursor.batch == proof.batch.index) {
            proved = Commitment.ofCalldata(proof.post);
            if (proved == claimed) revert StepIsAsClaimed();
            Input[] memory inputs = _deriveInputs(inbox, proof, 1);
            if (inputs[0].kind == InputKind.Transaction) gasUsed = _gasUsed(proof);
            fee = _execute(inputs, gasUsed, proof);
        }
        _returnAbove(fee);
    }

    /// @inheritdoc IStepVerifier
    function prove(
        IInbox inbox,
        bytes32 batchHash,
        bytes31 pre,
        uint64 steps,
        uint64 gasUsed,
        StepProof calldata proof
    ) external payable returns (bytes31 post, uint256 fee) {
        _bind(batchHash, pre, proof);
        post = Commitment.ofCalldata(proof.post);
        fee = _execute(_deriveInputs(inbox, proof, steps), gasUsed, proof);
        _returnAbove(fee);
    }

    /// @inheritdoc IStepVerifier
    function deriveInput(IInbox inbox, StepProof calldata proof) external view returns (Input memory) {
        return _deriveInputs(inbox, proof, 1)[0];
    }

    /// @inheritdoc IStepVerifier
    function deriveInputs(IInbox inbox, StepProof calldata proof, uint64 steps) external view returns (Input[] memory) {
        return _deriveInputs(inbox, proof, steps);
    }

    function _bind(bytes32 batchHash, bytes31 pre, StepProof calldata proof) private pure {
        bytes32 givenBatch = keccak256(abi.encode(proof.batch));
        if (givenBatch != batchHash) revert BatchMismatch(givenBatch, batchHash);
        bytes31 givenPre = Commitment.ofCalldata(proof.pre);
        if (givenPre != pre) revert PreStateMismatch(givenPre, pre);
    }

    /// Returns only if the inputs lead from `proof.pre` exactly to `proof.post`.
    function _execute(Input[] memory inputs, uint64 gasUsed, StepProof calldata proof) private returns (uint256 fee) {
        return Execute.proveSteps(
            Chain(chainId, fork, txGasCap),
            proof.pre,
            proof.post,
            inputs,
            gasUsed,
            proof.witness,
            proof.witnessPointers,
            msg.value
        );
    }

    function _returnAbove(uint256 fee) private {
        if (msg.value > fee) SafeTransferLib.safeTransferETH(msg.sender, msg.value - fee);
    }

    /// L2 gas of a Transaction: what the open block has more of it. A no-op has none, with or without a block.
    function _gasUsed(StepProof calldata proof) private pure returns (uint64) {
        uint64 before = proof.pre.open.gasUsed;
        uint64 afterwards = proof.post.open.gasUsed;
        if (afterwards < before) revert GasUsedDecreases(before, afterwards);
        return afterwards - before;
    }
}
