// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {DepositMessage} from "../src/Messages.sol";
import {IMessenger} from "../src/l2/IMessenger.sol";
import {Messenger} from "../src/l2/Messenger.sol";
import {L1Proof} from "../src/lib/L1State.sol";
import {L2World} from "./support/L2World.sol";

/// Does what it is told when it is called, and remembers what came of it.
contract Callee {
    address public l1Sender;
    uint256 public value;
    uint256 public calls;
    bool private _refuses;
    bytes private _call;
    bool public inner;
    bytes public answer;

    function refuse(bool refuses) external {
        _refuses = refuses;
    }

    function reenter(bytes calldata call) external {
        _call = call;
    }

    fallback() external payable {
        if (_refuses) revert("not now");
        if (msg.data.length == 4 && msg.sig == 0xbbbbbbbb) for (uint256 i = 0; i < 60; ++i) calls ^= i;
        (l1Sender, value) = (IMessenger(msg.sender).l1Sender(), msg.value);
        ++calls;
        _reenter();
    }

    receive() external payable {
        if (_refuses) revert("not now");
        _reenter();
    }

    function _reenter() private {
        if (_call.length != 0) (inner, answer) = msg.sender.call(_call);
    }
}

contract MessengerTest is L2World {
    address private constant PORTAL = address(0x9047a1);
    address private constant SENDER = address(0x5e4d);
    address private constant REFUND = address(0x4ef);
    Callee private callee = new Callee();
    uint256 private _nonce;

    function setUp() public {
        makeL2(PORTAL, address(2));
        vm.deal(address(messenger), 100 ether);
    }

    function message(uint256 value, bytes memory data) private returns (DepositMessage memory) {
        return DepositMessage(_nonce++, SENDER, address(callee), value, REFUND, data);
    }

    function hashOf(DepositMessage memory m) private pure returns (bytes32) {
        return keccak256(abi.encode(m));
    }

    function test_ACallWithValue_Once() public {
        DepositMessage memory m = message(3 ether, hex"12345678");
        L1Proof memory p = l1Sent(PORTAL, m);
        vm.prank(address(0xa11));
        messenger.relayMessage(m, p);
        assertEq(callee.l1Sender(), SENDER, "sender");
        assertEq(callee.value(), 3 ether, "value");
        assertTrue(messenger.isRelayed(hashOf(m)), "relayed");
        vm.expectRevert(Messenger.NoMessage.selector); // it was during the call
        messenger.l1Sender();
        p = l1Sent(PORTAL, m); // L1 says so for ever
        vm.expectRevert(abi.encodeWithSelector(Messenger.AlreadyRelayed.selector, hashOf(m)));
        messenger.relayMessage(m, p);
        vm.prank(REFUND);
        vm.expectRevert(abi.encodeWithSelector(Messenger.AlreadyRelayed.selector, hashOf(m)));
        messenger.refund(m, p);
        assertEq(callee.calls(), 1, "calls");
        assertEq(address(messenger).balance, 97 ether, "left");
    }

    function test_OnlyWhatThePortalHasSent() public {
        DepositMessage memory m = message(1 ether, "");
        L1Proof memory p = l1With(PORTAL, slotOf(m), 2);
        vm.expectRevert(abi.encodeWithSelector(Messenger.NotSent.selector, hashOf(m), 2));
        messenger.relayMessage(m, p);
        p = l1With(address(0xbad), slotOf(m), 1); // another contract
        vm.expectRevert();
        messenger.relayMessage(m, p);
        p = l1With(PORTAL, keccak256(abi.encode(hashOf(m), uint256(1))), 1); // another mapping
        vm.expectRevert();
        messenger.relayMessage(m, p);
        p = l1Sent(PORTAL, m);
        DepositMessage memory other = message(1 ether, "");
        vm.expectRevert();
        messenger.relayMessage(other, p);
        other = DepositMessage(m.nonce, m.sender, m.target, m.value + 1, m.refundTo, m.data);
        vm.expectRevert();
        messenger.relayMessage(other, p);
        messenger.relayMessage(m, p);
    }

    function test_AFailedCallIsTriedAgain() public {
        DepositMessage memory m = message(1 ether, hex"aa");
        L1Proof memory p = l1Sent(PORTAL, m);
        callee.refuse(true);
        vm.expectRevert(
            abi.encodeWithSelector(
                Messenger.CallFailed.selector, address(callee), abi.encodeWithSignature("Error(string)", "not now")
            )
        );
        messenger.relayMessage(m, p);
        assertTrue(!messenger.isRelayed(hashOf(m)), "not yet");
        callee.refuse(false);
        messenger.relayMessage(m, p);
        assertEq(callee.calls(), 1, "calls");
    }

    /// Who relays with too little gas harms nobody.
    function test_TooLittleGas() public {
        DepositMessage memory m = message(0, hex"bbbbbbbb");
        L1Proof memory p = l1Sent(PORTAL, m);
        bytes memory call = abi.encodeCall(IMessenger.relayMessage, (m, p));
        (bool ok,) = address(messenger).call{gas: 300_000}(call);
        assertTrue(!ok && !messenger.isRelayed(hashOf(m)), "too little");
        (ok,) = address(messenger).call{gas: 3_000_000}(call);
        assertTrue(ok && messenger.isRelayed(hashOf(m)), "enough");
    }

    function test_Refund() public {
        DepositMessage memory m = message(5 ether, "");
        L1Proof memory p = l1Sent(PORTAL, m);
        vm.expectRevert(abi.encodeWithSelector(Messenger.NotRefundTo.selector, address(this), REFUND));
        messenger.refund(m, p);
        vm.prank(REFUND);
        messenger.refund(m, p);
        assertEq(REFUND.balance, 5 ether, "refunded");
        vm.expectRevert(abi.encodeWithSelector(Messenger.AlreadyRelayed.selector, hashOf(m)));
        messenger.relayMessage(m, p);
        assertEq(callee.calls(), 0, "no call");
        m = message(1 ether, "");
        m.refundTo = address(0);
        p = l1Sent(PORTAL, m);
        vm.expectRevert(abi.encodeWithSelector(Messenger.NotRefundTo.selector, REFUND, address(0)));
        vm.prank(REFUND);
        messenger.refund(m, p);
    }

    function test_ARefundThatFailsIsTriedAgain() public {
        DepositMessage memory m = message(5 ether, "");
        m.refundTo = address(callee);
        L1Proof memory p = l1Sent(PORTAL, m);
        callee.refuse(true);
        vm.expectRevert(
            abi.encodeWithSelector(
                Messenger.CallFailed.selector, address(callee), abi.encodeWithSignature("Error(string)", "not now")
            )
        );
        vm.prank(address(callee));
        messenger.refund(m, p);
        callee.refuse(false);
        vm.prank(address(callee));
        messenger.refund(m, p);
        assertEq(address(callee).balance, 5 ether, "refunded");
    }

    function test_Reentrancy() public {
        DepositMessage memory outer = message(1 ether, hex"01");
        DepositMessage memory other = message(1 ether, hex"02");
        other.refundTo = address(callee);
        L1Proof memory proofOfOther = l1Sent(PORTAL, other);
        L1Proof memory p = l1Sent(PORTAL, outer);
        callee.reenter(abi.encodeCall(IMessenger.relayMessage, (other, proofOfOther)));
        messenger.relayMessage(outer, p);
        assertTrue(!callee.inner() && !messenger.isRelayed(hashOf(other)), "one at a time");
        assertEq(callee.answer(), abi.encodeWithSelector(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector), "why");
        for (uint256 i = 0; i < 3; ++i) {
            outer = message(1 ether, hex"03");
            outer.refundTo = address(callee);
            p = l1Sent(PORTAL, outer);
            bytes memory inner = abi.encodeCall(IMessenger.refund, (other, proofOfOther));
            if (i == 1) inner = abi.encodeCall(IMessenger.refund, (outer, p));
            if (i == 2) inner = abi.encodeCall(IMessenger.relayMessage, (outer, p));
            callee.reenter(inner);
            messenger.relayMessage(outer, p);
            assertTrue(!callee.inner(), "nor a refund, nor itself");
        }
        outer = message(1 ether, hex"04");
        outer.refundTo = address(callee);
        p = l1Sent(PORTAL, outer);
        callee.reenter(abi.encodeCall(IMessenger.relayMessage, (other, proofOfOther)));
        vm.prank(address(callee));
        messenger.refund(outer, p);
        assertTrue(!callee.inner(), "nor in a refund");
        callee.reenter("");
        messenger.relayMessage(other, proofOfOther);
        assertEq(callee.calls(), 5, "calls");
        assertEq(address(callee).balance, 6 ether, "each once");
    }

    function test_NotItself() public {
        DepositMessage memory m = message(0, abi.encodeCall(IMessenger.portal, ()));
        m.target = address(messenger);
        L1Proof memory p = l1Sent(PORTAL, m);
        vm.expectRevert(abi.encodeWithSelector(Messenger.InvalidTarget.selector, address(messenger)));
        messenger.relayMessage(m, p);
        vm.expectRevert(Messenger.NoMessage.selector);
        messenger.l1Sender();
    }

    /// A value that comes by a later batch than its message: who is early is paid by who is late, and that one in the end.
    function test_ValuesThatHaveNotArrived() public {
        vm.deal(address(messenger), 1 ether);
        DepositMessage memory early = message(1 ether, hex"01");
        DepositMessage memory late = message(1 ether, hex"02");
        L1Proof memory p = l1Sent(PORTAL, late);
        messenger.relayMessage(late, p);
        p = l1Sent(PORTAL, early);
        vm.expectRevert(abi.encodeWithSelector(Messenger.ValueNotHere.selector, 1 ether, 0));
        messenger.relayMessage(early, p);
        vm.deal(address(messenger), 1 ether); // the next batch's deposits
        messenger.relayMessage(early, p);
        assertEq(callee.calls(), 2, "both");
    }
}
