// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {WithdrawalMessage} from "../Messages.sol";

/// In the L2 genesis: where money and messages leave L2. The Portal on L1 pays what is written down here. ETH that is sent
/// here never leaves again: it is burned on L2.
contract MessagePasser {
    event WithdrawalInitiated(
        uint256 indexed nonce,
        address indexed sender,
        address indexed target,
        uint256 value,
        bytes data,
        bytes32 hash
    );

    /// Messages that were sent. **Slot 0**: L1 proves it by its place.
    mapping(bytes32 hash => bool) public sent;
    /// The next message's nonce.
    uint256 public messageCount;

    /// A withdrawal to the caller's own address.
    receive() external payable {
        _initiate(msg.sender, "");
    }

    /// Has the Portal pay the value to `target` on L1, and call it with `data`, once this block is in a confirmed assertion
    /// and somebody has proven and finalized it there.
    /// @return hash of the WithdrawalMessage
    function initiateWithdrawal(address target, bytes calldata data) external payable returns (bytes32 hash) {
        return _initiate(target, data);
    }

    function _initiate(address target, bytes memory data) private returns (bytes32 hash) {
        WithdrawalMessage memory m = WithdrawalMessage(messageCount++, msg.sender, target, msg.value, data);
        hash = keccak256(abi.encode(m));
        sent[hash] = true;
        emit WithdrawalInitiated(m.nonce, m.sender, target, m.value, data, hash);
    }
}
