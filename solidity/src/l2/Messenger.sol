// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {LowLevelCall} from "@openzeppelin/contracts/utils/LowLevelCall.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {L1Proof, L1State} from "../lib/L1State.sol";
import {DepositMessage} from "../Messages.sol";
import {IMessenger} from "./IMessenger.sol";

/// See IMessenger.sol. It has no constructor: it is part of the genesis. While a message is relayed, no other can be.
contract Messenger is IMessenger, ReentrancyGuardTransient {
    error AlreadyRelayed(bytes32 hash);
    error NotSent(bytes32 hash, uint256 value);
    error InvalidTarget(address target);
    error NotRefundTo(address caller, address refundTo);
    error ValueNotHere(uint256 value, uint256 balance);
    error CallFailed(address target, bytes reason);
    error NoMessage();

    /// @inheritdoc IMessenger
    address public portal; // slot 0: set in the genesis, and never again
    /// @inheritdoc IMessenger
    mapping(bytes32 hash => bool) public isRelayed;
    address private transient _l1Sender;

    /// @inheritdoc IMessenger
    function relayMessage(DepositMessage calldata m, L1Proof calldata proof) external nonReentrant {
        // Whom it calls may trust the Messenger; the Messenger trusts itself. (The Portal doesn't take such a message.)
        if (m.target == address(this)) revert InvalidTarget(m.target);
        bytes32 hash = _take(m, proof);
        emit MessageRelayed(hash, m.target, m.value);
        _l1Sender = m.sender;
        if (!LowLevelCall.callNoReturn(m.target, m.value, m.data)) {
            revert CallFailed(m.target, LowLevelCall.returnData());
        }
        _l1Sender = address(0);
    }

    /// @inheritdoc IMessenger
    function refund(DepositMessage calldata m, L1Proof calldata proof) external nonReentrant {
        if (m.refundTo != msg.sender) revert NotRefundTo(msg.sender, m.refundTo);
        bytes32 hash = _take(m, proof);
        emit MessageRefunded(hash, m.refundTo, m.value);
        if (!LowLevelCall.callNoReturn(m.refundTo, m.value, "")) revert CallFailed(m.refundTo, LowLevelCall.returnData());
    }

    /// @inheritdoc IMessenger
    function l1Sender() external view returns (address) {
        if (_l1Sender == address(0)) revert NoMessage();
        return _l1Sender;
    }

    /// Marks a message as done that L1 has sent and whose value is here.
    function _take(DepositMessage calldata m, L1Proof calldata proof) private returns (bytes32 hash) {
        hash = keccak256(abi.encode(m));
        if (isRelayed[hash]) revert AlreadyRelayed(hash);
        uint256 one = L1State.slotOf(proof, portal, keccak256(abi.encode(hash, uint256(0)))); // sentMessages[hash]
        if (one != 1) revert NotSent(hash, one);
        if (address(this).balance < m.value) revert ValueNotHere(m.value, address(this).balance);
        isRelayed[hash] = true;
    }
}
