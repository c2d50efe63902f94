// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Escrow} from "../src/Escrow.sol";
import {WithdrawalMessage} from "../src/Messages.sol";
import {TokenVault} from "../src/TokenVault.sol";
import {PortalFixture} from "./support/PortalFixture.sol";
import {Recipient} from "./support/Recipients.sol";
import {Permit2Like, PlainToken, SilentToken, StrangeToken} from "./support/Tokens.sol";

/// docs/protocol.md sections 10 and 11, with an ERC-20 as L2's money.
contract PortalTokensTest is PortalFixture {
    address private constant PERMIT2 = 0x000000000022D473030F116dDEE9F6B43aC78BA3;
    address private constant MESSENGER = 0x7665726469637400000000000000000000000002;

    PlainToken private token;

    function launch(PlainToken token_) private {
        token = token_;
        deployWithGasToken(address(token));
        (last, lastId) = (genesisState(), 0);
        delete l2Headers;
        token.mint(address(this), 1e30);
        token.approve(portal.vault(), type(uint256).max);
    }

    function pay(WithdrawalMessage memory m) private {
        prove(m);
        portal.finalizeWithdrawal(m);
    }

    function held() private view returns (uint256) {
        return token.balanceOf(portal.vault());
    }

    // ---- which tokens

    function test_RefusesWhatIsNoToken() public {
        vm.expectRevert(abi.encodeWithSelector(Escrow.NoContract.selector, STRANGER));
        this.deploy(STRANGER);
        vm.expectRevert();
        this.deploy(address(rollup)); // no decimals
        address wide = address(new PlainToken(19));
        vm.expectRevert(abi.encodeWithSelector(Escrow.TooManyDecimals.selector, 19, 18));
        this.deploy(wide);
    }

    /// One call: it can be expected to revert.
    function deploy(address gasToken) external {
        deployWithGasToken(gasToken);
    }

    function test_TakesNoEther() public {
        launch(new PlainToken(18));
        vm.expectRevert(abi.encodeWithSelector(Escrow.GasTokenIsNotEth.selector, address(token)));
        portal.deposit{value: 1 ether}(ALICE);
        vm.expectRevert(abi.encodeWithSelector(Escrow.WrongValue.selector, 1 gwei, 0));
        portal.sendMessage{value: 1 gwei}(ALICE, 1 gwei, ALICE, "");
        (bool ok,) = address(portal).call{value: 1}("");
        assertTrue(!ok, "plain ether");
    }

    // ---- decimals

    function test_EighteenDecimals() public {
        launch(new PlainToken(18));
        assertEq(portal.gasTokenUnit(), 1, "unit");
        vm.expectRevert(abi.encodeWithSelector(Escrow.NotWholeGwei.selector, 1 gwei + 1));
        portal.depositToken(ALICE, 1 gwei + 1);
        portal.depositToken(ALICE, 5 ether);
        (, uint64 amount,) = inbox.depositAt(0);
        assertEq(amount, 5e9, "Gwei");
        pay(withdrawal(TARGET, 2 ether + 1, "")); // on L2 amounts are exact
        assertEq(token.balanceOf(TARGET), 2 ether + 1, "paid");
        assertEq(held(), 3 ether - 1, "held");
        assertEq(portal.escrowed(), 3 ether - 1, "books");
    }

    function test_SixDecimals() public {
        launch(new PlainToken(6));
        assertEq(portal.gasTokenUnit(), 1e12, "unit");
        portal.depositToken(ALICE, 5e6);
        (, uint64 amount,) = inbox.depositAt(0);
        assertEq(amount, 5e9, "Gwei: 5 tokens are 5 ether on L2");
        assertEq(portal.escrowed(), 5 ether, "books");
        pay(withdrawal(TARGET, 2 ether + 1e12 - 1, "")); // what no unit can pay stays
        assertEq(token.balanceOf(TARGET), 2e6, "rounded down");
        assertEq(portal.escrowed(), 3 ether, "and the rest is still on the books");
        assertEq(held(), 3e6, "held");
        pay(withdrawal(TARGET, 1e12 - 1, "")); // less than a unit: no transfer at all
        assertEq(held(), 3e6, "as before");
        portal.sendMessage(STRANGER, 1 ether, ALICE, "");
        assertEq(held(), 4e6, "pulled");
        (address to,,) = inbox.depositAt(1);
        assertEq(to, MESSENGER, "to the Messenger");
        vm.expectRevert(abi.encodeWithSelector(Escrow.NotWholeUnits.selector, 1 gwei, 1e12));
        portal.sendMessage(STRANGER, 1 gwei, ALICE, "");
        vm.expectRevert(abi.encodeWithSelector(Escrow.DepositTooLarge.selector, 1e30 * 1e12 / 1e6));
        portal.depositToken(ALICE, 1e24);
        vm.expectRevert(abi.encodeWithSelector(Escrow.NotWholeGwei.selector, 0));
        portal.depositToken(ALICE, 0);
    }

    function testFuzz_AnyDecimalsKeepTheBooks(uint8 decimals, uint64 amount, uint128 out) public {
        launch(new PlainToken(decimals % 19));
        uint256 unit = portal.gasTokenUnit();
        uint256 whole = unit < 1 gwei ? 1 gwei / unit : 1;
        uint256 units = (uint256(amount) % 1e9 + 1) * whole;
        portal.depositToken(ALICE, units);
        uint256 value = bound(out, 0, units * unit);
        pay(withdrawal(TARGET, value, ""));
        assertEq(token.balanceOf(TARGET), value / unit, "paid");
        assertEq(portal.escrowed(), held() * unit, "books and vault agree");
    }

    function test_TokensWithoutAnswers() public {
        SilentToken silent = new SilentToken();
        launch(PlainToken(address(silent)));
        portal.depositToken(ALICE, 3e6);
        pay(withdrawal(TARGET, 1 ether, ""));
        assertEq(silent.balanceOf(TARGET), 1e6, "paid");
    }

    // ---- calls

    function test_PaysThenCalls() public {
        launch(new PlainToken(18));
        portal.depositToken(ALICE, 5 ether);
        Recipient recipient = Recipient(payable(atTarget(type(Recipient).runtimeCode)));
        pay(withdrawal(TARGET, 1 ether, ""));
        assertEq(recipient.caller(), address(0), "not called without data");
        recipient.reenter(address(token), 0, abi.encodeCall(token.transfer, (STRANGER, 3 ether)));
        pay(withdrawal(TARGET, 2 ether, "data"));
        assertTrue(recipient.called(), "it had the tokens when it was called");
        assertEq(token.balanceOf(STRANGER), 3 ether, "and could use them");
        assertEq(recipient.l2Sender(), ALICE, "sender");
        assertEq(recipient.value(), 0, "no ether");
    }

    function test_TokenAndVaultAreNoTargets() public {
        launch(new PlainToken(18));
        portal.depositToken(ALICE, 5 ether);
        TokenVault vault = TokenVault(portal.vault());
        token.approve(address(portal), 1 ether); // needless, but some will
        WithdrawalMessage[2] memory m = [
            withdrawal(address(token), 0, abi.encodeCall(token.transferFrom, (address(this), ALICE, 1 ether))),
            withdrawal(address(vault), 0, abi.encodeCall(vault.pay, (ALICE, 1 ether)))
        ];
        for (uint256 i = 0; i < 2; ++i) {
            prove(m[i]);
            vm.expectRevert(abi.encodeWithSelector(Escrow.InvalidTarget.selector, m[i].target));
            portal.finalizeWithdrawal(m[i]);
        }
        vm.expectRevert(abi.encodeWithSelector(TokenVault.NotPortal.selector, address(this)));
        vault.pay(address(this), 1);
        vm.expectRevert(abi.encodeWithSelector(TokenVault.NotPortal.selector, address(this)));
        vault.pull(address(this), 1);
    }

    /// The Portal calls whatever L2 says, so it must hold no tokens: many let Permit2 move all of their holders'.
    function test_CallsFromThePortalCanNotReachTheTokens() public {
        launch(new PlainToken(18));
        vm.etch(PERMIT2, type(Permit2Like).runtimeCode);
        Permit2Like permit2 = Permit2Like(PERMIT2);
        address vault = portal.vault();
        portal.depositToken(ALICE, 5 ether);
        pay(withdrawal(PERMIT2, 0, abi.encodeCall(permit2.approve, (address(token), STRANGER, 5 ether, 0))));
        vm.prank(STRANGER);
        vm.expectRevert();
        permit2.transferFrom(address(portal), STRANGER, 5 ether, address(token));
        vm.prank(STRANGER);
        vm.expectRevert();
        permit2.transferFrom(vault, STRANGER, 5 ether, address(token));
        assertEq(held(), 5 ether, "all there");
        // It would have worked: who holds tokens and can be made to call loses them.
        token.transfer(address(portal), 5 ether);
        vm.prank(STRANGER);
        permit2.transferFrom(address(portal), STRANGER, 5 ether, address(token));
        assertEq(token.balanceOf(STRANGER), 5 ether, "taken");
    }

    // ---- strange tokens

    function test_FeesOnTransferAreRefused() public {
        StrangeToken strange = new StrangeToken();
        launch(strange);
        strange.charge(1, 0);
        vm.expectRevert(abi.encodeWithSelector(TokenVault.NotTheAmount.selector, 1 ether, 1 ether - 1));
        portal.depositToken(ALICE, 1 ether);
        vm.expectRevert(abi.encodeWithSelector(TokenVault.NotTheAmount.selector, 1 ether, 1 ether - 1));
        portal.sendMessage(ALICE, 1 ether, ALICE, "");
        strange.charge(0, 0);
        portal.depositToken(ALICE, 5 ether);
        strange.charge(1, 0); // what arrives is between the token and the recipient
        pay(withdrawal(TARGET, 1 ether, ""));
        assertEq(token.balanceOf(TARGET), 1 ether - 1, "less");
        assertEq(held(), portal.escrowed(), "books");
        strange.charge(0, 1); // who withdraws first would be paid by the others
        WithdrawalMessage memory m = withdrawal(TARGET, 1 ether, "");
        prove(m);
        vm.expectRevert(abi.encodeWithSelector(TokenVault.NotTheAmount.selector, 1 ether, 1 ether + 1));
        portal.finalizeWithdrawal(m);
        strange.charge(0, 0);
        portal.finalizeWithdrawal(m);
    }

    function test_TokensThatLie() public {
        StrangeToken strange = new StrangeToken();
        launch(strange);
        portal.depositToken(ALICE, 5 ether);
        WithdrawalMessage memory m = withdrawal(TARGET, 1 ether, "");
        prove(m);
        strange.lie();
        vm.expectPartialRevert(SafeERC20.SafeERC20FailedOperation.selector);
        portal.depositToken(ALICE, 1 ether);
        vm.expectPartialRevert(SafeERC20.SafeERC20FailedOperation.selector);
        portal.finalizeWithdrawal(m);
        assertEq(portal.escrowed(), 5 ether, "books");
    }

    /// A deposit in the midst of a deposit would be measured, and credited, twice.
    function test_TokensThatCallBack() public {
        StrangeToken strange = new StrangeToken();
        launch(strange);
        portal.depositToken(ALICE, 5 ether);
        token.mint(address(strange), 1 ether);
        address vault = portal.vault();
        vm.prank(address(strange));
        token.approve(vault, 1 ether);
        strange.setHook(address(portal), abi.encodeCall(portal.depositToken, (STRANGER, 1 ether)));
        portal.depositToken(ALICE, 2 ether);
        requireRefused(strange);
        strange.setHook(address(portal), abi.encodeCall(portal.depositToken, (STRANGER, 1 ether)));
        pay(withdrawal(TARGET, 1 ether, ""));
        requireRefused(strange);
        WithdrawalMessage memory other = withdrawal(TARGET, 1 ether, "");
        prove(other);
        strange.setHook(address(portal), abi.encodeCall(portal.finalizeWithdrawal, (other)));
        pay(withdrawal(TARGET, 1 ether, ""));
        requireRefused(strange);
        assertEq(portal.escrowed(), 5 ether, "books");
        assertEq(held(), 5 ether, "held");
    }

    function requireRefused(StrangeToken strange) private view {
        assertTrue(!strange.hooked(), "refused");
        assertEq(
            bytes32(strange.answer()), bytes32(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector), "as reentrant"
        );
    }
}
