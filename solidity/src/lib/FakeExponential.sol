// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// EIP-4844's `fake_exponential`: about factor * e ** (numerator / denominator), in integers.
library FakeExponential {
    function compute(uint256 factor, uint256 numerator, uint256 denominator) internal pure returns (uint256) {
        uint256 sum = 0;
        uint256 term = factor * denominator;
        for (uint256 i = 1; term != 0; ++i) {
            sum += term;
            term = term * numerator / (denominator * i);
        }
        return sum / denominator;
    }
}
