// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// The hash of either is keccak256(abi.encode(message)); nonces are each chain's own running numbers.

/// From L2 to L1: sent through L2's MessagePasser, paid and called by the Portal.
struct WithdrawalMessage {
    uint256 nonce;
    address sender; // on L2
    address target; // on L1
    uint256 value; // wei of L2
    bytes data;
}

/// From L1 to L2: sent through the Portal, called by L2's Messenger.
struct DepositMessage {
    uint256 nonce;
    address sender; // on L1
    address target; // on L2
    uint256 value; // wei of L2
    address refundTo; // who can have the value on L2 instead of the call; zero: nobody
    bytes data;
}
