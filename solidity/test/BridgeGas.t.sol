// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ITokenBridge} from "../src/ITokenBridge.sol";
import {DepositMessage, WithdrawalMessage} from "../src/Messages.sol";
import {TokenBridge} from "../src/TokenBridge.sol";
import {IL2TokenBridge} from "../src/l2/IL2TokenBridge.sol";
import {IMessenger} from "../src/l2/IMessenger.sol";
import {MessagePasser} from "../src/l2/MessagePasser.sol";
import {L1Proof} from "../src/lib/L1State.sol";
import {L2World} from "./support/L2World.sol";
import {Meter} from "./support/Meter.sol";
import {PlainToken} from "./support/Tokens.sol";

/// Gas of messages and of the ERC-20 bridge, on either chain. Proofs have one node each; a branch more takes about 29,000.
contract BridgeGasTest is Meter, L2World {
    address private constant NOBODY = address(0xe0a);
    TokenBridge private bridge;
    PlainToken private token = new PlainToken(18);

    function setUp() public override {
        super.setUp();
        bridge = TokenBridge(deploy("TokenBridge", abi.encode(portal)));
        makeL2(address(portal), address(bridge));
        vm.deal(address(messenger), 100 ether);
        token.mint(STRANGER, 100 ether);
        vm.prank(STRANGER);
        token.approve(address(bridge), 50 ether);
        confirmRoot(keccak256("before"));
        portal.sendMessage(STRANGER, 0, address(0), "");
    }

    function use(string memory what, address to, uint256 value, bytes memory call) private {
        vm.cool(address(bridge));
        vm.cool(address(messenger));
        vm.cool(address(passer));
        vm.cool(address(l2Bridge));
        vm.cool(address(token));
        vm.cool(l2Bridge.bridgedToken(address(token)));
        measure(what, to, STRANGER, value, call, 0);
    }

    /// A deposit, and its message.
    function lock(string memory what) private returns (DepositMessage memory m) {
        m.nonce = portal.messageCount();
        (m.sender, m.target) = (address(bridge), address(l2Bridge));
        m.data = abi.encodeCall(IL2TokenBridge.mint, (address(token), STRANGER, 1 ether, "Plain", "PLAIN", 18));
        use(what, address(bridge), 0, abi.encodeCall(ITokenBridge.deposit, (address(token), STRANGER, 1 ether)));
    }

    function relay(string memory what, DepositMessage memory m) private {
        L1Proof memory p = l1Sent(address(portal), m);
        use(what, address(messenger), 0, abi.encodeCall(IMessenger.relayMessage, (m, p)));
    }

    function test_Tokens() public {
        relay("L2: relayMessage, a token's first", lock("TokenBridge.deposit, a token's first"));
        relay("L2: relayMessage, tokens", lock("TokenBridge.deposit"));
        WithdrawalMessage memory m;
        m.nonce = passer.messageCount();
        (m.sender, m.target) = (address(l2Bridge), address(bridge));
        m.data = abi.encodeCall(ITokenBridge.release, (address(token), NOBODY, 0.5 ether));
        token.mint(NOBODY, 1);
        use("L2: L2TokenBridge.withdraw, the first", address(l2Bridge), 0,
            abi.encodeCall(IL2TokenBridge.withdraw, (address(token), NOBODY, 0.5 ether)));
        use("L2: L2TokenBridge.withdraw", address(l2Bridge), 0,
            abi.encodeCall(IL2TokenBridge.withdraw, (address(token), NOBODY, 0.5 ether)));
        prove(m);
        use("finalizeWithdrawal, bridged tokens", address(portal), 0, abi.encodeCall(portal.finalizeWithdrawal, (m)));
        assertEq(token.balanceOf(NOBODY), 0.5 ether + 1, "released");
    }

    function test_Messages() public {
        vm.deal(NOBODY, 1);
        relay("L2: relayMessage with value, 100 bytes", DepositMessage(5, ALICE, NOBODY, 1 ether, ALICE, noise(100)));
        DepositMessage memory m = DepositMessage(6, ALICE, NOBODY, 1 ether, STRANGER, "");
        L1Proof memory p = l1Sent(address(portal), m);
        use("L2: refund", address(messenger), 0, abi.encodeCall(IMessenger.refund, (m, p)));
        vm.deal(address(passer), 1);
        vm.deal(STRANGER, 10 ether);
        passer.initiateWithdrawal(NOBODY, "");
        use("L2: initiateWithdrawal", address(passer), 1 ether, abi.encodeCall(MessagePasser.initiateWithdrawal, (NOBODY, "")));
    }
}
