// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// An ordinary ERC-20 for demonstrations on L2: 18 decimals, the whole supply goes to the deployer.
contract DemoToken is ERC20 {
    /// @param supply in the smallest unit, 1e-18 tokens
    constructor(uint256 supply) ERC20("Verdict Demo", "DEMO") {
        _mint(msg.sender, supply);
    }
}
