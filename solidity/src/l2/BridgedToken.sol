// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// An ERC-20 of L1 on L2. Its bridge, and nobody else, mints what L1's TokenBridge holds and burns what is taken back.
contract BridgedToken is ERC20 {
    error NotTheBridge(address caller);

    /// The L2TokenBridge.
    address public immutable bridge;
    /// The token on L1.
    address public immutable l1Token;
    string private _name;
    string private _symbol;
    uint8 private _decimals;

    /// What a token calls itself is no part of its address, so it is set after.
    constructor(address l1Token_) ERC20("", "") {
        (bridge, l1Token) = (msg.sender, l1Token_);
    }

    modifier onlyBridge() {
        if (msg.sender != bridge) revert NotTheBridge(msg.sender);
        _;
    }

    /// Once, by the bridge, as it makes the token: what the token on L1 said of itself then.
    function describe(string calldata name_, string calldata symbol_, uint8 decimals_) external onlyBridge {
        (_name, _symbol, _decimals) = (name_, symbol_, decimals_);
    }

    function mint(address to, uint256 amount) external onlyBridge {
        _mint(to, amount);
    }

    function burn(address from, uint256 amount) external onlyBridge {
        _burn(from, amount);
    }

    function name() public view override returns (string memory) {
        return _name;
    }

    function symbol() public view override returns (string memory) {
        return _symbol;
    }

    function decimals() public view override returns (uint8) {
        return _decimals;
    }
}
