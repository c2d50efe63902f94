// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// Contracts in every L2 genesis (docs/protocol.md section 12): "verdict" in ASCII, zeros, a number.
library Predeploys {
    address internal constant MESSAGE_PASSER = 0x7665726469637400000000000000000000000001;
    address internal constant MESSENGER = 0x7665726469637400000000000000000000000002;
    address internal constant L2_TOKEN_BRIDGE = 0x7665726469637400000000000000000000000003;
}
