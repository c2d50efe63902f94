// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {LibRLP} from "solady/utils/LibRLP.sol";

/// A transaction with recipient and without access list.
struct CompactTransaction {
    bool legacy; // EIP-155; else EIP-1559
    uint256 nonce;
    uint256 maxPriorityFee; // wei; not of a legacy transaction
    uint256 maxFee; // wei; a legacy transaction's gas price
    uint256 gasLimit;
    uint256 to; // an address
    uint256 value; // wei
    bytes data;
    uint256 r;
    uint256 s; // 255 bits
    uint256 yParity;
}

/// docs/data.md section 5: the EIP-2718 bytes of compact transactions.
library TransactionBytes {
    using LibRLP for LibRLP.List;

    function encode(CompactTransaction memory t, uint256 chainId) internal pure returns (bytes memory) {
        LibRLP.List memory list = LibRLP.p();
        if (!t.legacy) list.p(chainId);
        list.p(t.nonce);
        if (!t.legacy) list.p(t.maxPriorityFee);
        list.p(t.maxFee).p(t.gasLimit).p(address(uint160(t.to))).p(t.value).p(t.data);
        if (t.legacy) return list.p(35 + 2 * chainId + t.yParity).p(t.r).p(t.s).encode();
        return bytes.concat(hex"02", list.p(LibRLP.p()).p(t.yParity).p(t.r).p(t.s).encode());
    }
}
