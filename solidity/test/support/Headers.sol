// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {LibRLP} from "solady/utils/LibRLP.sol";

/// Block headers of the right form; most of their fields are made up.
library Headers {
    using LibRLP for LibRLP.List;

    function make(uint256 number, uint256 timestamp, bytes32 mixHash) internal pure returns (bytes memory) {
        return make(keccak256("parent"), number, timestamp, mixHash, 12345, 7);
    }

    function make(
        bytes32 parent,
        uint256 number,
        uint256 timestamp,
        bytes32 mixHash,
        uint256 gasUsed,
        uint256 baseFee
    ) internal pure returns (bytes memory) {
        LibRLP.List memory list = LibRLP.p();
        list.p(abi.encode(parent)).p(abi.encode(keccak256("ommers"))).p(address(0xc0));
        list.p(abi.encode(keccak256("state"))).p(abi.encode(keccak256("txs"))).p(abi.encode(keccak256("receipts")));
        list.p(new bytes(256)).p(uint256(0)).p(number).p(uint256(30_000_000)).p(gasUsed).p(timestamp);
        list.p(bytes("extra")).p(abi.encodePacked(mixHash)).p(abi.encodePacked(bytes8(0))).p(baseFee);
        list.p(abi.encode(keccak256("withdrawals"))).p(uint256(0)).p(uint256(0)).p(abi.encode(keccak256("beacon")));
        list.p(abi.encode(keccak256("requests")));
        return list.encode();
    }
}
