// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {StepState} from "../Types.sol";

/// docs/protocol.md section 1: the commitment of a StepState, cut to 31 bytes so that it fits a blob's field element.
library Commitment {
    function ofMemory(StepState memory state) internal pure returns (bytes31) {
        return bytes31(keccak256(abi.encode(state)));
    }

    function ofCalldata(StepState calldata state) internal pure returns (bytes31) {
        return bytes31(keccak256(abi.encode(state)));
    }

    /// The commitment that lies in a field element. An element whose first byte isn't zero commits to nothing: it
    /// reads as zero, which no state hashes to, so it can be disputed like any wrong commitment.
    function fromElement(bytes32 element) internal pure returns (bytes31) {
        return element >> 248 == 0 ? bytes31(element << 8) : bytes31(0);
    }
}
