// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {LowLevelCall} from "@openzeppelin/contracts/utils/LowLevelCall.sol";
import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";
import {BurnedFees} from "./BurnedFees.sol";
import {Escrow} from "./Escrow.sol";
import {IInbox} from "./IInbox.sol";
import {IPortal, WithdrawalStatus} from "./IPortal.sol";
import {Assertion, AssertionStatus, IRollup} from "./IRollup.sol";
import {WithdrawalMessage} from "./Messages.sol";
import {StateProof} from "./lib/StateProof.sol";

/// docs/protocol.md section 11: the way out. IPortal.sol says what each function does. No owner, no pause, no upgrade.
///
/// During a withdrawal's call its target may deposit and send messages, but not prove or finalize.
contract Portal is Escrow, BurnedFees {
    error RollupOfAnotherInbox(address inbox);
    error NotSent(bytes32 hash, uint256 value);
    error AlreadyProven(bytes32 hash, WithdrawalStatus status);
    error NotProven(bytes32 hash, WithdrawalStatus status);
    error CallFailed(address target, bytes reason);
    error NoWithdrawal();

    mapping(bytes32 hash => WithdrawalStatus) private _withdrawals;
    address private transient _l2Sender;

    /// @param gasToken_ an ERC-20 of at most 18 decimals that neither takes fees nor rebases; zero: ETH
    /// @param burnedFeesTo_ who gets what L2's base fees burned; zero: nobody
    constructor(IInbox inbox_, IRollup rollup_, address gasToken_, address burnedFeesTo_)
        Escrow(inbox_, gasToken_)
        BurnedFees(rollup_, burnedFeesTo_)
    {
        if (address(rollup_.inbox()) != address(inbox_)) revert RollupOfAnotherInbox(address(rollup_.inbox()));
    }

    /// @inheritdoc IPortal
    function proveWithdrawal(
        WithdrawalMessage calldata m,
        bytes32 assertionId,
        bytes[] calldata accountProof,
        bytes[] calldata storageProof
    ) external nonReentrant {
        bytes32 hash = keccak256(abi.encode(m));
        if (_withdrawals[hash] != WithdrawalStatus.Unknown) revert AlreadyProven(hash, _withdrawals[hash]);
        _prove(hash, assertionId, accountProof, storageProof);
    }

    /// @inheritdoc IPortal
    function finalizeWithdrawal(WithdrawalMessage calldata m) external nonReentrant {
        _finalize(keccak256(abi.encode(m)), m);
    }

    /// @inheritdoc IPortal
    function proveAndFinalizeWithdrawal(
        WithdrawalMessage calldata m,
        bytes32 assertionId,
        bytes[] calldata accountProof,
        bytes[] calldata storageProof
    ) external nonReentrant {
        bytes32 hash = keccak256(abi.encode(m));
        if (_withdrawals[hash] == WithdrawalStatus.Unknown) _prove(hash, assertionId, accountProof, storageProof);
        _finalize(hash, m);
    }

    /// @inheritdoc IPortal
    function l2Sender() external view returns (address) {
        if (_l2Sender == address(0)) revert NoWithdrawal();
        return _l2Sender;
    }

    /// @inheritdoc IPortal
    function withdrawalStatus(bytes32 hash) external view returns (WithdrawalStatus) {
        return _withdrawals[hash];
    }

    function _prove(
        bytes32 hash,
        bytes32 assertionId,
        bytes[] calldata accountProof,
        bytes[] calldata storageProof
    ) private {
        Assertion memory a = rollup.assertion(assertionId);
        if (a.status != AssertionStatus.Confirmed) revert NotConfirmed(assertionId, a.status);
        bytes32 slot = keccak256(abi.encode(hash, uint256(0))); // MessagePasser.sent[hash]
        uint256 sent = StateProof.slotOf(a.stateRoot, MESSAGE_PASSER, slot, accountProof, storageProof);
        if (sent != 1) revert NotSent(hash, sent);
        _withdrawals[hash] = WithdrawalStatus.Proven;
        emit WithdrawalProven(hash, assertionId);
    }

    function _finalize(bytes32 hash, WithdrawalMessage calldata m) private {
        if (_withdrawals[hash] != WithdrawalStatus.Proven) revert NotProven(hash, _withdrawals[hash]);
        // The first three trust the Portal. Whoever had approved it would lose tokens by a call of their token.
        if (m.target == address(this) || m.target == address(inbox) || m.target == vault() || m.target == gasToken) {
            revert InvalidTarget(m.target);
        }
        _withdrawals[hash] = WithdrawalStatus.Finalized;
        uint256 value = _payable(m.value);
        _release(value);
        emit WithdrawalFinalized(hash, m.target, m.value);
        if (gasToken == address(0)) return _call(m, value);
        _payToken(m.target, value);
        if (m.data.length != 0) _call(m, 0);
    }

    function _payBurned(address to, uint256 wei_) internal override {
        _release(wei_);
        if (gasToken == address(0)) SafeTransferLib.safeTransferETH(to, wei_);
        else _payToken(to, wei_);
    }

    function _burnedFeesUnit() internal view override returns (uint256) {
        return gasTokenUnit;
    }

    function _call(WithdrawalMessage calldata m, uint256 value) private {
        _l2Sender = m.sender;
        if (!LowLevelCall.callNoReturn(m.target, value, m.data)) {
            revert CallFailed(m.target, LowLevelCall.returnData());
        }
        _l2Sender = address(0);
    }
}
