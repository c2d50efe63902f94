// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {WithdrawalMessage} from "../src/Messages.sol";
import {MessagePasser} from "../src/l2/MessagePasser.sol";
import {L2World} from "./support/L2World.sol";

contract MessagePasserTest is L2World {
    address private constant WHO = address(0xa11ce);
    address private constant TARGET = address(0x7a49e7);

    function setUp() public {
        makeL2(address(1), address(2));
        vm.deal(WHO, 100 ether);
    }

    /// What the Portal will be asked to prove is there, and nothing else is.
    function check(WithdrawalMessage memory m) private view {
        bytes32 hash = keccak256(abi.encode(m));
        assertTrue(passer.sent(hash), "sent");
        assertEq(uint256(vm.load(address(passer), keccak256(abi.encode(hash, uint256(0))))), 1, "slot");
        m.value += 1;
        assertTrue(!passer.sent(keccak256(abi.encode(m))), "more");
    }

    function expect(WithdrawalMessage memory m) private {
        vm.expectEmit();
        emit MessagePasser.WithdrawalInitiated(m.nonce, m.sender, m.target, m.value, m.data, keccak256(abi.encode(m)));
    }

    /// Two that are alike are two, and what they are worth never leaves.
    function test_EachIsAnother() public {
        for (uint256 nonce = 0; nonce < 2; ++nonce) {
            WithdrawalMessage memory m = WithdrawalMessage(nonce, WHO, TARGET, 3 ether, "data");
            expect(m);
            vm.prank(WHO);
            assertEq(passer.initiateWithdrawal{value: 3 ether}(TARGET, "data"), keccak256(abi.encode(m)), "hash");
            check(m);
        }
        assertEq(passer.messageCount(), 2, "count");
        assertEq(address(passer).balance, 6 ether, "burned");
    }

    function test_PlainEther() public {
        WithdrawalMessage memory m = WithdrawalMessage(0, WHO, WHO, 1 ether, "");
        expect(m);
        vm.prank(WHO);
        (bool ok,) = address(passer).call{value: 1 ether}("");
        assertTrue(ok, "taken");
        check(m);
        vm.prank(WHO);
        (ok,) = address(passer).call{value: 1 ether}(hex"12345678");
        assertTrue(!ok, "no such function");
    }

    function testFuzz_AnyMessage(address target, uint96 value, bytes calldata data) public {
        vm.deal(WHO, value);
        vm.prank(WHO);
        passer.initiateWithdrawal{value: value}(target, data);
        check(WithdrawalMessage(0, WHO, target, value, data));
    }
}
