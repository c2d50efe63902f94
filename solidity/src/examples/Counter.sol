// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// A contract with calls that succeed, revert and burn gas: for tests of L2 execution and of disputes.
contract Counter {
    error CounterRefused(uint256 count);

    event Counted(address indexed by, uint256 count);

    uint256 public count;
    mapping(uint256 slot => bytes32 value) public filled;

    function increment() external payable returns (uint256) {
        ++count;
        emit Counted(msg.sender, count);
        return count;
    }

    /// Reverts after a state change.
    function refuse() external {
        ++count;
        revert CounterRefused(count);
    }

    /// Writes `n` new storage slots.
    function fill(uint256 n) external {
        uint256 from = count;
        for (uint256 i = 0; i < n; ++i) {
            filled[from + i] = keccak256(abi.encode(from + i));
        }
        count = from + n;
    }

    /// Deletes the `n` slots written last.
    function clear(uint256 n) external {
        for (uint256 i = 0; i < n; ++i) {
            delete filled[--count];
        }
    }

    /// `n` rounds of hashing.
    function spin(uint256 n) external pure returns (bytes32 hash) {
        for (uint256 i = 0; i < n; ++i) {
            hash = keccak256(abi.encode(hash, i));
        }
    }
}
