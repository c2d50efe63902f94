// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Memory} from "@openzeppelin/contracts/utils/Memory.sol";
import {RLP} from "@openzeppelin/contracts/utils/RLP.sol";
import {TrieProof} from "@openzeppelin/contracts/utils/cryptography/TrieProof.sol";

/// An account in a state.
struct AccountState {
    uint256 nonce;
    uint256 balance; // wei
    bytes32 storageRoot;
    bytes32 codeHash;
}

/// What a state root says, from the proofs of `eth_getProof` (EIP-1186): nodes from the root down. Absence can't be
/// proved: no account and a slot that is zero revert, as do wrong proofs (TrieProof's and RLP's errors).
library StateProof {
    error NotAnAccount(uint256 fields);

    /// An account that exists.
    function accountOf(bytes32 stateRoot, address account, bytes[] memory accountProof)
        internal
        pure
        returns (AccountState memory found)
    {
        bytes memory rlp = TrieProof.traverse(stateRoot, abi.encodePacked(keccak256(abi.encodePacked(account))), accountProof);
        Memory.Slice[] memory fields = RLP.decodeList(rlp);
        if (fields.length != 4) revert NotAnAccount(fields.length);
        found.nonce = RLP.readUint256(fields[0]);
        found.balance = RLP.readUint256(fields[1]);
        found.storageRoot = RLP.readBytes32(fields[2]);
        found.codeHash = RLP.readBytes32(fields[3]);
    }

    /// The value of `slot` of `account`: not zero.
    function slotOf(
        bytes32 stateRoot,
        address account,
        bytes32 slot,
        bytes[] memory accountProof,
        bytes[] memory storageProof
    ) internal pure returns (uint256) {
        bytes32 storageRoot = accountOf(stateRoot, account, accountProof).storageRoot;
        return RLP.decodeUint256(TrieProof.traverse(storageRoot, abi.encodePacked(keccak256(abi.encode(slot))), storageProof));
    }
}
