// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";
import {IRollup} from "./IRollup.sol";

/// Who is owed what. All amounts are wei. What is owed is pulled, so a recipient that refuses ETH harms only itself.
abstract contract Bonds is IRollup, ReentrancyGuardTransient {
    error NothingToWithdraw(address who);
    error WrongBond(uint256 given, uint256 expected);

    /// Burned ETH is sent to the zero address: nobody has its key, and it is off this contract's books.
    address internal constant BURN = address(0);

    mapping(address who => uint256 wei_) private _credit;

    /// @inheritdoc IRollup
    function withdraw(address to) external nonReentrant returns (uint256 amount) {
        amount = _credit[msg.sender];
        if (amount == 0) revert NothingToWithdraw(msg.sender);
        _credit[msg.sender] = 0;
        SafeTransferLib.safeTransferETH(to, amount);
    }

    /// @inheritdoc IRollup
    function credit(address who) external view returns (uint256) {
        return _credit[who];
    }

    function _requireBond(uint256 bond) internal view {
        if (msg.value != bond) revert WrongBond(msg.value, bond);
    }

    function _owe(address to, uint256 amount) internal {
        if (amount == 0) return;
        _credit[to] += amount;
        emit Credited(to, amount);
    }

    function _burn(uint256 amount) internal {
        if (amount != 0) SafeTransferLib.safeTransferETH(BURN, amount);
    }
}
