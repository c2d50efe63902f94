// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {LibRLP} from "solady/utils/LibRLP.sol";
import {BatchHeader} from "../../src/IInbox.sol";
import {WithdrawalMessage} from "../../src/Messages.sol";
import {Cursor, StepState} from "../../src/Types.sol";
import {Fixture} from "./Fixture.sol";

/// L2 states in which one withdrawal was initiated, asserted and confirmed. Their tries have one leaf; those of
/// tests/vectors/withdrawals.json are real.
abstract contract PortalFixture is Fixture {
    using LibRLP for LibRLP.List;

    address internal constant ALICE = address(0xa11ce); // on L2
    address internal constant TARGET = address(0x7a49e7); // on L1

    StepState internal last; // the final state of the latest confirmed assertion
    bytes32 internal lastId;
    bytes[] internal l2Headers; // of the confirmed L2 blocks after genesis, one for each assertion
    uint256 internal constant L2_GAS_USED = 20_000_000;
    uint256 internal constant L2_BASE_FEE = 1 gwei + 1;
    uint256 private _nonce;

    function setUp() public virtual override {
        super.setUp();
        vm.deal(address(this), 1000 ether);
        last = genesisState();
    }

    /// With its own nonce.
    function withdrawal(address target, uint256 value, bytes memory data) internal returns (WithdrawalMessage memory) {
        return WithdrawalMessage(_nonce++, ALICE, target, value, data);
    }

    function hashOf(WithdrawalMessage memory m) internal pure returns (bytes32) {
        return keccak256(abi.encode(m));
    }

    /// A leaf that is a whole trie. Its hash is the root.
    function leaf(bytes32 key, bytes memory value) private pure returns (bytes[] memory proof) {
        proof = new bytes[](1);
        proof[0] = LibRLP.p(bytes.concat(hex"20", key)).p(value).encode();
    }

    /// A state in which the MessagePasser has sent `m`.
    function stateOf(WithdrawalMessage memory m)
        internal
        pure
        returns (bytes32 root, bytes[] memory accountProof, bytes[] memory storageProof)
    {
        bytes32 slot = keccak256(abi.encode(hashOf(m), uint256(0)));
        storageProof = leaf(keccak256(abi.encode(slot)), hex"01");
        bytes memory account = LibRLP.p(uint256(1)).p(uint256(0)).p(abi.encodePacked(keccak256(storageProof[0])))
            .p(abi.encodePacked(keccak256("code"))).encode();
        accountProof = leaf(keccak256(abi.encodePacked(0x7665726469637400000000000000000000000001)), account);
        root = keccak256(accountProof[0]);
    }

    /// An assertion about the next batch, onto the latest confirmed one.
    function assertRoot(address who, BatchHeader memory b, bytes32 root) internal returns (bytes32 id, StepState memory end) {
        StepState[] memory states = new StepState[](2);
        states[0] = last;
        end.stateRoot = root;
        end.blockHash = keccak256(nextHeader());
        end.cursor = Cursor(b.index + 1, 0, 0);
        states[1] = end;
        id = assertStates(rollup, who, lastId, b, states);
    }

    function nextHeader() private view returns (bytes memory) {
        return header(last.blockHash, l2Headers.length + 1, 0, 0, L2_GAS_USED, L2_BASE_FEE);
    }

    function confirmRoot(bytes32 root) internal returns (bytes32 id) {
        StepState memory end;
        (id, end) = assertRoot(ASSERTER, postBatch(0), root);
        vm.warp(time() + WINDOW);
        rollup.confirm(id);
        l2Headers.push(nextHeader());
        (lastId, last) = (id, end);
    }

    function prove(WithdrawalMessage memory m) internal {
        (bytes32 root, bytes[] memory accountProof, bytes[] memory storageProof) = stateOf(m);
        portal.proveWithdrawal(m, confirmRoot(root), accountProof, storageProof);
    }

    /// Puts `code` where withdrawals go.
    function atTarget(bytes memory code) internal returns (address) {
        vm.etch(TARGET, code);
        return TARGET;
    }
}
