// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {BlockAttributes, Input, InputKind, OpenBlock, StepState} from "../../src/Types.sol";
import {Headers} from "./Headers.sol";
import {ToyExecute} from "./ToyExecute.sol";

/// The toy of tests whose steps hang together: a BlockStart opens a block with its attributes, the next one and BatchEnd
/// seal it, and what a step leads to hangs on all of its input.
library Sealing {
    function step(StepState memory pre, Input memory input) internal pure returns (StepState memory s, uint64 spent) {
        s = abi.decode(abi.encode(pre), (StepState));
        s.stateRoot = keccak256(abi.encode(pre.stateRoot, input.kind, input.payload));
        if (input.kind == InputKind.BlockStart || input.kind == InputKind.BatchEnd) {
            if (s.open.number != 0) s.blockHash = keccak256(sealed_(pre));
            OpenBlock memory none;
            s.open = none;
        }
        if (input.kind == InputKind.BlockStart) {
            s.open.number = 7;
            s.open.attributes = abi.decode(input.payload, (BlockAttributes));
            s.open.logsBloom = new bytes(256);
        }
        if (input.kind == InputKind.Transaction && s.open.number != 0) {
            spent = 21000;
            s.open.gasUsed += spent;
            ++s.open.transactionCount;
        }
        (s.fragmentsHash, s.fragmentsSize) = (0, 0);
        if (input.kind == InputKind.Fragment) {
            s.fragmentsHash = keccak256(bytes.concat(pre.fragmentsHash, input.payload));
            s.fragmentsSize = pre.fragmentsSize + uint64(input.payload.length);
        }
        s.cursor = input.next;
    }

    /// The header of the block that is open in `s`.
    function sealed_(StepState memory s) internal pure returns (bytes memory) {
        return Headers.make(s.open.number, s.open.attributes.timestamp, s.stateRoot);
    }
}

contract SealingExecute is ToyExecute {
    function run(StepState memory pre, Input[] memory inputs)
        internal
        pure
        override
        returns (StepState memory s, uint64 spent)
    {
        s = pre;
        for (uint256 i = 0; i < inputs.length; ++i) {
            uint64 gas;
            (s, gas) = Sealing.step(s, inputs[i]);
            spent += gas;
        }
    }
}
