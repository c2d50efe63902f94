// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {BatchHeader} from "../../src/IInbox.sol";
import {WithdrawalStatus} from "../../src/IPortal.sol";
import {WithdrawalMessage} from "../../src/Messages.sol";
import {PortalFixture} from "./PortalFixture.sol";
import {Forcing, Recipient} from "./Recipients.sol";
import {PlainToken} from "./Tokens.sol";

/// What people do with a Portal, in any order, and what they should have from it.
contract PortalHandler is PortalFixture {
    address private constant NOBODY = address(0xe0a); // an account without code

    PlainToken public token; // zero: ETH
    uint256 private unit = 1;
    uint256 private number;
    uint256 private timestamp;

    // Wei of L2 that should have moved.
    uint256 public deposited;
    uint256 public messaged;
    uint256 public paid;
    uint256 public burnedPaid;
    uint256 public forcedIn; // ETH or tokens that came in by no function

    WithdrawalMessage[] private withdrawals;
    mapping(uint256 withdrawal => uint256) public payments;
    mapping(uint64 deposit => bytes32) private queued;
    uint64 public depositsTaken; // by batches

    /// Blocks and time go on between calls, whatever the tester does.
    modifier onL1() {
        vm.roll(number);
        vm.warp(timestamp);
        _;
        (number, timestamp) = (height(), time());
    }

    constructor(uint8 decimals, bool eth) {
        setUp();
        if (!eth) {
            token = new PlainToken(decimals);
            deployWithGasToken(address(token));
            unit = portal.gasTokenUnit();
            token.mint(address(this), 1e36);
            token.approve(portal.vault(), type(uint256).max);
        }
        vm.deal(address(this), 1e36);
        atTarget(type(Recipient).runtimeCode);
        (number, timestamp) = (height(), time());
    }

    receive() external payable {}

    function what() external view returns (address, address) {
        return (address(portal), address(inbox));
    }

    // ---- actions

    function deposit(uint256 amount) external onL1 {
        uint256 value = whole(amount);
        uint64 index = address(token) == address(0)
            ? portal.deposit{value: value}(STRANGER)
            : portal.depositToken(STRANGER, value / unit);
        deposited += value;
        queued[index] = keccak256(abi.encode(STRANGER, value / 1 gwei));
    }

    function send(uint256 amount, bool withValue) external onL1 {
        uint256 value = withValue ? whole(amount) : 0;
        uint64 index = inbox.depositCount();
        portal.sendMessage{value: address(token) == address(0) ? value : 0}(ALICE, value, ALICE, abi.encode(amount));
        messaged += value;
        if (value != 0) queued[index] = keccak256(abi.encode(portal.MESSENGER(), value / 1 gwei));
        assertEq(inbox.depositCount(), index + (value == 0 ? 0 : 1), "a deposit if there is value");
    }

    /// On L2. Some want more than there is.
    function withdraw(uint256 amount, bool toContract, bool called) external onL1 {
        uint256 value = bound(amount, 0, portal.escrowed() * 5 / 4);
        withdrawals.push(withdrawal(toContract ? TARGET : NOBODY, value, called ? abi.encode(amount) : bytes("")));
    }

    function proveOne(uint256 which, bool lie) external onL1 {
        if (withdrawals.length == 0) return;
        WithdrawalMessage memory m = withdrawals[which % withdrawals.length];
        if (portal.withdrawalStatus(hashOf(m)) != WithdrawalStatus.Unknown) return;
        (bytes32 root, bytes[] memory a, bytes[] memory s) = stateOf(m);
        bytes32 id = confirmRoot(root);
        took();
        if (lie) {
            ++m.value;
            try portal.proveAndFinalizeWithdrawal(m, id, a, s) {
                assertTrue(false, "a lie was proven");
            } catch {}
        } else {
            portal.proveWithdrawal(m, id, a, s);
        }
    }

    function finalize(uint256 which) external onL1 {
        if (withdrawals.length != 0) pay(which % withdrawals.length);
    }

    function mood(uint8 mood_, uint256 which) external onL1 {
        Recipient recipient = Recipient(payable(TARGET));
        recipient.set(Recipient.Mood(mood_ % 4));
        recipient.reenter(address(0), 0, "");
        if (withdrawals.length == 0 || which % 3 == 0) return;
        bytes memory again = abi.encodeCall(portal.finalizeWithdrawal, (withdrawals[which % withdrawals.length]));
        recipient.reenter(address(portal), 0, again);
    }

    function forceIn(uint256 amount) external onL1 {
        amount = bound(amount, 1, 1 ether);
        forcedIn += amount;
        if (address(token) == address(0)) new Forcing{value: amount}(payable(address(portal)));
        else token.mint(portal.vault(), amount);
    }

    function post() external onL1 {
        confirmRoot(keccak256(abi.encode(last)));
        took();
    }

    function creditBurned() external onL1 {
        (bytes32 credited, uint64 from) = portal.burnedFeesCredited();
        if (credited == last.blockHash) return;
        bytes[] memory headers = new bytes[](l2Headers.length - from);
        for (uint256 i = 0; i < headers.length; ++i) {
            headers[i] = l2Headers[l2Headers.length - 1 - i];
        }
        uint256 before = money(BURNED_TO);
        try portal.creditBurned(lastId, headers) {
            uint256 got = money(BURNED_TO) - before;
            burnedPaid += got;
            uint256 burned = l2Headers.length * L2_GAS_USED * L2_BASE_FEE;
            assertEq(burnedPaid, burned - burned % unit, "all that L2 burned");
        } catch {
            assertTrue(portal.escrowed() < headers.length * L2_GAS_USED * L2_BASE_FEE + unit, "fails for want of money only");
        }
    }

    // ---- in the end

    /// Batches take in all deposits, and every withdrawal that the escrow covers can be had.
    function finish() external onL1 {
        uint64 count = inbox.depositCount();
        for (uint256 i = 0; depositsTaken < count && i <= count; ++i) {
            confirmRoot(keccak256(abi.encode(last)));
            took();
        }
        assertEq(depositsTaken, count, "all taken in");
        Recipient recipient = Recipient(payable(TARGET));
        recipient.set(Recipient.Mood.Kind);
        recipient.reenter(address(0), 0, "");
        for (uint256 i = 0; i < withdrawals.length; ++i) {
            WithdrawalMessage memory m = withdrawals[i];
            WithdrawalStatus status = portal.withdrawalStatus(hashOf(m));
            if (status == WithdrawalStatus.Unknown) prove(m);
            bool covered = m.value - m.value % unit <= portal.escrowed();
            if (status != WithdrawalStatus.Finalized) assertTrue(pay(i) == covered, "what is covered is paid");
            pay(i);
            assertTrue(payments[i] <= 1, "never twice");
        }
    }

    // ---- what follows from an action

    function pay(uint256 i) private returns (bool ok) {
        WithdrawalMessage memory m = withdrawals[i];
        uint256 before = money(m.target);
        uint256 due = m.value - m.value % unit;
        (ok,) = address(portal).call{gas: 2_000_000}(abi.encodeCall(portal.finalizeWithdrawal, (m)));
        assertEq(money(m.target) - before, ok ? due : 0, "what is due, or nothing");
        if (!ok) return false;
        ++payments[i];
        paid += due;
        assertEq(payments[i], 1, "once");
    }

    /// After a batch: it took the next deposits, at most 16, as they were made.
    function took() private {
        (uint64 next,) = inbox.nextDue();
        assertTrue(next >= depositsTaken && next - depositsTaken <= 16 * (height() - number), "at most 16 a batch");
        for (uint64 i = depositsTaken; i < next; ++i) {
            (address to, uint64 amount,) = inbox.depositAt(i);
            assertEq(keccak256(abi.encode(to, uint256(amount))), queued[i], "as deposited");
        }
        depositsTaken = next;
    }

    /// Of the gas token, in wei of L2.
    function money(address who) public view returns (uint256) {
        return address(token) == address(0) ? who.balance : token.balanceOf(who) * unit;
    }

    /// Whole Gwei and whole units, up to a hundred ether.
    function whole(uint256 amount) private view returns (uint256) {
        uint256 step = unit < 1 gwei ? 1 gwei : unit;
        return bound(amount, 1, 100 ether / step) * step;
    }

    function withdrawalCount() external view returns (uint256) {
        return withdrawals.length;
    }
}
