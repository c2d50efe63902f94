// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {BlockAttributes, Input, InputKind} from "../Types.sol";

/// What a Trace executes (docs/protocol.md section 1). `next`, the cursor after the input, is the caller's own
/// bookkeeping: EXECUTE only copies it into the StepState; here it stays zero.
library Inputs {
    /// Opens a block.
    function blockStart(BlockAttributes memory attributes) internal pure returns (Input memory input) {
        (input.kind, input.payload) = (InputKind.BlockStart, abi.encode(attributes));
    }

    /// @param raw EIP-2718 bytes; what is no valid transaction is a no-op
    function transaction(bytes memory raw) internal pure returns (Input memory input) {
        (input.kind, input.payload) = (InputKind.Transaction, raw);
    }

    /// Seals the open block.
    function batchEnd() internal pure returns (Input memory input) {
        input.kind = InputKind.BatchEnd;
    }

    /// One whole block.
    function wholeBlock(BlockAttributes memory attributes, bytes[] calldata transactions)
        internal
        pure
        returns (Input[] memory inputs)
    {
        inputs = new Input[](transactions.length + 2);
        inputs[0] = blockStart(attributes);
        for (uint256 i = 0; i < transactions.length; ++i) {
            inputs[i + 1] = transaction(transactions[i]);
        }
        inputs[transactions.length + 1] = batchEnd();
    }
}
