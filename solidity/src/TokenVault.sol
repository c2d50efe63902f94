// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

/// Holds a rollup's gas token for its Portal, and is whom depositors approve.
///
/// Apart from the Portal, since that calls whatever L2 asks it to. Rights over somebody's tokens are not only the token's
/// own to give: Permit2, ERC-1820 hooks or a second address of the same token let the holder's caller take them. This
/// contract calls nothing but the token.
contract TokenVault is ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    error NotPortal(address caller);
    error NotTheAmount(uint256 amount, uint256 moved); // a token that takes fees, or lies

    address public immutable portal;
    IERC20 public immutable token;

    modifier onlyPortal() {
        if (msg.sender != portal) revert NotPortal(msg.sender);
        _;
    }

    /// Made by the Portal.
    constructor(IERC20 token_) {
        (portal, token) = (msg.sender, token_);
    }

    /// Takes exactly `amount` of the token's smallest units from `from`, which has approved this contract.
    function pull(address from, uint256 amount) external onlyPortal nonReentrant {
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(from, address(this), amount);
        _requireMoved(amount, before, token.balanceOf(address(this)));
    }

    /// Gives exactly `amount` away: what arrives, if the token takes fees, is between it and `to`.
    function pay(address to, uint256 amount) external onlyPortal nonReentrant {
        uint256 before = token.balanceOf(address(this));
        token.safeTransfer(to, amount);
        _requireMoved(amount, token.balanceOf(address(this)), before);
    }

    function _requireMoved(uint256 amount, uint256 less, uint256 more) private pure {
        uint256 moved = more > less ? more - less : 0;
        if (moved != amount) revert NotTheAmount(amount, moved);
    }
}
