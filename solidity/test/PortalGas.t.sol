// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {WithdrawalMessage} from "../src/Messages.sol";
import {Meter} from "./support/Meter.sol";
import {PlainToken} from "./support/Tokens.sol";
import {WithdrawalVectors} from "./support/WithdrawalVectors.sol";

/// L1 gas of what users do with the Portal, none of it for the first time. Proofs of 300 accounts and 300 withdrawals
/// have four nodes each; a branch more takes about 29,000.
contract PortalGasTest is Meter {
    address private constant NOBODY = address(0xe0a);

    function setUp() public override {
        super.setUp();
        vm.deal(NOBODY, 1);
        portal.deposit{value: 100 ether}(ALICE);
        portal.sendMessage(STRANGER, 0, address(0), "");
        confirmRoot(keccak256("before"));
    }

    function use(string memory what, uint256 value, bytes memory call) private {
        measure(what, address(portal), STRANGER, value, call, 0);
    }

    function test_In() public {
        use("sendMessage, no value, 100 bytes", 0, abi.encodeCall(portal.sendMessage, (ALICE, 0, ALICE, noise(100))));
        use("sendMessage with value, 100 bytes", 1 ether, abi.encodeCall(portal.sendMessage, (ALICE, 1 ether, ALICE, noise(100))));
        use("sendMessage, no value, 16,384 bytes", 0, abi.encodeCall(portal.sendMessage, (ALICE, 0, ALICE, noise(16384))));
    }

    function test_Out() public {
        string memory json = WithdrawalVectors.load();
        bytes32 id = confirmRoot(vm.parseJsonBytes32(json, ".stateRoot"));
        bytes[] memory account = vm.parseJsonBytesArray(json, ".accountProof");
        (WithdrawalMessage memory m, bytes[] memory proof) = WithdrawalVectors.number(json, 1);
        vm.deal(m.target, 1);
        use("proveWithdrawal, 300 accounts", 0, abi.encodeCall(portal.proveWithdrawal, (m, id, account, proof)));
        use("finalizeWithdrawal", 0, abi.encodeCall(portal.finalizeWithdrawal, (m)));
        (m, proof) = WithdrawalVectors.number(json, 2);
        vm.deal(m.target, 1);
        use(
            "proveAndFinalizeWithdrawal, 300 accounts",
            0,
            abi.encodeCall(portal.proveAndFinalizeWithdrawal, (m, id, account, proof))
        );
        bytes32 root;
        m = withdrawal(NOBODY, 1 ether, "");
        (root, account, proof) = stateOf(m);
        id = confirmRoot(root);
        use("proveWithdrawal, one account", 0, abi.encodeCall(portal.proveWithdrawal, (m, id, account, proof)));
    }

    function test_BurnedFees() public {
        bytes[] memory headers = new bytes[](10);
        headers[9] = l2Headers[0];
        for (uint256 i = 1; i < 10; ++i) {
            confirmRoot(keccak256(abi.encode(i)));
            headers[9 - i] = l2Headers[i];
        }
        vm.deal(BURNED_TO, 1);
        use("creditBurned, 10 blocks", 0, abi.encodeCall(portal.creditBurned, (lastId, headers)));
    }

    function test_Tokens() public {
        PlainToken token = new PlainToken(18);
        deployWithGasToken(address(token));
        (last, lastId) = (genesisState(), 0);
        delete l2Headers;
        address vault = portal.vault();
        token.mint(STRANGER, 100 ether);
        token.mint(NOBODY, 1);
        vm.startPrank(STRANGER);
        token.approve(vault, 50 ether);
        portal.depositToken(ALICE, 10 ether);
        vm.stopPrank();
        use("depositToken", 0, abi.encodeCall(portal.depositToken, (ALICE, 1 ether)));
        use("sendMessage with value in tokens, 100 bytes", 0, abi.encodeCall(portal.sendMessage, (ALICE, 1 ether, ALICE, noise(100))));
        WithdrawalMessage memory m = withdrawal(NOBODY, 1 ether, "");
        prove(m);
        use("finalizeWithdrawal in tokens", 0, abi.encodeCall(portal.finalizeWithdrawal, (m)));
    }
}
