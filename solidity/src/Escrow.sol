// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {IInbox} from "./IInbox.sol";
import {IPortal} from "./IPortal.sol";
import {DepositMessage} from "./Messages.sol";
import {TokenVault} from "./TokenVault.sol";

/// docs/protocol.md section 10: money and messages on their way to L2, and the books.
///
/// The books are kept in wei of L2. ETH that was forced in by self-destruct, and tokens that were sent to the vault, are
/// not in them and stay where they are.
abstract contract Escrow is IPortal {
    error NotTheInboxsPortal(address portal);
    error NoContract(address at_);
    error TooManyDecimals(uint8 decimals, uint8 max);

    error GasTokenIsNotEth(address gasToken);
    error GasTokenIsEth();
    error WrongValue(uint256 given, uint256 expected);
    error NotWholeGwei(uint256 value);
    error NotWholeUnits(uint256 value, uint256 gasTokenUnit);
    error DepositTooLarge(uint256 value);
    error MessageTooLarge(uint256 size, uint256 max);
    error EscrowTooLow(uint256 value, uint256 escrowed);
    error InvalidTarget(address target);

    /// L2's contracts of protocol.md section 10.
    address public constant MESSAGE_PASSER = 0x7665726469637400000000000000000000000001;
    address public constant MESSENGER = 0x7665726469637400000000000000000000000002;
    /// Bytes of data: with the L1 proof that its relay takes, a message still fits into a forced transaction.
    uint256 public constant MAX_MESSAGE_SIZE = 16384;
    uint8 private constant DECIMALS = 18; // of the wei of L2

    /// 1 for each message sent. **Slot 0**: L2 proves it by its place.
    mapping(bytes32 hash => uint256 one) public sentMessages;
    /// The next message's nonce.
    uint256 public messageCount;
    /// @inheritdoc IPortal
    uint256 public escrowed;

    IInbox public immutable inbox;
    /// @inheritdoc IPortal
    address public immutable gasToken;
    /// @inheritdoc IPortal
    uint256 public immutable gasTokenUnit;
    TokenVault private immutable _vault;

    constructor(IInbox inbox_, address gasToken_) {
        if (inbox_.portal() != address(this)) revert NotTheInboxsPortal(inbox_.portal());
        (inbox, gasToken) = (inbox_, gasToken_);
        if (gasToken_ == address(0)) {
            gasTokenUnit = 1;
            return;
        }
        if (gasToken_.code.length == 0) revert NoContract(gasToken_);
        uint8 decimals = IERC20Metadata(gasToken_).decimals();
        if (decimals > DECIMALS) revert TooManyDecimals(decimals, DECIMALS);
        gasTokenUnit = 10 ** (DECIMALS - decimals);
        _vault = new TokenVault(IERC20(gasToken_));
    }

    /// @inheritdoc IPortal
    function vault() public view returns (address) {
        return address(_vault);
    }

    /// @inheritdoc IPortal
    function deposit(address recipient) external payable returns (uint64 index) {
        if (gasToken != address(0)) revert GasTokenIsNotEth(gasToken);
        return _enqueue(recipient, msg.value);
    }

    /// @inheritdoc IPortal
    function depositToken(address recipient, uint256 amount) external returns (uint64 index) {
        if (gasToken == address(0)) revert GasTokenIsEth();
        _vault.pull(msg.sender, amount);
        return _enqueue(recipient, amount * gasTokenUnit);
    }

    /// @inheritdoc IPortal
    function sendMessage(address target, uint256 value, address refundTo, bytes calldata data)
        external
        payable
        returns (bytes32 hash)
    {
        if (target == MESSENGER) revert InvalidTarget(target); // it trusts itself: L2 would never make that call
        if (data.length > MAX_MESSAGE_SIZE) revert MessageTooLarge(data.length, MAX_MESSAGE_SIZE);
        uint256 expected = gasToken == address(0) ? value : 0;
        if (msg.value != expected) revert WrongValue(msg.value, expected);
        if (gasToken != address(0) && value != 0) {
            if (value % gasTokenUnit != 0) revert NotWholeUnits(value, gasTokenUnit);
            _vault.pull(msg.sender, value / gasTokenUnit);
        }
        DepositMessage memory m = DepositMessage(messageCount++, msg.sender, target, value, refundTo, data);
        hash = keccak256(abi.encode(m));
        sentMessages[hash] = 1;
        if (value != 0) _enqueue(MESSENGER, value);
        emit MessageSent(m.nonce, hash, m);
    }

    /// Books `value`, which is here, as L2's and has it credited there.
    function _enqueue(address recipient, uint256 value) private returns (uint64 index) {
        if (value == 0 || value % 1 gwei != 0) revert NotWholeGwei(value);
        if (value / 1 gwei > type(uint64).max) revert DepositTooLarge(value);
        escrowed += value;
        return inbox.enqueueDeposit(recipient, uint64(value / 1 gwei));
    }

    /// The part of `value` that whole units of the gas token can pay.
    function _payable(uint256 value) internal view returns (uint256) {
        return value - value % gasTokenUnit;
    }

    /// Takes `value` off the books before it is paid.
    function _release(uint256 value) internal {
        if (value > escrowed) revert EscrowTooLow(value, escrowed);
        escrowed -= value;
    }

    /// Pays `value`, which is payable and released, in tokens.
    function _payToken(address to, uint256 value) internal {
        if (value != 0) _vault.pay(to, value / gasTokenUnit);
    }
}
