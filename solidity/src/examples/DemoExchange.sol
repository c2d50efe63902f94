// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

/// A constant-product exchange of two tokens for demonstrations and benchmarks on L2: what a swap does to the state, in
/// the manner of Uniswap V2 (fee 0.3 %, reserves and time in one slot, price accumulators). No liquidity shares.
contract DemoExchange {
    using SafeERC20 for IERC20;

    error BadReserves();
    error TooLittleOut(uint256 amount);

    event Sync(uint112 reserve0, uint112 reserve1);
    event Swap(address indexed sender, bool zeroForOne, uint256 amountIn, uint256 amountOut, address indexed to);

    IERC20 public immutable token0;
    IERC20 public immutable token1;

    uint112 public reserve0;
    uint112 public reserve1;
    uint32 public updatedAt;
    uint256 public cumulativePrice0;
    uint256 public cumulativePrice1;

    constructor(IERC20 tokenA, IERC20 tokenB) {
        (token0, token1) = (tokenA, tokenB);
    }

    /// Takes what was sent to it before as liquidity.
    function sync() external {
        _update(token0.balanceOf(address(this)), token1.balanceOf(address(this)));
    }

    /// Swaps exactly `amountIn` of one token, which the sender has approved, for at least `minimumOut` of the other.
    function swap(bool zeroForOne, uint256 amountIn, uint256 minimumOut, address to) external returns (uint256 amountOut) {
        (IERC20 tokenIn, IERC20 tokenOut) = zeroForOne ? (token0, token1) : (token1, token0);
        (uint256 reserveIn, uint256 reserveOut) =
            zeroForOne ? (uint256(reserve0), uint256(reserve1)) : (uint256(reserve1), uint256(reserve0));
        uint256 withFee = amountIn * 997;
        amountOut = withFee * reserveOut / (reserveIn * 1000 + withFee);
        if (amountOut < minimumOut) revert TooLittleOut(amountOut);
        tokenIn.safeTransferFrom(msg.sender, address(this), amountIn);
        tokenOut.safeTransfer(to, amountOut);
        _update(token0.balanceOf(address(this)), token1.balanceOf(address(this)));
        emit Swap(msg.sender, zeroForOne, amountIn, amountOut, to);
    }

    function _update(uint256 balance0, uint256 balance1) private {
        if (balance0 > type(uint112).max || balance1 > type(uint112).max) revert BadReserves();
        uint32 elapsed;
        unchecked {
            elapsed = uint32(block.timestamp) - updatedAt; // wraps as intended
            if (elapsed != 0 && reserve0 != 0 && reserve1 != 0) {
                cumulativePrice0 += (uint256(reserve1) << 112) / reserve0 * elapsed;
                cumulativePrice1 += (uint256(reserve0) << 112) / reserve1 * elapsed;
            }
        }
        (reserve0, reserve1, updatedAt) = (uint112(balance0), uint112(balance1), uint32(block.timestamp));
        emit Sync(reserve0, reserve1);
    }
}
