// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {DepositMessage, WithdrawalMessage} from "./Messages.sol";

enum WithdrawalStatus {
    Unknown,
    Proven,
    Finalized
}

/// Where a rollup's money is on L1: docs/protocol.md sections 10 and 11. Values are wei of L2 unless said otherwise.
interface IPortal {
    event MessageSent(uint256 indexed nonce, bytes32 indexed hash, DepositMessage message);
    event WithdrawalProven(bytes32 indexed hash, bytes32 indexed assertionId);
    event WithdrawalFinalized(bytes32 indexed hash, address indexed target, uint256 value);

    /// ETH rollups: the value, whole Gwei, is credited to `recipient` on L2.
    /// @return index in the Inbox's deposit queue
    function deposit(address recipient) external payable returns (uint64 index);

    /// ERC-20 rollups: `amount` smallest units, whole Gwei of L2, from the caller, who has approved `vault`.
    function depositToken(address recipient, uint256 amount) external returns (uint64 index);

    /// A call that anyone can have made on L2 by its Messenger, with `value`. Paid as a deposit is: with ETH, or out of the
    /// caller's tokens. The call comes from the Messenger, whose l1Sender() is the caller of this.
    /// @param value whole Gwei, may be zero
    /// @param refundTo who can take the value on L2 instead of the call; zero: nobody
    /// @param data at most MAX_MESSAGE_SIZE bytes
    function sendMessage(address target, uint256 value, address refundTo, bytes calldata data)
        external
        payable
        returns (bytes32 hash);

    /// Proves that `m` was initiated on L2, against the state root of a confirmed assertion.
    /// @param accountProof of L2's MessagePasser, as in `eth_getProof`
    /// @param storageProof of `sent[hash of m]` in it
    function proveWithdrawal(
        WithdrawalMessage calldata m,
        bytes32 assertionId,
        bytes[] calldata accountProof,
        bytes[] calldata storageProof
    ) external;

    /// Pays out a proven withdrawal and makes its call. Anyone may, once; if the call fails, all of it reverts and can be
    /// tried again. An ERC-20 is transferred first, and the target called only if there are data.
    function finalizeWithdrawal(WithdrawalMessage calldata m) external;

    /// Both. The proof is not looked at if `m` was proven before.
    function proveAndFinalizeWithdrawal(
        WithdrawalMessage calldata m,
        bytes32 assertionId,
        bytes[] calldata accountProof,
        bytes[] calldata storageProof
    ) external;

    /// Who sent on L2 what is being finalized: for the target to ask. Reverts outside of its call.
    function l2Sender() external view returns (address);

    function withdrawalStatus(bytes32 hash) external view returns (WithdrawalStatus);
    /// What L2 may still take out: all that came in, less what went out.
    function escrowed() external view returns (uint256);
    function gasToken() external view returns (address); // zero: ETH
    function gasTokenUnit() external view returns (uint256); // wei of L2 per smallest unit of it; ETH: 1
    function vault() external view returns (address); // whom to approve; zero: ETH
}
