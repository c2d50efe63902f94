// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";

/// What a token says of itself, from any token: at most 64 bytes, whatever it answers and at a bounded cost.
library TokenText {
    uint256 internal constant MAX_SIZE = 64;
    uint256 private constant GAS = 50_000;
    uint256 private constant MAX_ANSWER = 128; // offset, length, MAX_SIZE bytes

    function name(address token) internal view returns (string memory) {
        return _text(token, IERC20Metadata.name.selector);
    }

    function symbol(address token) internal view returns (string memory) {
        return _text(token, IERC20Metadata.symbol.selector);
    }

    /// 0 where there is none: amounts are whole then.
    function decimals(address token) internal view returns (uint8) {
        (uint256 size, bytes memory answer) = _ask(token, IERC20Metadata.decimals.selector);
        uint256 value = size == 32 ? uint256(_word(answer, 0)) : 0;
        return value > type(uint8).max ? 0 : uint8(value);
    }

    /// A string, or a bytes32 with zeros behind the text, as in the first tokens. Empty for all else.
    function _text(address token, bytes4 selector) private view returns (string memory) {
        (uint256 size, bytes memory answer) = _ask(token, selector);
        if (size == 32) {
            uint256 end = 0;
            while (end < 32 && answer[end] != 0) ++end;
            return string(_part(answer, 0, end));
        }
        if (size < 0x40 || _word(answer, 0) != bytes32(uint256(0x20))) return "";
        uint256 length = uint256(_word(answer, 0x20));
        if (length > size - 0x40) return "";
        return string(_part(answer, 0x40, length < MAX_SIZE ? length : MAX_SIZE));
    }

    /// The size of the answer, 0 if there is none, and its beginning, with zeros behind it.
    function _ask(address token, bytes4 selector) private view returns (uint256 size, bytes memory answer) {
        answer = new bytes(MAX_ANSWER);
        assembly ("memory-safe") {
            mstore(0, selector)
            if staticcall(GAS, token, 0, 4, add(answer, 0x20), MAX_ANSWER) { size := returndatasize() }
        }
    }

    function _word(bytes memory answer, uint256 offset) private pure returns (bytes32 word) {
        assembly ("memory-safe") {
            word := mload(add(add(answer, 0x20), offset))
        }
    }

    function _part(bytes memory answer, uint256 offset, uint256 size) private pure returns (bytes memory part) {
        part = new bytes(size);
        assembly ("memory-safe") {
            mcopy(add(part, 0x20), add(add(answer, 0x20), offset), size)
        }
    }
}
