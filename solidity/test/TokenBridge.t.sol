// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {ITokenBridge} from "../src/ITokenBridge.sol";
import {DepositMessage, WithdrawalMessage} from "../src/Messages.sol";
import {TokenBridge} from "../src/TokenBridge.sol";
import {BridgedToken} from "../src/l2/BridgedToken.sol";
import {IL2TokenBridge} from "../src/l2/IL2TokenBridge.sol";
import {L2TokenBridge} from "../src/l2/L2TokenBridge.sol";
import {L1Proof} from "../src/lib/L1State.sol";
import {TokenText} from "../src/lib/TokenText.sol";
import {L2World} from "./support/L2World.sol";
import {PortalFixture} from "./support/PortalFixture.sol";
import {PlainToken, SilentToken, StrangeToken} from "./support/Tokens.sol";

/// Balances that anyone can change, as rebasing does.
contract RebasingToken is PlainToken(18) {
    function shrink(address who, uint256 amount) external {
        _burn(who, amount);
    }
}

/// Says anything at all of itself.
contract Talker {
    bytes private _answer;
    bool private _burns;

    function say(bytes calldata answer, bool burns) external {
        (_answer, _burns) = (answer, burns);
    }

    fallback() external {
        while (_burns) {}
        bytes memory answer = _answer;
        assembly {
            return(add(answer, 0x20), mload(answer))
        }
    }
}

contract Texts {
    function name(address token) external view returns (string memory) {
        return TokenText.name(token);
    }

    function decimals(address token) external view returns (uint8) {
        return TokenText.decimals(token);
    }
}

/// Both ends of the ERC-20 bridge, with the real Portal between them.
contract TokenBridgeTest is PortalFixture, L2World {
    address private constant BOB = address(0xb0b);
    TokenBridge private bridge;
    PlainToken private token;
    DepositMessage[] private toL2;
    WithdrawalMessage[] private toL1;

    function setUp() public override {
        super.setUp();
        bridge = TokenBridge(deploy("TokenBridge", abi.encode(portal)));
        makeL2(address(portal), address(bridge));
        token = new PlainToken(6);
        token.mint(address(this), 1e12);
        token.approve(address(bridge), type(uint256).max);
    }

    /// Locks on L1. The message is in `m`.
    function lock(address l1Token, address to, uint256 amount) private returns (DepositMessage memory m) {
        m.nonce = portal.messageCount();
        (m.sender, m.target) = (address(bridge), address(l2Bridge));
        m.data = abi.encodeCall(IL2TokenBridge.mint, (l1Token, to, amount, "Plain", "PLAIN", PlainToken(l1Token).decimals()));
        assertEq(bridge.deposit(l1Token, to, amount), keccak256(abi.encode(m)), "message");
    }

    function relay(DepositMessage memory m) private {
        assertEq(portal.sentMessages(keccak256(abi.encode(m))), 1, "sent");
        L1Proof memory p = l1Sent(address(portal), m);
        messenger.relayMessage(m, p);
    }

    function withdraw(address who, address l1Token, address to, uint256 amount) private returns (WithdrawalMessage memory m) {
        m.nonce = passer.messageCount();
        (m.sender, m.target) = (address(l2Bridge), address(bridge));
        m.data = abi.encodeCall(ITokenBridge.release, (l1Token, to, amount));
        vm.prank(who);
        bytes32 hash = l2Bridge.withdraw(l1Token, to, amount);
        assertEq(hash, keccak256(abi.encode(m)), "message");
        assertTrue(passer.sent(hash), "sent");
    }

    function finalize(WithdrawalMessage memory m) private {
        prove(m);
        portal.finalizeWithdrawal(m);
    }

    function onL2(address l1Token) private view returns (BridgedToken) {
        return BridgedToken(l2Bridge.bridgedToken(l1Token));
    }

    function test_ThereAndBack() public {
        relay(lock(address(token), ALICE, 500));
        BridgedToken there = onL2(address(token));
        assertEq(there.balanceOf(ALICE), 500, "minted");
        assertEq(bytes(there.name()), "Plain", "name");
        assertEq(bytes(there.symbol()), "PLAIN", "symbol");
        assertEq(there.decimals(), 6, "decimals");
        assertEq(there.l1Token(), address(token), "of");
        relay(lock(address(token), ALICE, 1)); // the token is there
        vm.prank(ALICE);
        assertTrue(there.transfer(BOB, 300), "an ERC-20");
        finalize(withdraw(BOB, address(token), TARGET, 300));
        finalize(withdraw(ALICE, address(token), TARGET, 201));
        assertEq(token.balanceOf(TARGET), 501, "back");
        assertEq(bridge.locked(address(token)) + there.totalSupply(), 0, "nothing left");
    }

    function test_NobodyElseMintsOrReleases() public {
        relay(lock(address(token), ALICE, 500));
        bytes memory mint = abi.encodeCall(IL2TokenBridge.mint, (address(token), BOB, 1, "", "", 0));
        vm.expectRevert(abi.encodeWithSelector(L2TokenBridge.NotFromL1Bridge.selector, address(this)));
        l2Bridge.mint(address(token), BOB, 1, "", "", 0);
        // by a message that is somebody else's
        DepositMessage memory m = DepositMessage(99, BOB, address(l2Bridge), 0, address(0), mint);
        L1Proof memory p = l1Sent(address(portal), m);
        vm.expectRevert();
        messenger.relayMessage(m, p);
        BridgedToken there = onL2(address(token));
        vm.expectRevert(abi.encodeWithSelector(BridgedToken.NotTheBridge.selector, address(this)));
        there.mint(BOB, 1);
        vm.expectRevert(abi.encodeWithSelector(BridgedToken.NotTheBridge.selector, address(this)));
        there.burn(ALICE, 1);
        vm.expectRevert(abi.encodeWithSelector(BridgedToken.NotTheBridge.selector, address(this)));
        there.describe("Other", "O", 1);

        vm.expectRevert(abi.encodeWithSelector(TokenBridge.NotFromL2Bridge.selector, address(this)));
        bridge.release(address(token), BOB, 1);
        // by a withdrawal that is somebody else's
        WithdrawalMessage memory w =
            WithdrawalMessage(77, ALICE, address(bridge), 0, abi.encodeCall(ITokenBridge.release, (address(token), BOB, 1)));
        prove(w);
        vm.expectRevert();
        portal.finalizeWithdrawal(w);
        assertEq(token.balanceOf(address(bridge)), 500, "held");
    }

    function test_OnlyWhatOneHas() public {
        relay(lock(address(token), ALICE, 500));
        vm.expectRevert();
        vm.prank(ALICE);
        l2Bridge.withdraw(address(token), TARGET, 501);
        vm.expectRevert();
        vm.prank(BOB);
        l2Bridge.withdraw(address(token), TARGET, 1);
        vm.expectRevert(abi.encodeWithSelector(L2TokenBridge.UnknownToken.selector, BOB));
        l2Bridge.withdraw(BOB, TARGET, 1);
        vm.expectRevert(L2TokenBridge.ZeroAmount.selector);
        l2Bridge.withdraw(address(token), TARGET, 0);
        vm.expectRevert(L2TokenBridge.ZeroRecipient.selector);
        l2Bridge.withdraw(address(token), address(0), 1);
        vm.expectRevert(TokenBridge.ZeroAmount.selector);
        bridge.deposit(address(token), BOB, 0);
        vm.expectRevert(TokenBridge.ZeroRecipient.selector);
        bridge.deposit(address(token), address(0), 1);
        vm.expectRevert(abi.encodeWithSelector(TokenBridge.NoContract.selector, BOB));
        bridge.deposit(BOB, BOB, 1);
    }

    function test_TokensThatTakeFeesOrLie() public {
        StrangeToken strange = new StrangeToken();
        strange.mint(address(this), 1e18);
        strange.approve(address(bridge), type(uint256).max);
        strange.charge(1, 0);
        vm.expectRevert(abi.encodeWithSelector(TokenBridge.WrongAmountArrived.selector, address(strange), 99, 100));
        bridge.deposit(address(strange), ALICE, 100);
        strange.charge(0, 0);
        strange.setHook(address(strange), abi.encodeCall(PlainToken.mint, (address(bridge), 5)));
        vm.expectRevert(abi.encodeWithSelector(TokenBridge.WrongAmountArrived.selector, address(strange), 105, 100));
        bridge.deposit(address(strange), ALICE, 100);
        strange.setHook(address(0), "");
        strange.lie();
        vm.expectRevert();
        bridge.deposit(address(strange), ALICE, 100);
    }

    /// A token calls whom it likes during its transfers, and holds tokens that it lets the bridge take.
    function test_Reentrancy() public {
        StrangeToken strange = new StrangeToken();
        strange.mint(address(this), 1e18);
        strange.mint(address(strange), 1e18);
        strange.approve(address(bridge), type(uint256).max);
        vm.prank(address(strange));
        strange.approve(address(bridge), type(uint256).max);
        bytes memory another = abi.encodeCall(ITokenBridge.deposit, (address(strange), BOB, 1));

        strange.setHook(address(bridge), another);
        relay(lock(address(strange), ALICE, 100));
        assertNotTwice(strange, "in a deposit");
        WithdrawalMessage memory w = withdraw(ALICE, address(strange), TARGET, 60);
        prove(w);
        strange.setHook(address(portal), abi.encodeCall(portal.finalizeWithdrawal, (w)));
        relay(lock(address(strange), ALICE, 10));
        assertTrue(!strange.hooked() && bridge.locked(address(strange)) == 110, "nor a release in a deposit");
        strange.setHook(address(bridge), another);
        portal.finalizeWithdrawal(w);
        assertNotTwice(strange, "nor in a release");
        assertEq(strange.balanceOf(TARGET), 60, "released");
        assertEq(bridge.locked(address(strange)), 50, "locked");
        assertEq(strange.balanceOf(address(bridge)), 50, "held");
        vm.prank(address(strange)); // what it tried can be done at another time
        bridge.deposit(address(strange), BOB, 1);
    }

    function assertNotTwice(StrangeToken strange, string memory when) private view {
        assertTrue(!strange.hooked(), when);
        bytes memory why = abi.encodeWithSelector(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
        assertEq(strange.answer(), why, when);
    }

    function test_TokensWithoutAnswers() public {
        SilentToken silent = new SilentToken();
        silent.mint(address(this), 100);
        silent.approve(address(bridge), 100);
        DepositMessage memory m;
        m.nonce = portal.messageCount();
        (m.sender, m.target) = (address(bridge), address(l2Bridge));
        m.data = abi.encodeCall(IL2TokenBridge.mint, (address(silent), ALICE, 100, "", "", 6));
        assertEq(bridge.deposit(address(silent), ALICE, 100), keccak256(abi.encode(m)), "no name");
        relay(m);
        finalize(withdraw(ALICE, address(silent), TARGET, 100));
        assertEq(silent.balanceOf(TARGET), 100, "back");
    }

    /// What is left of a token that has shrunk is shared: nobody is better off for being quick.
    function test_ATokenThatShrinks() public {
        RebasingToken rebasing = new RebasingToken();
        rebasing.mint(address(this), 1000);
        rebasing.approve(address(bridge), 1000);
        relay(lock(address(rebasing), ALICE, 100));
        relay(lock(address(rebasing), BOB, 300));
        rebasing.shrink(address(bridge), 100); // a quarter
        vm.expectRevert(abi.encodeWithSelector(TokenBridge.BalanceShrank.selector, address(rebasing), 300, 400));
        bridge.deposit(address(rebasing), ALICE, 1);
        finalize(withdraw(ALICE, address(rebasing), address(1), 100));
        finalize(withdraw(BOB, address(rebasing), address(2), 300));
        assertEq(rebasing.balanceOf(address(1)), 75, "a quarter less");
        assertEq(rebasing.balanceOf(address(2)), 225, "as much less");
        relay(lock(address(rebasing), ALICE, 10)); // from here on it is whole again
        rebasing.mint(address(bridge), 5); // and grows
        finalize(withdraw(ALICE, address(rebasing), address(3), 10));
        assertEq(rebasing.balanceOf(address(3)), 10, "what was locked");
    }

    function test_WhatTokensSayOfThemselves() public {
        Texts texts = new Texts();
        Talker talker = new Talker();
        bytes memory long = new bytes(5000);
        for (uint256 i = 0; i < 5000; ++i) {
            long[i] = "x";
        }
        bytes[10] memory answers = [
            abi.encode("Maker"), abi.encode(bytes32("Maker")), abi.encode(string(long)), bytes(""), hex"00",
            abi.encode(uint256(0x40), uint256(1), "x"), abi.encode(uint256(0x20), type(uint256).max), abi.encode(bytes32(0)),
            abi.encode(""), abi.encodePacked(uint256(0x20), bytes8("x"))
        ];
        bytes[10] memory expected = [
            bytes("Maker"), "Maker", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "", "", "", "", "", "", ""
        ];
        for (uint256 i = 0; i < answers.length; ++i) {
            talker.say(answers[i], false);
            assertEq(bytes(texts.name(address(talker))), expected[i], vm.toString(i));
        }
        talker.say(abi.encode(255), false);
        assertEq(texts.decimals(address(talker)), 255, "255");
        talker.say(abi.encode(256), false);
        assertEq(texts.decimals(address(talker)), 0, "no decimals");
        talker.say("", true);
        uint256 gas = gasleft();
        assertEq(bytes(texts.name(address(talker))), "", "never ends");
        assertTrue(gas - gasleft() < 100_000, "bounded");
    }

    /// In any order: what L2 has, and what is under way, is locked on L1.
    /// forge-config: default.fuzz.runs = 24
    function testFuzz_SupplyIsLocked(uint256 seed) public {
        address[2] memory people = [ALICE, BOB];
        uint256 arriving;
        uint256 leaving;
        uint256 out;
        for (uint256 k = 0; k < 24; ++k) {
            seed = uint256(keccak256(abi.encode(seed)));
            address who = people[seed % 2];
            uint256 amount = 1 + seed / 8 % 1000;
            uint256 action = seed / 2 % 4;
            if (action == 0) {
                toL2.push(lock(address(token), who, amount));
                arriving += amount;
            } else if (action == 1 && toL2.length != 0) {
                uint256 i = seed / 65536 % toL2.length;
                uint256 before = address(onL2(address(token))).code.length == 0 ? 0 : onL2(address(token)).totalSupply();
                relay(toL2[i]);
                arriving -= onL2(address(token)).totalSupply() - before;
                toL2[i] = toL2[toL2.length - 1];
                toL2.pop();
            } else if (action == 2 && address(onL2(address(token))).code.length != 0) {
                uint256 has = onL2(address(token)).balanceOf(who);
                if (has == 0) continue;
                amount = amount < has ? amount : has;
                toL1.push(withdraw(who, address(token), TARGET, amount));
                leaving += amount;
            } else if (action == 3 && toL1.length != 0) {
                uint256 i = seed / 65536 % toL1.length;
                finalize(toL1[i]);
                leaving -= token.balanceOf(TARGET) - out;
                out = token.balanceOf(TARGET);
                toL1[i] = toL1[toL1.length - 1];
                toL1.pop();
            }
            uint256 supply = address(onL2(address(token))).code.length == 0 ? 0 : onL2(address(token)).totalSupply();
            assertEq(bridge.locked(address(token)), supply + arriving + leaving, "locked");
            assertEq(token.balanceOf(address(bridge)), bridge.locked(address(token)), "held");
        }
    }
}
