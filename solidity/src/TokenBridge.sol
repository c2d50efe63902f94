// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IPortal} from "./IPortal.sol";
import {ITokenBridge} from "./ITokenBridge.sol";
import {IL2TokenBridge} from "./l2/IL2TokenBridge.sol";
import {Predeploys} from "./l2/Predeploys.sol";
import {TokenText} from "./lib/TokenText.sol";

/// See ITokenBridge.sol. No owner, no pause, no upgrade. Tokens don't meet here: what one does can't touch another.
contract TokenBridge is ITokenBridge, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    error NoContract(address at_);
    error ZeroAmount();
    error ZeroRecipient();
    error BalanceShrank(address token, uint256 balance, uint256 locked);
    error WrongAmountArrived(address token, uint256 arrived, uint256 amount);
    error NotFromL2Bridge(address caller);

    IPortal public immutable portal;

    /// @inheritdoc ITokenBridge
    mapping(address token => uint256) public locked;

    constructor(IPortal portal_) {
        if (address(portal_).code.length == 0) revert NoContract(address(portal_));
        portal = portal_;
    }

    /// @inheritdoc ITokenBridge
    function deposit(address token, address to, uint256 amount) external nonReentrant returns (bytes32 hash) {
        if (token.code.length == 0) revert NoContract(token);
        if (amount == 0) revert ZeroAmount();
        if (to == address(0)) revert ZeroRecipient();
        uint256 before = IERC20(token).balanceOf(address(this));
        if (before < locked[token]) revert BalanceShrank(token, before, locked[token]);
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        uint256 arrived = IERC20(token).balanceOf(address(this)) - before;
        if (arrived != amount) revert WrongAmountArrived(token, arrived, amount);
        locked[token] += amount;
        bytes memory call = abi.encodeCall(
            IL2TokenBridge.mint,
            (token, to, amount, TokenText.name(token), TokenText.symbol(token), TokenText.decimals(token))
        );
        // Nobody can have it refunded: what is locked is released by L2 only.
        hash = portal.sendMessage(Predeploys.L2_TOKEN_BRIDGE, 0, address(0), call);
        emit TokensDeposited(token, msg.sender, to, amount, hash);
    }

    /// @inheritdoc ITokenBridge
    function release(address token, address to, uint256 amount) external nonReentrant {
        if (msg.sender != address(portal) || portal.l2Sender() != Predeploys.L2_TOKEN_BRIDGE) {
            revert NotFromL2Bridge(msg.sender);
        }
        uint256 total = locked[token];
        uint256 held = IERC20(token).balanceOf(address(this));
        locked[token] = total - amount;
        uint256 paid = held < total ? Math.mulDiv(amount, held, total) : amount;
        IERC20(token).safeTransfer(to, paid);
        emit TokensReleased(token, to, amount, paid);
    }
}
