// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Portal} from "../src/Portal.sol";
import {WithdrawalMessage} from "../src/Messages.sol";
import {WithdrawalStatus} from "../src/IPortal.sol";
import {PortalFixture} from "./support/PortalFixture.sol";
import {WithdrawalVectors} from "./support/WithdrawalVectors.sol";

/// Proofs of a real state: tests/vectors/make_withdrawals.py.
contract WithdrawalProofsTest is PortalFixture {
    string private json;
    bytes32 private id;
    bytes[] private account;

    function setUp() public override {
        super.setUp();
        json = WithdrawalVectors.load();
        id = confirmRoot(vm.parseJsonBytes32(json, ".stateRoot"));
        account = vm.parseJsonBytesArray(json, ".accountProof");
        portal.deposit{value: 1 ether}(ALICE);
    }

    function message(string memory key) private view returns (WithdrawalMessage memory m, bytes[] memory proof) {
        (m, proof) = WithdrawalVectors.at(json, key);
        assertEq(hashOf(m), vm.parseJsonBytes32(json, string.concat(key, ".hash")), "hash as in Python");
    }

    function test_ProvesAndPays() public {
        uint256 paid = 0;
        for (uint256 i = 0; i < 6; ++i) {
            (WithdrawalMessage memory m, bytes[] memory proof) =
                message(string.concat(".withdrawals[", vm.toString(i), "]"));
            assertTrue(account.length > 2 && proof.length > 2, "branches on the way");
            portal.proveWithdrawal(m, id, account, proof);
            portal.finalizeWithdrawal(m);
            assertEq(m.target.balance, m.value, "paid");
            paid += m.value;
        }
        assertEq(portal.escrowed(), 1 ether - paid, "books");
    }

    function test_RefusesWhatIsNotThere() public {
        (WithdrawalMessage memory m, bytes[] memory proof) = message(".never");
        refused(m, account, proof);
        (WithdrawalMessage memory sent, bytes[] memory right) = message(".withdrawals[1]");
        refused(m, account, right);
        refused(sent, vm.parseJsonBytesArray(json, ".noAccountProof"), right);
        refused(sent, right, account);
        (m, proof) = message(".elsewhere"); // another contract has it in the same slot
        refused(m, vm.parseJsonBytesArray(json, ".elsewhere.accountProof"), proof);
        refused(m, account, proof);
        (m, proof) = message(".odd"); // a value that is not 1
        vm.expectRevert(abi.encodeWithSelector(Portal.NotSent.selector, hashOf(m), 2));
        portal.proveWithdrawal(m, id, account, proof);
    }

    function test_RefusesCutAndPaddedProofs() public {
        (WithdrawalMessage memory m, bytes[] memory proof) = message(".withdrawals[2]");
        bytes[] memory none = new bytes[](0);
        refused(m, none, proof);
        refused(m, account, none);
        for (uint256 i = 0; i < 2; ++i) {
            bytes[] memory whole = i == 0 ? account : proof;
            bytes[] memory cut = new bytes[](whole.length - 1);
            bytes[] memory long = new bytes[](whole.length + 1);
            for (uint256 k = 0; k < whole.length; ++k) {
                if (k < cut.length) cut[k] = whole[k];
                long[k] = whole[k];
            }
            long[whole.length] = whole[0];
            refused(m, i == 0 ? cut : account, i == 0 ? proof : cut);
            refused(m, i == 0 ? long : account, i == 0 ? proof : long);
        }
        portal.proveWithdrawal(m, id, account, proof);
    }

    /// Any bit of any node counts.
    function testFuzz_RefusesChangedProofs(uint256 seed) public {
        (WithdrawalMessage memory m, bytes[] memory proof) = message(".withdrawals[3]");
        bytes[] memory a = account;
        bytes[] memory changed = seed % 2 == 0 ? a : proof;
        bytes memory node = changed[(seed >> 8) % changed.length];
        uint256 place = (seed >> 32) % node.length;
        node[place] = bytes1(uint8(node[place]) ^ uint8(1 << ((seed >> 16) % 8)));
        refused(m, a, proof);
    }

    /// Not only the Portal's own errors: RLP and TrieProof say no in ways of their own, among them panics.
    function refused(WithdrawalMessage memory m, bytes[] memory accountProof, bytes[] memory storageProof) private {
        try portal.proveWithdrawal(m, id, accountProof, storageProof) {
            assertTrue(false, "proved");
        } catch {
            assertTrue(portal.withdrawalStatus(hashOf(m)) == WithdrawalStatus.Unknown, "nothing changed");
        }
    }
}
