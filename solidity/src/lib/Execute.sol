// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IExecute} from "../IExecute.sol";
import {Chain, Claim, Input, StepState, Trace} from "../Types.sol";

/// EXECUTE for the author of any contract (docs/protocol.md section 8; what a call costs: IExecute.sol).
///
/// A contract binds what it must: it builds the Trace's `pre` and `inputs` from what it stores and derives, takes `post`
/// and the witness as given, and EXECUTE checks that the one leads to the other. Nobody has to parse a trace.
///
///     Trace memory trace = Trace(chainId, "prague", 0, pre, post, inputs, witness); // inputs: see Inputs.sol
///     uint256 paid = Execute.prove(pre.stateRoot, post.stateRoot, gasUsed, abi.encode(trace), msg.value);
///
/// or, where the caller gives `pre`, `post` and the witness, without copying them: `proveSteps`. A witness too large for
/// one transaction is put into contract code first (Stage.sol) and given by its addresses.
///
/// `prove...` returns only if the answer is true. `try...` gives the answer itself. Both revert where there is none: a
/// refusal with EXECUTE's own message, else with an error below. So false always means a judged trace.
///
/// The fee is paid from the contract's own balance, but never more than `budget`: give `msg.value` to have the caller pay,
/// and return `msg.value - paid`. What a revert takes back from EXECUTE the transaction's sender pays, so the value it
/// sends must be as much as the fee in any case; a contract that pays for its callers returns all of it.
library Execute {
    /// This L1 has no EXECUTE.
    error ExecuteMissing();
    /// Wei.
    error ExecuteFeeNotPaid(uint256 fee, uint256 budget);
    /// Out of L1 gas, or the contract hasn't the fee.
    error ExecuteFailed();
    /// The trace is not a true one.
    error ExecuteAnsweredFalse();
    /// The witness is either given or staged.
    error WitnessAndPointers();
    error PointerWithoutCode(address pointer);

    address internal constant EXECUTE = 0x0000000000000000000000000000000000000101;

    /// Bytes in front of an encoded trace for the rest of a call: the selector's word and six arguments and lengths.
    uint256 private constant ROOM = 0xe0;

    /// Whether this L1 has EXECUTE.
    function available() internal view returns (bool ok) {
        (ok,) = _read(IExecute.gasPrice.selector);
    }

    /// Wei per L2 gas in this block.
    function gasPrice() internal view returns (uint256) {
        return _require(IExecute.gasPrice.selector);
    }

    /// L2 gas that calls may still use in this block.
    function gasLeft() internal view returns (uint64) {
        return uint64(_require(IExecute.gasLeft.selector));
    }

    /// Seconds in which EXECUTE was full, over all past blocks.
    function congestedSeconds() internal view returns (uint64) {
        return uint64(_require(IExecute.congestedSeconds.selector));
    }

    /// Wei that EXECUTE takes for `gasUsed` L2 gas in this block.
    function fee(uint64 gasUsed) internal view returns (uint256) {
        return gasUsed * gasPrice();
    }

    // ---- a trace, encoded

    /// Returns only if EXECUTE says that `trace` is true.
    /// @param gasUsed L2 gas of the trace's transactions
    /// @param trace abi.encode(Trace)
    /// @param budget wei
    /// @return paid wei
    function prove(bytes32 preStateRoot, bytes32 postStateRoot, uint64 gasUsed, bytes memory trace, uint256 budget)
        internal
        returns (uint256 paid)
    {
        bool answer;
        (answer, paid) = tryProve(preStateRoot, postStateRoot, gasUsed, trace, budget);
        if (!answer) revert ExecuteAnsweredFalse();
    }

    /// What EXECUTE says of `trace`.
    function tryProve(bytes32 preStateRoot, bytes32 postStateRoot, uint64 gasUsed, bytes memory trace, uint256 budget)
        internal
        returns (bool answer, uint256 paid)
    {
        paid = _afford(gasUsed, budget);
        answer = _call(abi.encodeCall(IExecute.execute, (preStateRoot, postStateRoot, gasUsed, trace)), paid);
    }

    /// Returns only if EXECUTE says that `trace` and what lies at `pointers` is true.
    /// @param trace see `encodeStaged`
    function proveStaged(
        bytes32 preStateRoot,
        bytes32 postStateRoot,
        uint64 gasUsed,
        bytes memory trace,
        address[] memory pointers,
        uint256 budget
    ) internal returns (uint256 paid) {
        bool answer;
        (answer, paid) = tryProveStaged(preStateRoot, postStateRoot, gasUsed, trace, pointers, budget);
        if (!answer) revert ExecuteAnsweredFalse();
    }

    /// What EXECUTE says of `trace` and what lies at `pointers`.
    function tryProveStaged(
        bytes32 preStateRoot,
        bytes32 postStateRoot,
        uint64 gasUsed,
        bytes memory trace,
        address[] memory pointers,
        uint256 budget
    ) internal returns (bool answer, uint256 paid) {
        paid = _afford(gasUsed, budget);
        bytes memory call =
            abi.encodeCall(IExecute.executeStaged, (preStateRoot, postStateRoot, gasUsed, trace, pointers));
        answer = _call(call, paid);
    }

    /// The trace up to and with the length of its witness, which lies at `pointers`; `trace.witness` must be empty.
    function encodeStaged(Trace memory trace, address[] memory pointers) internal view returns (bytes memory encoded) {
        if (trace.witness.length != 0) revert WitnessAndPointers();
        encoded = abi.encode(trace);
        _setLastWord(encoded, stagedSize(pointers));
    }

    /// Bytes of data at `pointers`.
    function stagedSize(address[] memory pointers) internal view returns (uint256 size) {
        for (uint256 i = 0; i < pointers.length; ++i) {
            uint256 length = pointers[i].code.length;
            if (length == 0) revert PointerWithoutCode(pointers[i]);
            size += length - 1;
        }
    }

    // ---- steps, encoded in place

    /// Returns only if EXECUTE says that `inputs` lead from `claim.pre`, which the contract must know to be right,
    /// exactly to `claim.post`.
    /// @param budget wei
    /// @return paid wei
    function proveSteps(Chain memory chain, Input[] memory inputs, Claim calldata claim, uint256 budget)
        internal
        returns (uint256 paid)
    {
        return proveSteps(chain, claim.pre, claim.post, inputs, claim.gasUsed, claim.witness, claim.pointers, budget);
    }

    /// Returns only if EXECUTE says that `inputs` lead from `pre` exactly to `post`.
    /// @param gasUsed L2 gas of the transactions among `inputs`
    /// @param witness RLP([nodes, codes, headers]); empty if it is staged
    /// @param pointers where the witness is staged; empty if it is given
    /// @param budget wei
    /// @return paid wei
    function proveSteps(
        Chain memory chain,
        StepState calldata pre,
        StepState calldata post,
        Input[] memory inputs,
        uint64 gasUsed,
        bytes calldata witness,
        address[] memory pointers,
        uint256 budget
    ) internal returns (uint256 paid) {
        bool answer;
        (answer, paid) = tryProveSteps(chain, pre, post, inputs, gasUsed, witness, pointers, budget);
        if (!answer) revert ExecuteAnsweredFalse();
    }

    /// What EXECUTE says of `inputs` leading from `pre` exactly to `post`.
    /// @dev The call's head is written in front of the encoded trace and the pointers behind it, instead of copying what
    /// may be hundreds of KB.
    function tryProveSteps(
        Chain memory chain,
        StepState calldata pre,
        StepState calldata post,
        Input[] memory inputs,
        uint64 gasUsed,
        bytes calldata witness,
        address[] memory pointers,
        uint256 budget
    ) internal returns (bool answer, uint256 paid) {
        paid = _afford(gasUsed, budget);
        assembly ("memory-safe") {
            mstore(0x40, add(mload(0x40), ROOM))
        }
        bytes memory fields = abi.encode(chain, pre, post, inputs, witness);
        if (pointers.length != 0) {
            if (witness.length != 0) revert WitnessAndPointers();
            _setLastWord(fields, stagedSize(pointers));
        }
        answer = _callInPlace(fields, pre.stateRoot, post.stateRoot, gasUsed, pointers, paid);
    }

    /// `fields`: the fields of a Trace, encoded last of all in memory and behind ROOM free bytes. Destroyed.
    function _callInPlace(
        bytes memory fields,
        bytes32 preStateRoot,
        bytes32 postStateRoot,
        uint64 gasUsed,
        address[] memory pointers,
        uint256 value
    ) private returns (bool) {
        bool staged = pointers.length != 0;
        bytes4 selector = staged ? IExecute.executeStaged.selector : IExecute.execute.selector;
        bool ok;
        assembly ("memory-safe") {
            // abi.encode(Trace) is 0x20, where the tuple begins, and the tuple: 0x20 goes over the length of `fields`.
            let size := add(mload(fields), 0x20)
            let end := add(fields, size)
            mstore(fields, 0x20)
            let word := sub(fields, 0x20)
            mstore(word, size)
            if staged {
                word := sub(word, 0x20)
                mstore(word, add(0xc0, size)) // where the pointers are: behind five arguments, a length and the trace
                let tail := add(0x20, shl(5, mload(pointers)))
                mcopy(end, pointers, tail)
                end := add(end, tail)
            }
            mstore(sub(word, 0x20), add(0x80, shl(5, staged))) // where the trace is: behind four arguments, or five
            mstore(sub(word, 0x40), gasUsed)
            mstore(sub(word, 0x60), postStateRoot)
            mstore(sub(word, 0x80), preStateRoot)
            mstore(sub(word, 0xa0), shr(224, selector))
            let start := sub(word, 0x84)
            ok := call(gas(), EXECUTE, value, start, sub(end, start), 0, 0x20)
        }
        return _answer(ok);
    }

    // ---- calls

    function _call(bytes memory data, uint256 value) private returns (bool) {
        bool ok;
        assembly ("memory-safe") {
            ok := call(gas(), EXECUTE, value, add(data, 0x20), mload(data), 0, 0x20)
        }
        return _answer(ok);
    }

    /// The answer of the call just made, which lies at memory 0; only a bool is one.
    function _answer(bool ok) private pure returns (bool) {
        uint256 answer;
        bool given;
        assembly ("memory-safe") {
            let size := returndatasize()
            if iszero(or(ok, iszero(size))) {
                let reason := mload(0x40)
                returndatacopy(reason, 0, size)
                revert(reason, size)
            }
            answer := mload(0)
            given := and(ok, eq(size, 0x20))
        }
        if (!given || answer > 1) revert ExecuteFailed();
        return answer == 1;
    }

    function _read(bytes4 selector) private view returns (bool ok, uint256 value) {
        assembly ("memory-safe") {
            mstore(0, selector)
            ok := staticcall(gas(), EXECUTE, 0, 4, 0, 0x20)
            ok := and(ok, eq(returndatasize(), 0x20))
            value := mload(0)
        }
    }

    function _require(bytes4 selector) private view returns (uint256 value) {
        bool ok;
        (ok, value) = _read(selector);
        if (!ok) revert ExecuteMissing();
    }

    /// Wei to pay; not more than `budget`.
    function _afford(uint64 gasUsed, uint256 budget) private view returns (uint256 cost) {
        cost = fee(gasUsed);
        if (cost > budget) revert ExecuteFeeNotPaid(cost, budget);
    }

    function _setLastWord(bytes memory data, uint256 word) private pure {
        assembly ("memory-safe") {
            mstore(add(data, mload(data)), word)
        }
    }
}
