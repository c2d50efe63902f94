// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// The EXECUTE precompile at 0x0101 ("Native rollups - superpowers from L1 execution").
interface IExecute {
    /// True iff stateless execution of `trace` (abi.encode(Trace)) from `preStateRoot` ends exactly at
    /// `postStateRoot` and consumes exactly `gasUsed`. Costs a fixed L1 gas amount, L1 gas per trace byte, and
    /// `gasUsed * gasPrice()` wei, taken in full before execution and kept when the answer is false. Value above
    /// the fee is returned to the caller. Fails (reverts) with too little value or above the block's gas limit.
    function execute(bytes32 preStateRoot, bytes32 postStateRoot, uint64 gasUsed, bytes calldata trace)
        external
        payable
        returns (bool);

    /// Wei per L2 gas in this block.
    function gasPrice() external view returns (uint256);

    /// L2 gas that EXECUTE calls may still use in this block.
    function gasLeft() external view returns (uint64);
}
