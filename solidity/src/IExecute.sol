// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// The EXECUTE precompile at 0x0101 ("Native rollups - superpowers from L1 execution"), docs/protocol.md section 8.
///
/// `execute` and `executeStaged` answer whether stateless execution of a trace leads from one state root to another. They
/// are called by CALL only. Each call costs
/// - L1 gas, before anything is decoded: a fixed amount, an amount per byte of `trace`, and for staged data 2,600 per
///   pointer and an amount per 32 bytes of its code;
/// - `gasUsed * gasPrice()` wei out of the call's value, before execution, kept whatever the answer is. Value above it
///   goes back to the caller.
///
/// A call is refused (it reverts with `Error("EXECUTE: ...")`, nothing is bought, the value comes back) for too little
/// value, for more L2 gas than the block has left, where the transaction's value does not stand for the fees of all its
/// calls, for arguments that are not canonical ABI, for a pointer without code, by DELEGATECALL, CALLCODE or STATICCALL
/// and inside of one, and where the L1 node's clients disagree. A refusal is no answer. Without the L1 gas for its price
/// the call fails as any call does, with no message.
///
/// What was bought stays bought when the calling frame reverts: the sender of the transaction pays for it then, up to the
/// value it signed. So a contract that pays out of its own pocket needs a caller that sends as much along.
///
/// `lib/Execute.sol` calls all of this for you.
interface IExecute {
    /// True iff `trace`, exactly `abi.encode(Trace)` (Types.sol), begins at a StepState with `preStateRoot`, its inputs
    /// lead to exactly its post StepState, which has `postStateRoot`, and the transactions executed use exactly `gasUsed`
    /// L2 gas in sum. A missing or wrong witness item makes the answer false.
    /// @param preStateRoot state root of the trace's pre StepState
    /// @param postStateRoot state root of the trace's post StepState
    /// @param gasUsed L2 gas of all transactions in the trace, each as in its receipt; a no-op uses none
    /// @param trace abi.encode(Trace)
    function execute(bytes32 preStateRoot, bytes32 postStateRoot, uint64 gasUsed, bytes calldata trace)
        external
        payable
        returns (bool);

    /// The same for a trace that lies partly in contract code: it is `trace`, followed by the code of each of `pointers`
    /// without its first byte (as `Stage.sol` and SSTORE2 store data), followed by zero bytes up to a multiple of 32.
    /// @param preStateRoot state root of the trace's pre StepState
    /// @param postStateRoot state root of the trace's post StepState
    /// @param gasUsed L2 gas of all transactions in the trace
    /// @param trace where the trace begins: for a staged witness everything up to and with the witness's length
    /// @param pointers where it goes on, in order; each must have code
    function executeStaged(
        bytes32 preStateRoot,
        bytes32 postStateRoot,
        uint64 gasUsed,
        bytes calldata trace,
        address[] calldata pointers
    ) external payable returns (bool);

    /// Wei per L2 gas in this block.
    function gasPrice() external view returns (uint256);

    /// L2 gas that calls may still use in this block.
    function gasLeft() external view returns (uint64);

    /// Seconds in which EXECUTE was full: over all past blocks that ended without room for the largest step, those since
    /// their parents' timestamps. It never falls; the difference of two readings is by how much a deadline for a call
    /// of EXECUTE should be put off.
    function congestedSeconds() external view returns (uint64);
}
