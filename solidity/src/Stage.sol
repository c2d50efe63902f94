// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {SSTORE2} from "solady/utils/SSTORE2.sol";

/// Puts data into contract code, where EXECUTE can read what is too large for one transaction (docs/protocol.md
/// section 8, "Staged"). The address follows from the data alone: anyone can stage it, nobody can change it, and what is
/// there already costs nothing. The code is 0x00 (STOP) and then the data, as SSTORE2 has it.
contract Stage {
    error NoData();
    error TooMuchData(uint256 size, uint256 max);

    event Staged(address indexed pointer, uint256 size);

    /// Bytes: the largest contract (EIP-170) without its first.
    uint256 public constant MAX_SIZE = 24575;

    /// Stores `data`, 1 to MAX_SIZE bytes, unless it is there already.
    function stage(bytes calldata data) external returns (address pointer) {
        pointer = pointerOf(data);
        if (pointer.code.length != 0) return pointer;
        SSTORE2.writeCounterfactual(data, 0);
        emit Staged(pointer, data.length);
    }

    /// Where `data` is, or would be.
    function pointerOf(bytes calldata data) public view returns (address pointer) {
        if (data.length == 0) revert NoData();
        if (data.length > MAX_SIZE) revert TooMuchData(data.length, MAX_SIZE);
        return SSTORE2.predictCounterfactualAddress(data, 0);
    }
}
