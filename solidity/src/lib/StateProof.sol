// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Memory} from "@openzeppelin/contracts/utils/Memory.sol";
import {RLP} from "@openzeppelin/contracts/utils/RLP.sol";
import {TrieProof} from "@openzeppelin/contracts/utils/cryptography/TrieProof.sol";

/// What a state root says, from the proofs of `eth_getProof` (EIP-1186): nodes from the root down. Absence can't be
/// proved: no account and a slot that is zero revert, as do wrong proofs (TrieProof's and RLP's errors).
library StateProof {
    error NotAnAccount(uint256 fields);

    /// The value of `slot` of `account`: not zero.
    function slotOf(
        bytes32 stateRoot,
        address account,
        bytes32 slot,
        bytes[] memory accountProof,
        bytes[] memory storageProof
    ) internal pure returns (uint256) {
        bytes memory rlp = TrieProof.traverse(stateRoot, abi.encodePacked(keccak256(abi.encodePacked(account))), accountProof);
        Memory.Slice[] memory fields = RLP.decodeList(rlp);
        if (fields.length != 4) revert NotAnAccount(fields.length);
        bytes32 storageRoot = RLP.readBytes32(fields[2]);
        return RLP.decodeUint256(TrieProof.traverse(storageRoot, abi.encodePacked(keccak256(abi.encode(slot))), storageProof));
    }
}
