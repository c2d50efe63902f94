// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {SSTORE2} from "solady/utils/SSTORE2.sol";
import {IDictionary} from "./IInbox.sol";

/// Pages are only ever added. Their addresses follow from their bytes, and what lies there never changes: the code is
/// 0x00 (STOP) and then the data, as SSTORE2 has it, so no page can destroy itself.
abstract contract Dictionary is IDictionary {
    error NoPageData();
    error PageTooLarge(uint256 size, uint256 max);

    /// Bytes: the largest contract (EIP-170) without its first.
    uint256 public constant MAX_PAGE_SIZE = 24575;

    mapping(address pointer => bool) private _pages;

    /// @inheritdoc IDictionary
    function publishPage(bytes calldata data) external returns (address pointer) {
        if (data.length == 0) revert NoPageData();
        if (data.length > MAX_PAGE_SIZE) revert PageTooLarge(data.length, MAX_PAGE_SIZE);
        pointer = SSTORE2.predictCounterfactualAddress(data, 0);
        if (_pages[pointer]) return pointer;
        SSTORE2.writeCounterfactual(data, 0);
        _pages[pointer] = true;
        emit PagePublished(pointer, data);
    }

    /// @inheritdoc IDictionary
    function isPage(address pointer) public view returns (bool) {
        return _pages[pointer];
    }
}
