// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IExecute} from "../IExecute.sol";
import {StepProof} from "../IRollup.sol";
import {Input} from "../Types.sol";

/// Calls of the EXECUTE precompile (docs/protocol.md section 8).
library Execute {
    /// Wei per L2 gas could not be read: this L1 has no EXECUTE.
    error ExecuteMissing();
    error ExecuteFeeNotPaid(uint256 fee, uint256 paid);
    /// Out of gas, over the block's EXECUTE limit, or no valid call.
    error ExecuteFailed();
    /// The trace is not a true one. This says nothing about the assertion.
    error ExecuteAnsweredFalse();

    address internal constant EXECUTE = 0x0000000000000000000000000000000000000101;

    /// Wei that EXECUTE will take for `gasUsed` L2 gas in this block.
    function fee(uint64 gasUsed) internal view returns (uint256) {
        (bool ok, bytes memory answer) = EXECUTE.staticcall(abi.encodeCall(IExecute.gasPrice, ()));
        if (!ok || answer.length != 32) revert ExecuteMissing();
        return gasUsed * abi.decode(answer, (uint256));
    }

    /// Returns only if EXECUTE says that `input` leads from `proof.pre` exactly to `proof.post`.
    function requireStep(
        uint64 chainId,
        bytes32 fork,
        uint64 txGasCap,
        StepProof calldata proof,
        Input memory input,
        uint64 gasUsed,
        uint256 value
    ) internal {
        Input[] memory inputs = new Input[](1);
        inputs[0] = input;
        // The call's head and the trace's own head are written in front of the encoded Trace, instead of copying
        // what may be hundreds of KB. `room` keeps what lies there above Solidity's reserved memory.
        bytes memory room = new bytes(224);
        bytes memory fields = abi.encode(chainId, fork, txGasCap, proof.pre, proof.post, inputs, proof.witness);
        assert(room.length == 224);
        bytes32 preRoot = proof.pre.stateRoot;
        bytes32 postRoot = proof.post.stateRoot;
        bytes4 selector = IExecute.execute.selector;
        bool ok;
        bool answered;
        uint256 answer;
        assembly ("memory-safe") {
            // Layout, from fields - 164: selector, preRoot, postRoot, gasUsed, 0x80, trace length, then the trace:
            // 0x20 (where abi.encode of a Trace says that the tuple begins; over `fields`' length) and the tuple.
            let length := mload(fields)
            let s0 := mload(sub(fields, 0xc0))
            let s1 := mload(sub(fields, 0xa0))
            let s2 := mload(sub(fields, 0x80))
            let s3 := mload(sub(fields, 0x60))
            let s4 := mload(sub(fields, 0x40))
            let s5 := mload(sub(fields, 0x20))
            mstore(sub(fields, 0xc0), shr(224, selector))
            mstore(sub(fields, 0xa0), preRoot)
            mstore(sub(fields, 0x80), postRoot)
            mstore(sub(fields, 0x60), gasUsed)
            mstore(sub(fields, 0x40), 0x80)
            mstore(sub(fields, 0x20), add(length, 0x20))
            mstore(fields, 0x20)
            ok := call(gas(), EXECUTE, value, sub(fields, 0xa4), add(length, 0xc4), 0, 0x20)
            answer := mload(0)
            answered := eq(returndatasize(), 0x20)
            mstore(fields, length)
            mstore(sub(fields, 0xc0), s0)
            mstore(sub(fields, 0xa0), s1)
            mstore(sub(fields, 0x80), s2)
            mstore(sub(fields, 0x60), s3)
            mstore(sub(fields, 0x40), s4)
            mstore(sub(fields, 0x20), s5)
        }
        if (!ok || !answered) revert ExecuteFailed();
        if (answer != 1) revert ExecuteAnsweredFalse();
    }
}
