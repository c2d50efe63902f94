// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {BlockHeader} from "@openzeppelin/contracts/utils/BlockHeader.sol";
import {AccountState, StateProof} from "./StateProof.sol";

/// Where a slot's value is proved to be: `timestamp` of a block of L2, the RLP `header` of that block's L1 origin, and the
/// proofs of `eth_getProof` at the origin.
struct L1Proof {
    uint64 timestamp;
    bytes header;
    bytes[] accountProof;
    bytes[] storageProof;
}

/// L1's state, for any contract on L2: every block of L2 has the hash of its batch's L1 origin as parent_beacon_block_root, and
/// the EIP-4788 contract remembers those of 8,191 timestamps. A function that returns has proved what it returns.
///
///     uint256 value = L1State.slotOf(proof, someContractOnL1, slot);
///
/// An origin is as old as its batch says, up to the Inbox's `maxOriginAge`; L1 may have another value by now.
library L1State {
    error NoL2BlockAt(uint64 timestamp);
    error NotTheOrigin(bytes32 headerHash, bytes32 originHash);
    error NotInHistory(uint256 number, uint256 origin);

    /// EIP-4788.
    address internal constant BEACON_ROOTS = 0x000F3df6D732807Ef1319fB7B8bB8522d0Beac02;
    /// EIP-2935: on L1 it has the hashes of the last 8,191 blocks, by number modulo that.
    address internal constant HISTORY_STORAGE = 0x0000F90827F1C53a10cb7A02335B175320002935;
    uint256 internal constant HISTORY_SERVE_WINDOW = 8191;

    /// The hash of the L1 origin of the L2 block with this timestamp.
    function originHash(uint64 timestamp) internal view returns (bytes32 hash) {
        (bool ok, bytes memory answer) = BEACON_ROOTS.staticcall(abi.encode(uint256(timestamp)));
        // It answers with 32 bytes, or reverts for a timestamp that it doesn't know.
        if (!ok || answer.length != 32) revert NoL2BlockAt(timestamp);
        hash = abi.decode(answer, (bytes32));
        if (hash == 0) revert NoL2BlockAt(timestamp);
    }

    /// The state root in `header` (RLP), which is that origin's. Other fields: OpenZeppelin's BlockHeader on a header that
    /// this has accepted.
    function stateRoot(uint64 timestamp, bytes memory header) internal view returns (bytes32) {
        bytes32 expected = originHash(timestamp);
        bytes32 hash = keccak256(header);
        if (hash != expected) revert NotTheOrigin(hash, expected);
        return BlockHeader.getStateRoot(header);
    }

    /// An account of L1 that exists. `proof.storageProof` isn't looked at.
    function accountOf(L1Proof memory proof, address account) internal view returns (AccountState memory) {
        return StateProof.accountOf(stateRoot(proof.timestamp, proof.header), account, proof.accountProof);
    }

    /// The value of `slot` of `account` on L1: not zero, as absence can't be proved.
    function slotOf(L1Proof memory proof, address account, bytes32 slot) internal view returns (uint256) {
        bytes32 root = stateRoot(proof.timestamp, proof.header);
        return StateProof.slotOf(root, account, slot, proof.accountProof, proof.storageProof);
    }

    /// The hash of L1's block `number`, at most 8,191 before the origin: from EIP-2935's contract on L1, with a proof of its
    /// slot `number % 8191`.
    function ancestorHash(L1Proof memory proof, uint256 number) internal view returns (bytes32) {
        uint256 value = slotOf(proof, HISTORY_STORAGE, bytes32(number % HISTORY_SERVE_WINDOW));
        uint256 origin = BlockHeader.getNumber(proof.header);
        if (number >= origin || origin - number > HISTORY_SERVE_WINDOW) revert NotInHistory(number, origin);
        return bytes32(value);
    }
}
