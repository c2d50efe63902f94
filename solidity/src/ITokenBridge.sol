// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// L1's end of the ERC-20 bridge, docs/protocol.md section 12: holds what L2's tokens stand for.
///
/// A token must move just what it is told to: one that takes a fee of transfers is refused. If a token's balances shrink
/// (rebasing), each release pays its share of what is left, and no deposit is taken until the balance is whole again. What
/// balances grow by stays here and is nobody's: wrap such a token first.
interface ITokenBridge {
    event TokensDeposited(address indexed token, address indexed from, address indexed to, uint256 amount, bytes32 hash);
    event TokensReleased(address indexed token, address indexed to, uint256 amount, uint256 paid);

    /// Locks the caller's tokens; `to` has as many on L2 once the message is relayed. The bridge must be approved.
    /// @return hash of the DepositMessage
    function deposit(address token, address to, uint256 amount) external returns (bytes32 hash);

    /// Only by a withdrawal of L2's bridge, which has burned `amount`.
    function release(address token, address to, uint256 amount) external;

    /// What L2 has of a token, as far as it was ever locked here and not released: smallest units.
    function locked(address token) external view returns (uint256);
}
