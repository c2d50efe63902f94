// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {LibRLP} from "solady/utils/LibRLP.sol";
import {BurnedFees} from "../src/BurnedFees.sol";
import {Escrow} from "../src/Escrow.sol";
import {BatchHeader, IInbox} from "../src/IInbox.sol";
import {IPortal, WithdrawalStatus} from "../src/IPortal.sol";
import {AssertionStatus} from "../src/IRollup.sol";
import {Inbox} from "../src/Inbox.sol";
import {DepositMessage, WithdrawalMessage} from "../src/Messages.sol";
import {Portal} from "../src/Portal.sol";
import {PortalFixture} from "./support/PortalFixture.sol";
import {Forcing, Recipient} from "./support/Recipients.sol";

/// docs/protocol.md sections 10 and 11, in ETH.
contract PortalTest is PortalFixture {
    address private constant MESSENGER = 0x7665726469637400000000000000000000000002;

    Recipient private recipient;

    function setUp() public override {
        super.setUp();
        recipient = Recipient(payable(atTarget(type(Recipient).runtimeCode)));
    }

    function requireStatus(WithdrawalMessage memory m, WithdrawalStatus status) private view {
        assertEq(uint256(portal.withdrawalStatus(hashOf(m))), uint256(status), "status");
    }

    // ---- construction

    function test_ConstructorRefusesWhatDoesNotFit() public {
        vm.expectPartialRevert(Escrow.NotTheInboxsPortal.selector);
        Portal(deploy("Portal", abi.encode(inbox, rollup, address(0), address(0))));
        address next = LibRLP.computeAddress(address(this), vm.getNonce(address(this)) + 1);
        Inbox other = Inbox(deploy("Inbox", abi.encode(SEQUENCER, EXCLUSIVE_TIMEOUT, MAX_ORIGIN_AGE, next, MIN_FORCE_FEE)));
        vm.expectRevert(abi.encodeWithSelector(Portal.RollupOfAnotherInbox.selector, address(inbox)));
        Portal(deploy("Portal", abi.encode(other, rollup, address(0), address(0))));
    }

    // ---- deposits

    function test_Deposits() public {
        assertEq(portal.deposit{value: 3 gwei}(STRANGER), 0, "first");
        vm.expectEmit();
        emit IInbox.Deposited(1, CHALLENGER, 1e9);
        assertEq(portal.deposit{value: 1 ether}(CHALLENGER), 1, "second");
        (address to, uint64 amount,) = inbox.depositAt(1);
        assertEq(to, CHALLENGER, "recipient");
        assertEq(amount, 1e9, "Gwei");
        assertEq(portal.escrowed(), 1 ether + 3 gwei, "escrowed");
        assertEq(address(portal).balance, 1 ether + 3 gwei, "kept");
        assertEq(address(inbox).balance, 0, "no money in the Inbox");
        assertEq(portal.gasTokenUnit(), 1, "unit");
    }

    function test_RefusesWrongDeposits() public {
        vm.expectRevert(abi.encodeWithSelector(Escrow.NotWholeGwei.selector, 0));
        portal.deposit(STRANGER);
        vm.expectRevert(abi.encodeWithSelector(Escrow.NotWholeGwei.selector, 1 gwei + 1));
        portal.deposit{value: 1 gwei + 1}(STRANGER);
        vm.expectRevert(Inbox.ZeroRecipient.selector);
        portal.deposit{value: 1 gwei}(address(0));
        uint256 tooMuch = uint256(1 << 64) * 1 gwei;
        vm.deal(address(this), 2 * tooMuch);
        vm.expectRevert(abi.encodeWithSelector(Escrow.DepositTooLarge.selector, tooMuch));
        portal.deposit{value: tooMuch}(STRANGER);
        portal.deposit{value: tooMuch - 1 gwei}(STRANGER);
        vm.expectRevert(Escrow.GasTokenIsEth.selector);
        portal.depositToken(STRANGER, 1 gwei);
        (bool ok,) = address(portal).call{value: 1 gwei}("");
        assertTrue(!ok, "ETH without a recipient");
        assertEq(portal.escrowed(), tooMuch - 1 gwei, "escrowed");
    }

    // ---- messages to L2

    function test_SendsMessages() public {
        DepositMessage memory m = DepositMessage(0, ASSERTER, STRANGER, 2 gwei, CHALLENGER, "data");
        bytes32 expected = keccak256(abi.encode(m));
        vm.expectEmit();
        emit IPortal.MessageSent(0, expected, m);
        vm.prank(ASSERTER);
        assertEq(portal.sendMessage{value: 2 gwei}(STRANGER, 2 gwei, CHALLENGER, "data"), expected, "hash");
        // What L2 proves: by its place, not by a name.
        assertEq(vm.load(address(portal), keccak256(abi.encode(expected, 0))), bytes32(uint256(1)), "slot 0");
        (address to, uint64 amount,) = inbox.depositAt(0);
        assertEq(to, MESSENGER, "to the Messenger");
        assertEq(amount, 2, "Gwei");
        assertEq(portal.escrowed(), 2 gwei, "escrowed");
        vm.prank(ASSERTER);
        bytes32 again = portal.sendMessage{value: 2 gwei}(STRANGER, 2 gwei, CHALLENGER, "data");
        m.nonce = 1;
        assertEq(again, keccak256(abi.encode(m)), "another nonce");
        assertEq(portal.messageCount(), 2, "count");
    }

    function test_MessagesWithoutValueAreNoDeposits() public {
        portal.sendMessage(STRANGER, 0, address(0), new bytes(16384));
        assertEq(inbox.depositCount(), 0, "none");
        assertEq(portal.messageCount(), 1, "but sent");
    }

    function test_RefusesWrongMessages() public {
        vm.expectRevert(abi.encodeWithSelector(Escrow.WrongValue.selector, 1 gwei, 2 gwei));
        portal.sendMessage{value: 1 gwei}(STRANGER, 2 gwei, address(0), "");
        vm.expectRevert(abi.encodeWithSelector(Escrow.WrongValue.selector, 1 gwei, 0));
        portal.sendMessage{value: 1 gwei}(STRANGER, 0, address(0), "");
        vm.expectRevert(abi.encodeWithSelector(Escrow.NotWholeGwei.selector, 5));
        portal.sendMessage{value: 5}(STRANGER, 5, address(0), "");
        vm.expectRevert(abi.encodeWithSelector(Escrow.MessageTooLarge.selector, 16385, 16384));
        portal.sendMessage(STRANGER, 0, address(0), new bytes(16385));
        vm.expectRevert(abi.encodeWithSelector(Escrow.InvalidTarget.selector, MESSENGER));
        portal.sendMessage(MESSENGER, 0, address(0), "");
        assertEq(portal.messageCount(), 0, "none sent");
    }

    // ---- withdrawals

    function test_PaysOnceAndSaysWhoSent() public {
        portal.deposit{value: 5 ether}(ALICE);
        WithdrawalMessage memory m = withdrawal(TARGET, 2 ether, "hello");
        bytes32 hash = hashOf(m);
        vm.expectRevert(abi.encodeWithSelector(Portal.NotProven.selector, hash, WithdrawalStatus.Unknown));
        portal.finalizeWithdrawal(m);
        prove(m);
        requireStatus(m, WithdrawalStatus.Proven);
        vm.expectRevert(Portal.NoWithdrawal.selector);
        portal.l2Sender();
        vm.expectEmit();
        emit IPortal.WithdrawalFinalized(hash, TARGET, 2 ether);
        vm.prank(STRANGER); // anyone
        portal.finalizeWithdrawal(m);
        assertEq(TARGET.balance, 2 ether, "paid");
        assertEq(recipient.value(), 2 ether, "with the call");
        assertEq(recipient.data(), "hello", "data");
        assertEq(recipient.caller(), address(portal), "by the Portal");
        assertEq(recipient.l2Sender(), ALICE, "sender");
        assertEq(portal.escrowed(), 3 ether, "escrowed");
        vm.expectRevert(Portal.NoWithdrawal.selector);
        portal.l2Sender();
        vm.expectRevert(abi.encodeWithSelector(Portal.NotProven.selector, hash, WithdrawalStatus.Finalized));
        portal.finalizeWithdrawal(m);
        (, bytes[] memory a, bytes[] memory s) = stateOf(m);
        vm.expectRevert(abi.encodeWithSelector(Portal.AlreadyProven.selector, hash, WithdrawalStatus.Finalized));
        portal.proveWithdrawal(m, lastId, a, s);
        vm.expectRevert(abi.encodeWithSelector(Portal.NotProven.selector, hash, WithdrawalStatus.Finalized));
        portal.proveAndFinalizeWithdrawal(m, lastId, a, s);
        assertEq(TARGET.balance, 2 ether, "once");
    }

    function test_EqualWithdrawalsAreTwo() public {
        portal.deposit{value: 5 ether}(ALICE);
        for (uint256 i = 0; i < 2; ++i) {
            WithdrawalMessage memory m = withdrawal(TARGET, 1 ether, "");
            prove(m);
            portal.finalizeWithdrawal(m);
        }
        assertEq(TARGET.balance, 2 ether, "each paid");
    }

    function test_ProvesAndFinalizesAtOnce() public {
        portal.deposit{value: 2 ether}(ALICE);
        WithdrawalMessage memory m = withdrawal(TARGET, 1 ether, "");
        (bytes32 root, bytes[] memory a, bytes[] memory s) = stateOf(m);
        portal.proveAndFinalizeWithdrawal(m, confirmRoot(root), a, s);
        m = withdrawal(TARGET, 1 ether, "");
        prove(m); // whoever proves first does no harm
        portal.proveAndFinalizeWithdrawal(m, "any", new bytes[](0), new bytes[](0));
        assertEq(TARGET.balance, 2 ether, "both paid");
    }

    function test_AnythingChangedIsNotProven() public {
        WithdrawalMessage memory m = withdrawal(TARGET, 1 ether, "data");
        (bytes32 root, bytes[] memory a, bytes[] memory s) = stateOf(m);
        bytes32 id = confirmRoot(root);
        WithdrawalMessage[5] memory other =
            [WithdrawalMessage(m.nonce + 1, ALICE, TARGET, 1 ether, "data"), m, m, m, m];
        other[1] = WithdrawalMessage(m.nonce, TARGET, TARGET, 1 ether, "data");
        other[2] = WithdrawalMessage(m.nonce, ALICE, STRANGER, 1 ether, "data");
        other[3] = WithdrawalMessage(m.nonce, ALICE, TARGET, 2 ether, "data");
        other[4] = WithdrawalMessage(m.nonce, ALICE, TARGET, 1 ether, "dat4");
        for (uint256 i = 0; i < 5; ++i) {
            vm.expectRevert();
            portal.proveWithdrawal(other[i], id, a, s);
        }
        portal.proveWithdrawal(m, id, a, s);
        for (uint256 i = 0; i < 5; ++i) {
            vm.expectPartialRevert(Portal.NotProven.selector);
            portal.finalizeWithdrawal(other[i]);
        }
    }

    function test_OnlyAgainstConfirmedAssertions() public {
        WithdrawalMessage memory m = withdrawal(TARGET, 1 ether, "");
        (bytes32 root, bytes[] memory a, bytes[] memory s) = stateOf(m);
        vm.expectRevert(); // UnknownAssertion, of the Rollup
        portal.proveWithdrawal(m, keccak256("none"), a, s);
        BatchHeader memory b = postBatch(0);
        (bytes32 right,) = assertRoot(ASSERTER, b, keccak256("the real state"));
        (bytes32 wrong,) = assertRoot(STRANGER, b, root);
        vm.expectRevert(abi.encodeWithSelector(BurnedFees.NotConfirmed.selector, wrong, AssertionStatus.Pending));
        portal.proveWithdrawal(m, wrong, a, s);
        vm.warp(time() + WINDOW); // long enough, but nobody has confirmed it
        vm.expectRevert(abi.encodeWithSelector(BurnedFees.NotConfirmed.selector, wrong, AssertionStatus.Pending));
        portal.proveWithdrawal(m, wrong, a, s);
        rollup.confirm(right);
        rollup.killOrphan(wrong);
        vm.expectRevert(abi.encodeWithSelector(BurnedFees.NotConfirmed.selector, wrong, AssertionStatus.Killed));
        portal.proveWithdrawal(m, wrong, a, s);
        vm.expectRevert(); // the confirmed state has no such withdrawal
        portal.proveWithdrawal(m, right, a, s);
        requireStatus(m, WithdrawalStatus.Unknown);
    }

    function test_NeverPaysMoreThanCameIn() public {
        portal.deposit{value: 1 ether}(ALICE);
        WithdrawalMessage memory m = withdrawal(TARGET, 1 ether + 1, "");
        prove(m);
        new Forcing{value: 10 ether}(payable(address(portal)));
        assertEq(address(portal).balance, 11 ether, "it has enough");
        assertEq(portal.escrowed(), 1 ether, "but not on its books");
        vm.expectRevert(abi.encodeWithSelector(Escrow.EscrowTooLow.selector, 1 ether + 1, 1 ether));
        portal.finalizeWithdrawal(m);
        portal.deposit{value: 1 gwei}(STRANGER); // somebody else's backs it too: L2 knows whose is whose
        portal.finalizeWithdrawal(m);
        assertEq(portal.escrowed(), 1 gwei - 1, "the rest");
    }

    function test_TargetsThatTrustThePortalAreRefused() public {
        portal.deposit{value: 1 ether}(ALICE);
        bytes memory enqueue = abi.encodeCall(inbox.enqueueDeposit, (ALICE, 1e9));
        bytes memory l2Sender = abi.encodeCall(portal.l2Sender, ());
        WithdrawalMessage[3] memory m =
            [withdrawal(address(inbox), 0, enqueue), withdrawal(address(portal), 0, l2Sender), withdrawal(address(0), 0, "")];
        for (uint256 i = 0; i < 3; ++i) {
            prove(m[i]);
            vm.expectRevert(abi.encodeWithSelector(Escrow.InvalidTarget.selector, m[i].target));
            portal.finalizeWithdrawal(m[i]);
        }
        assertEq(inbox.depositCount(), 1, "nothing minted");
    }

    function test_AccountsWithoutCodeCanBeCalled() public {
        portal.deposit{value: 1 ether}(ALICE);
        WithdrawalMessage memory m = withdrawal(address(0xe0a), 1 ether, "a note");
        prove(m);
        portal.finalizeWithdrawal(m);
        assertEq(address(0xe0a).balance, 1 ether, "paid");
    }

    // ---- hostile recipients

    /// They harm themselves only, and not for ever.
    function test_RecipientsThatFail() public {
        portal.deposit{value: 3 ether}(ALICE);
        WithdrawalMessage memory m = withdrawal(TARGET, 1 ether, "");
        WithdrawalMessage memory other = withdrawal(address(0xe0a), 1 ether, "");
        prove(m);
        prove(other);
        recipient.set(Recipient.Mood.Refusing);
        bytes memory reason = abi.encodeWithSignature("Error(string)", "no, thank you");
        vm.expectRevert(abi.encodeWithSelector(Portal.CallFailed.selector, TARGET, reason));
        portal.finalizeWithdrawal(m);
        recipient.set(Recipient.Mood.Burning);
        (bool ok,) = address(portal).call{gas: 500_000}(abi.encodeCall(portal.finalizeWithdrawal, (m)));
        assertTrue(!ok, "burned");
        recipient.set(Recipient.Mood.Bombing);
        (ok,) = address(portal).call{gas: 500_000}(abi.encodeCall(portal.finalizeWithdrawal, (m)));
        assertTrue(!ok, "bombed");
        requireStatus(m, WithdrawalStatus.Proven);
        assertEq(portal.escrowed(), 3 ether, "all there");
        portal.finalizeWithdrawal(other);
        recipient.set(Recipient.Mood.Kind);
        portal.finalizeWithdrawal(m);
        assertEq(TARGET.balance, 1 ether, "paid in the end");
    }

    /// Too little gas for the call is as if it had never been tried.
    function testFuzz_TooLittleGasLosesNothing(uint256 gas) public {
        gas = bound(gas, 30_000, 400_000);
        portal.deposit{value: 1 ether}(ALICE);
        WithdrawalMessage memory m = withdrawal(TARGET, 1 ether, "data");
        prove(m);
        (bool ok,) = address(portal).call{gas: gas}(abi.encodeCall(portal.finalizeWithdrawal, (m)));
        assertEq(TARGET.balance, ok ? 1 ether : 0, "paid or not");
        assertEq(portal.escrowed(), ok ? 0 : 1 ether, "off the books or not");
        requireStatus(m, ok ? WithdrawalStatus.Finalized : WithdrawalStatus.Proven);
        if (ok) assertEq(recipient.data(), "data", "called");
    }

    function test_CannotReenterTheWayOut() public {
        portal.deposit{value: 4 ether}(ALICE);
        WithdrawalMessage memory m = withdrawal(TARGET, 1 ether, "");
        WithdrawalMessage memory other = withdrawal(TARGET, 1 ether, "");
        prove(m);
        prove(other);
        WithdrawalMessage memory third = withdrawal(TARGET, 1 ether, "");
        (bytes32 root, bytes[] memory a, bytes[] memory s) = stateOf(third);
        bytes32 id = confirmRoot(root);
        bytes[5] memory calls = [
            abi.encodeCall(portal.finalizeWithdrawal, (m)),
            abi.encodeCall(portal.finalizeWithdrawal, (other)),
            abi.encodeCall(portal.proveWithdrawal, (third, id, a, s)),
            abi.encodeCall(portal.proveAndFinalizeWithdrawal, (third, id, a, s)),
            abi.encodeCall(portal.proveAndFinalizeWithdrawal, (m, id, a, s))
        ];
        uint256 snapshot = vm.snapshotState();
        for (uint256 i = 0; i < 5; ++i) {
            recipient.reenter(address(portal), 0, calls[i]);
            portal.finalizeWithdrawal(m);
            assertTrue(!recipient.called(), "refused");
            assertEq(
                bytes32(recipient.answer()), bytes32(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector), "why"
            );
            assertEq(TARGET.balance, 1 ether, "paid once");
            assertEq(portal.escrowed(), 3 ether, "one taken");
            vm.revertToState(snapshot);
        }
    }

    /// A withdrawal whose target sends the money back is no trouble: what comes in is booked as ever.
    function test_MayDepositDuringAWithdrawal() public {
        portal.deposit{value: 2 ether}(ALICE);
        bytes[2] memory calls = [
            abi.encodeCall(portal.deposit, (ALICE)), abi.encodeCall(portal.sendMessage, (ALICE, 1 ether, ALICE, "back"))
        ];
        for (uint256 i = 0; i < 2; ++i) {
            WithdrawalMessage memory m = withdrawal(TARGET, 1 ether, "");
            prove(m);
            recipient.reenter(address(portal), 1 ether, calls[i]);
            portal.finalizeWithdrawal(m);
            assertTrue(recipient.called(), "taken");
            assertEq(portal.escrowed(), 2 ether, "as before");
            assertEq(address(portal).balance, 2 ether, "and there");
            assertEq(inbox.depositCount(), 2 + i, "queued");
        }
    }
}
