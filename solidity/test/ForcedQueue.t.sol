// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {BatchHeader} from "../src/IInbox.sol";
import {Inbox} from "../src/Inbox.sol";
import {FakeExponential} from "../src/lib/FakeExponential.sol";
import {Fixture} from "./support/Fixture.sol";

/// What forcing a transaction costs (docs/protocol.md section 2), and that both queues are served in turn.
contract ForcedQueueTest is Fixture {
    function setUp() public override {
        super.setUp();
        vm.deal(address(this), 100_000 ether);
    }

    receive() external payable {}

    // ---- the price

    /// EIP-4844's own test values.
    function test_FakeExponential() public pure {
        uint256[4][10] memory cases = [
            [uint256(1), 0, 1, 1],
            [uint256(38493), 0, 1000, 38493],
            [uint256(0), 1234, 2345, 0],
            [uint256(1), 2, 1, 6],
            [uint256(1), 4, 2, 6],
            [uint256(1), 3, 1, 16],
            [uint256(1), 6, 2, 18],
            [uint256(1), 4, 1, 49],
            [uint256(10), 8, 2, 542],
            [uint256(1), 5, 2, 11]
        ];
        for (uint256 i = 0; i < 10; ++i) {
            assertEq(FakeExponential.compute(cases[i][0], cases[i][1], cases[i][2]), cases[i][3], "as in EIP-4844");
        }
    }

    function test_RisesByEForSixteenAndFallsWithTheBlocks() public {
        assertEq(inbox.forceFee(), MIN_FORCE_FEE, "at rest");
        uint256 paid = 0;
        for (uint256 i = 0; i < 32; ++i) {
            uint256 fee = inbox.forceFee();
            force(abi.encode(i));
            paid += fee;
            assertTrue(inbox.forceFee() > fee, "dearer");
        }
        requireAbout(inbox.forceFee(), MIN_FORCE_FEE * 7389056 / 1e6); // e^2
        assertEq(address(0).balance, paid, "burned, all of it");
        assertEq(address(inbox).balance, 0, "nothing stays");
        vm.roll(height() + 16);
        requireAbout(inbox.forceFee(), MIN_FORCE_FEE * 2718281 / 1e6); // e
        vm.roll(height() + 15);
        assertTrue(inbox.forceFee() > MIN_FORCE_FEE, "not yet");
        vm.roll(height() + 1);
        assertEq(inbox.forceFee(), MIN_FORCE_FEE, "at rest again");
        vm.roll(height() + 1_000_000);
        force("x"); // calm is not saved up
        assertEq(inbox.forceFee(), FakeExponential.compute(MIN_FORCE_FEE, 1, 16), "one more");
    }

    function requireAbout(uint256 found, uint256 expected) private pure {
        assertTrue(found * 1000 > expected * 999 && found * 1000 < expected * 1001, "price");
    }

    function test_WhatIsTooMuchComesBack() public {
        vm.prank(STRANGER);
        inbox.forceTransaction{value: 1 ether}("x");
        assertEq(STRANGER.balance, 1000 ether - MIN_FORCE_FEE, "the fee and no more");
        uint256 fee = inbox.forceFee();
        vm.expectRevert(abi.encodeWithSelector(Inbox.ForceFeeTooLow.selector, fee - 1, fee));
        inbox.forceTransaction{value: fee - 1}("x");
        vm.expectRevert(abi.encodeWithSelector(Inbox.ForceFeeTooLow.selector, 0, fee));
        inbox.forceTransaction("x");
        inbox.forceTransaction{value: fee}("x");
        assertEq(inbox.forcedCount(), 2, "queued");
    }

    /// Whatever it costs, it can be computed, and more never costs less.
    function testFuzz_PriceNeverFails(uint256 minFee, uint256 excess) public pure {
        minFee = bound(minFee, 1, 1e21);
        excess = bound(excess, 0, 1600); // e^100: more than all ether by far
        uint256 fee = FakeExponential.compute(minFee, excess, 16);
        assertTrue(fee >= minFee && FakeExponential.compute(minFee, excess + 1, 16) >= fee, "monotone");
    }

    // ---- whose turn it is

    /// First come, first served: whoever floods a queue delays those behind, but can't keep out or overtake anyone.
    function test_AFloodDelaysByABatchForSixteen() public {
        uint64 flood = 160;
        for (uint64 i = 0; i < flood; ++i) {
            portal.deposit{value: 1 gwei}(CHALLENGER);
        }
        uint64 honest = portal.deposit{value: 1 ether}(STRANGER);
        uint64 batches = 0;
        for (uint64 taken = 0; taken <= honest; ++batches) {
            portal.deposit{value: 1 gwei}(CHALLENGER); // it goes on
            BatchHeader memory b = postBatch(0);
            assertEq(b.depositStart, taken, "in order, none left out");
            assertTrue(b.depositEnd - b.depositStart <= 16, "at most 16");
            taken = b.depositEnd;
        }
        assertEq(batches, flood / 16 + 1, "its turn after those before it");
    }

    function testFuzz_EachInOneBatchInOrder(uint256 seed) public {
        uint64 deposits = 0;
        uint64 forced = 0;
        for (uint256 i = 0; i < 12; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            for (uint256 k = 0; k < seed % 24; ++k) {
                portal.deposit{value: 1 gwei}(STRANGER);
            }
            for (uint256 k = 0; k < (seed >> 8) % 24; ++k) {
                force("x");
            }
            BatchHeader memory b = postBatch(0);
            assertEq(b.depositStart, deposits, "deposits go on where they ended");
            assertEq(b.forcedStart, forced, "forced ones too");
            uint64 before = inbox.depositCount();
            assertEq(b.depositEnd, before - deposits > 16 ? deposits + 16 : before, "16, or all");
            (deposits, forced) = (b.depositEnd, b.forcedEnd);
        }
    }

    // ---- a sequencer that lets them wait

    function post(address who, uint256 originNumber) private {
        (bytes32 head,) = inbox.headBatch();
        bytes memory rlp = origin(originNumber);
        blobs("", 0);
        vm.prank(who);
        inbox.postBatch(head, 0, noPages(), rlp);
    }

    /// It posts all the time, but takes no more of a full queue than it must.
    function test_AFullQueueLeftWaitingEndsTheExclusiveRight() public {
        vm.roll(height() + 1);
        for (uint256 i = 0; i < 40; ++i) {
            portal.deposit{value: 1 gwei}(SEQUENCER);
        }
        vm.roll(height() + 10);
        vm.warp(time() + EXCLUSIVE_TIMEOUT);
        post(SEQUENCER, height() - 1); // leaves 24, all from after the Inbox was made: renewed
        uint256 until = time() + EXCLUSIVE_TIMEOUT;
        assertEq(inbox.exclusiveUntil(), until, "renewed");
        vm.roll(height() + 10);
        vm.warp(until);
        post(SEQUENCER, height() - 1); // leaves 8 that were there at the last renewal
        assertEq(inbox.exclusiveUntil(), until, "not renewed");
        vm.expectPartialRevert(Inbox.NotSequencer.selector);
        this.postAs(STRANGER);
        vm.warp(until + 1);
        this.postAs(STRANGER);
        (uint64 taken,) = inbox.nextDue();
        assertEq(taken, 40, "anyone takes in the rest");
        post(SEQUENCER, height() - 1);
        assertEq(inbox.exclusiveUntil(), time() + EXCLUSIVE_TIMEOUT, "then it is the sequencer's turn again");
    }

    /// With old origins nothing is ever due: that doesn't help either.
    function test_OldOriginsDoNotKeepTheRight() public {
        vm.roll(height() + 1);
        force("forced");
        uint256 until = 0;
        for (uint256 i = 0; i < 3; ++i) {
            vm.roll(height() + 10);
            vm.warp(time() + EXCLUSIVE_TIMEOUT / 2);
            post(SEQUENCER, 1000);
            if (i == 0) until = inbox.exclusiveUntil();
            assertEq(inbox.exclusiveUntil(), until, "renewed once, as it had come after the last renewal");
        }
        vm.warp(until + 1);
        this.postAs(STRANGER);
        (, uint64 forcedTaken) = inbox.nextDue();
        assertEq(forcedTaken, 1, "taken in");
    }

    /// What comes while it posts costs it nothing.
    function test_FreshEntriesDoNotEndTheRight() public {
        for (uint256 i = 0; i < 20; ++i) {
            vm.roll(height() + 5);
            vm.warp(time() + 60);
            portal.deposit{value: 1 gwei}(STRANGER);
            force("forced");
            post(SEQUENCER, height() - 1); // before these are due: they came in this block
            assertEq(inbox.exclusiveUntil(), time() + EXCLUSIVE_TIMEOUT, "renewed");
        }
    }

    function postAs(address who) external {
        post(who, height() - 1);
    }
}
