// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {LibRLP} from "solady/utils/LibRLP.sol";
import {DepositMessage} from "../../src/Messages.sol";
import {L2TokenBridge} from "../../src/l2/L2TokenBridge.sol";
import {MessagePasser} from "../../src/l2/MessagePasser.sol";
import {Messenger} from "../../src/l2/Messenger.sol";
import {Predeploys} from "../../src/l2/Predeploys.sol";
import {L1Proof, L1State} from "../../src/lib/L1State.sol";
import {Test} from "./Test.sol";

/// L2 as its genesis makes it, with the real EIP-4788 contract, and states of L1 for it to know.
abstract contract L2World is Test {
    using LibRLP for LibRLP.List;

    /// EIP-4788's.
    bytes private constant BEACON_ROOTS_CODE =
        hex"3373fffffffffffffffffffffffffffffffffffffffe14604d57602036146024575f5ffd5b5f35801560495762001fff810690815414603c575f5ffd5b62001fff01545f5260205ff35b5f5ffd5b62001fff42064281555f359062001fff015500";
    address private constant SYSTEM = 0xffffFFFfFFffffffffffffffFfFFFfffFFFfFFfE;

    Messenger internal constant messenger = Messenger(Predeploys.MESSENGER);
    MessagePasser internal constant passer = MessagePasser(payable(Predeploys.MESSAGE_PASSER));
    L2TokenBridge internal constant l2Bridge = L2TokenBridge(Predeploys.L2_TOKEN_BRIDGE);

    uint256 private _l1Number = 1000;

    function makeL2(address portal, address l1Bridge) internal {
        vm.etch(L1State.BEACON_ROOTS, BEACON_ROOTS_CODE);
        vm.etch(Predeploys.MESSAGE_PASSER, vm.getDeployedCode("MessagePasser.sol:MessagePasser"));
        vm.etch(Predeploys.MESSENGER, vm.getDeployedCode("Messenger.sol:Messenger"));
        vm.etch(Predeploys.L2_TOKEN_BRIDGE, vm.getDeployedCode("L2TokenBridge.sol:L2TokenBridge"));
        vm.store(Predeploys.MESSENGER, 0, bytes32(uint256(uint160(portal))));
        vm.store(Predeploys.L2_TOKEN_BRIDGE, 0, bytes32(uint256(uint160(l1Bridge))));
    }

    /// A block of L2 whose origin is the L1 block with this hash.
    function l2Block(bytes32 originHash) internal returns (uint64 timestamp) {
        timestamp = uint64(time() + 1);
        vm.warp(timestamp);
        vm.prank(SYSTEM);
        (bool ok,) = L1State.BEACON_ROOTS.call(abi.encode(originHash));
        assertTrue(ok, "EIP-4788's system call");
    }

    /// A header of L1.
    function l1Header(bytes32 stateRoot) internal returns (bytes memory) {
        LibRLP.List memory list = LibRLP.p();
        list.p(abi.encode(keccak256("parent"))).p(abi.encode(keccak256("ommers"))).p(address(0xc0));
        list.p(abi.encode(stateRoot)).p(abi.encode(keccak256("txs"))).p(abi.encode(keccak256("receipts")));
        list.p(new bytes(256)).p(uint256(0)).p(_l1Number++).p(uint256(30_000_000)).p(uint256(1)).p(uint256(1_700_000_000));
        list.p(bytes("extra")).p(abi.encode(keccak256("randao"))).p(abi.encodePacked(bytes8(0))).p(uint256(7));
        list.p(abi.encode(keccak256("withdrawals"))).p(uint256(0)).p(uint256(0)).p(abi.encode(keccak256("beacon")));
        list.p(abi.encode(keccak256("requests")));
        return list.encode();
    }

    function slotOf(DepositMessage memory m) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256(abi.encode(m)), uint256(0)));
    }

    /// A state of L1 in which `account` has `value` in `slot`, an L2 block that knows it, and the proof.
    function l1With(address account, bytes32 slot, uint256 value) internal returns (L1Proof memory proof) {
        bytes memory word = LibRLP.encode(value);
        proof.storageProof = _leaf(keccak256(abi.encode(slot)), word);
        bytes memory fields = LibRLP.p(uint256(1)).p(uint256(0)).p(abi.encodePacked(keccak256(proof.storageProof[0])))
            .p(abi.encodePacked(keccak256("code"))).encode();
        proof.accountProof = _leaf(keccak256(abi.encodePacked(account)), fields);
        proof.header = l1Header(keccak256(proof.accountProof[0]));
        proof.timestamp = l2Block(keccak256(proof.header));
    }

    /// L1 has sent `m` through `portal`.
    function l1Sent(address portal, DepositMessage memory m) internal returns (L1Proof memory) {
        return l1With(portal, slotOf(m), 1);
    }

    /// A leaf that is a whole trie. Its hash is the root.
    function _leaf(bytes32 key, bytes memory value) private pure returns (bytes[] memory proof) {
        proof = new bytes[](1);
        proof[0] = LibRLP.p(bytes.concat(hex"20", key)).p(value).encode();
    }
}
