// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {L1Proof} from "../lib/L1State.sol";
import {DepositMessage} from "../Messages.sol";

/// In the L2 genesis: makes the calls that were asked for through the Portal on L1, docs/protocol.md section 12.
///
/// A message's value comes as a deposit of its own, which may arrive some batches after the message can be proved. Who relays
/// early takes the value of another message that is waiting; that one waits for this one's deposit then. Deposits come in
/// order and can't be stopped, so every message is paid.
interface IMessenger {
    event MessageRelayed(bytes32 indexed hash, address indexed target, uint256 value);
    event MessageRefunded(bytes32 indexed hash, address indexed refundTo, uint256 value);

    /// Makes the call of `m`, once. Anyone may; if the call fails, all of it reverts and can be tried again, with more gas or
    /// later, for ever.
    /// @param proof of the Portal's slot `sentMessages[hash of m]`
    function relayMessage(DepositMessage calldata m, L1Proof calldata proof) external;

    /// Pays the value to `m.refundTo` instead, which must be the caller.
    function refund(DepositMessage calldata m, L1Proof calldata proof) external;

    /// Who sent on L1 the message that is being relayed: for the target to ask. Reverts outside of its call.
    function l1Sender() external view returns (address);

    /// Whether the message was relayed or refunded.
    function isRelayed(bytes32 hash) external view returns (bool);
    /// The Portal on L1.
    function portal() external view returns (address);
}
