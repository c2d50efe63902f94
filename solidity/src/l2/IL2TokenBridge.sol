// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// In the L2 genesis: L2's end of the ERC-20 bridge, docs/protocol.md section 12.
interface IL2TokenBridge {
    event TokenMade(address indexed l1Token, address indexed token);
    event Minted(address indexed l1Token, address indexed to, uint256 amount);
    event Withdrawn(address indexed l1Token, address indexed from, address indexed to, uint256 amount, bytes32 hash);

    /// Only by a message from L1's TokenBridge: `amount` is held there.
    /// @param name, symbol, decimals what the token says of itself; taken when it comes the first time
    function mint(
        address l1Token,
        address to,
        uint256 amount,
        string calldata name,
        string calldata symbol,
        uint8 decimals
    ) external;

    /// Burns the caller's, and has L1's TokenBridge release as many to `to` on L1.
    /// @return hash of the WithdrawalMessage, to be proven and finalized at the Portal
    function withdraw(address l1Token, address to, uint256 amount) external returns (bytes32 hash);

    /// Where the token that stands for `l1Token` is, or will be.
    function bridgedToken(address l1Token) external view returns (address);
    /// The TokenBridge on L1.
    function l1Bridge() external view returns (address);
}
