// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {RollupConfig} from "../src/Assertions.sol";
import {BurnedFees} from "../src/BurnedFees.sol";
import {BatchHeader} from "../src/IInbox.sol";
import {AssertionStatus} from "../src/IRollup.sol";
import {Rollup} from "../src/Rollup.sol";
import {Cursor, StepState} from "../src/Types.sol";
import {BurnedFeesEscrow} from "./support/BurnedFeesEscrow.sol";
import {Fixture} from "./support/Fixture.sol";

/// Takes money unless it is told not to; tries to be paid twice.
contract Recipient {
    bool public refuses;
    bytes public again;
    bool public paidAgain;

    function refuse(bool refuses_) external {
        refuses = refuses_;
    }

    function reenter(bytes calldata call) external {
        again = call;
    }

    receive() external payable {
        require(!refuses, "no, thank you");
        if (again.length != 0) (paidAgain,) = msg.sender.call(again);
    }
}

/// Headers of a real L2 chain: tests/vectors/burned_fees.json.
contract BurnedFeesTest is Fixture {
    uint256 private constant ESCROW = 100 ether;

    bytes32 private genesis;
    bytes[] private headers;
    uint256[] private burned;
    uint256[] private sizes; // blocks of each batch
    bytes[] private foreign;

    Rollup private chain;
    Recipient private recipient;
    BurnedFeesEscrow private escrow;
    bytes32[] private ids; // of one confirmed assertion a batch
    StepState private pre;

    function setUp() public override {
        super.setUp();
        string memory json = vm.readFile("../tests/vectors/burned_fees.json");
        genesis = vm.parseJsonBytes32(json, ".genesis");
        headers = vm.parseJsonBytesArray(json, ".headers");
        burned = vm.parseJsonUintArray(json, ".burned");
        sizes = vm.parseJsonUintArray(json, ".batches");
        foreign = vm.parseJsonBytesArray(json, ".foreign");

        RollupConfig memory c = config(16, 2);
        c.genesisBlockHash = genesis;
        chain = Rollup(payable(deploy("Rollup", abi.encode(c))));
        recipient = new Recipient();
        escrow = escrowOf(address(recipient), 1, ESCROW);

        pre = genesisState();
        pre.blockHash = genesis;
        uint256 last;
        for (uint256 i = 0; i < sizes.length; ++i) {
            last += sizes[i];
            ids.push(this.assertBlock(ASSERTER, i == 0 ? bytes32(0) : ids[i - 1], postBatch(1), keccak256(headers[last - 1])));
        }
        vm.warp(time() + WINDOW);
        for (uint256 i = 0; i < ids.length; ++i) {
            chain.confirm(ids[i]);
        }
    }

    function escrowOf(address to, uint256 unit, uint256 funds) private returns (BurnedFeesEscrow made) {
        made = BurnedFeesEscrow(deploy("BurnedFeesEscrow", abi.encode(chain, to, unit)));
        vm.deal(address(made), funds);
    }

    /// An assertion of `b` that ends at that block; the next one follows it. External: inlined, it is too much for the stack.
    function assertBlock(address who, bytes32 parentId, BatchHeader memory b, bytes32 blockHash)
        external
        returns (bytes32)
    {
        StepState[] memory states = toyStates(b, pre);
        states[states.length - 1].blockHash = blockHash;
        pre = states[states.length - 1];
        return assertStates(chain, who, parentId, b, states);
    }

    /// Number of the last block of batch `i`.
    function lastBlock(uint256 i) private view returns (uint256 last) {
        for (uint256 j = 0; j <= i; ++j) {
            last += sizes[j];
        }
    }

    /// RLP of the blocks `last` down to `first`.
    function down(uint256 last, uint256 first) private view returns (bytes[] memory list) {
        list = new bytes[](last + 1 - first);
        for (uint256 i = 0; i < list.length; ++i) {
            list[i] = headers[last - i - 1];
        }
    }

    function sum(uint256 first, uint256 last) private view returns (uint256 total) {
        for (uint256 i = first; i <= last; ++i) {
            total += burned[i - 1];
        }
    }

    function assertCredited(uint256 last) private view {
        (bytes32 hash, uint64 number) = escrow.burnedFeesCredited();
        assertEq(number, last, "credited up to");
        assertEq(hash, last == 0 ? genesis : keccak256(headers[last - 1]), "its hash");
        assertEq(address(recipient).balance, sum(1, last), "paid what they burned");
        assertEq(address(escrow).balance, ESCROW - sum(1, last), "out of the escrow");
    }

    function test_BatchAfterBatch() public {
        uint256 first = 1;
        for (uint256 i = 0; i < ids.length; ++i) {
            vm.expectEmit();
            emit BurnedFees.BurnedFeesCredited(
                ids[i],
                address(recipient),
                uint64(first),
                uint64(lastBlock(i)),
                sum(first, lastBlock(i)),
                sum(first, lastBlock(i))
            );
            escrow.creditBurned(ids[i], down(lastBlock(i), first));
            first = lastBlock(i) + 1;
            assertCredited(lastBlock(i));
        }
    }

    function test_SeveralBatchesInOneCall() public {
        escrow.creditBurned(ids[3], down(lastBlock(3), 1));
        assertCredited(lastBlock(3));
    }

    function test_ALongBatchInSeveralCalls() public {
        escrow.creditBurned(ids[0], down(1, 1));
        uint256 last = lastBlock(1);
        uint256[4] memory ends = [last - 9, last - 10, 5, 2];
        uint256 from = last;
        for (uint256 i = 0; i < ends.length; ++i) {
            assertCredited(1);
            escrow.creditBurned(ids[1], down(from, ends[i]));
            if (i < 3) {
                (bytes32 next, uint64 reached, uint256 soFar) = escrow.burnedFeesWalk(ids[1]);
                assertEq(next, keccak256(headers[ends[i] - 2]), "next header");
                assertEq(reached, ends[i], "reached");
                assertEq(soFar, sum(ends[i], last), "sum so far");
            }
            from = ends[i] - 1;
        }
        assertCredited(last);
        (bytes32 none,,) = escrow.burnedFeesWalk(ids[1]);
        assertEq(none, 0, "no walk is left");
    }

    /// @param cuts bit i: a call ends after block i + 1
    function testFuzz_AnyCutsPayTheSame(uint256 cuts, uint256 target) public {
        target = bound(target, 0, ids.length - 1);
        uint256 from = lastBlock(target);
        for (uint256 number = from; number >= 1; --number) {
            if (number > 1 && cuts >> (number - 1) & 1 == 0) continue;
            escrow.creditBurned(ids[target], down(from, number));
            from = number - 1;
        }
        assertCredited(lastBlock(target));
    }

    function test_NothingTwice() public {
        escrow.creditBurned(ids[1], down(lastBlock(1), 1));
        vm.expectRevert(abi.encodeWithSelector(BurnedFees.CreditedBefore.selector, lastBlock(1), lastBlock(1)));
        escrow.creditBurned(ids[1], down(lastBlock(1), 1));
        vm.expectRevert(abi.encodeWithSelector(BurnedFees.CreditedBefore.selector, 1, lastBlock(1)));
        escrow.creditBurned(ids[0], down(1, 1));
        vm.expectRevert(abi.encodeWithSelector(BurnedFees.NoHeaders.selector));
        escrow.creditBurned(ids[1], new bytes[](0));
        vm.expectRevert(abi.encodeWithSelector(BurnedFees.HeaderTooMany.selector, sizes[2]));
        escrow.creditBurned(ids[2], down(lastBlock(2), 1)); // goes on into what was credited
        assertCredited(lastBlock(1));
    }

    function test_AWalkOvertakenByAnotherCreditBeginsAnew() public {
        escrow.creditBurned(ids[2], down(lastBlock(2), 5)); // below batch 1's end
        escrow.creditBurned(ids[1], down(lastBlock(1), 1));
        (bytes32 none,,) = escrow.burnedFeesWalk(ids[2]);
        assertEq(none, 0, "void");
        vm.expectPartialRevert(BurnedFees.WrongHeader.selector);
        escrow.creditBurned(ids[2], down(4, 1)); // where it stood
        escrow.creditBurned(ids[2], down(lastBlock(2), lastBlock(1) + 1));
        assertCredited(lastBlock(2));
    }

    function test_AWalkThatAnotherCreditMeetsIsDone() public {
        escrow.creditBurned(ids[2], down(lastBlock(2), lastBlock(1) + 1));
        escrow.creditBurned(ids[3], down(lastBlock(3), lastBlock(2)));
        escrow.creditBurned(ids[1], down(lastBlock(1), 1));
        escrow.creditBurned(ids[2], new bytes[](0)); // it stands exactly there
        assertCredited(lastBlock(2));
        vm.expectRevert(abi.encodeWithSelector(BurnedFees.NoHeaders.selector)); // that one has passed it
        escrow.creditBurned(ids[3], new bytes[](0));
        escrow.creditBurned(ids[3], down(lastBlock(3), lastBlock(2) + 1));
        assertCredited(lastBlock(3));
    }

    function test_OtherHeaders() public {
        bytes[] memory list = down(lastBlock(1), 1);
        (list[3], list[4]) = (list[4], list[3]);
        vm.expectRevert(
            abi.encodeWithSelector(BurnedFees.WrongHeader.selector, 3, keccak256(list[3]), keccak256(list[4]))
        );
        escrow.creditBurned(ids[1], list);
        vm.expectRevert(
            abi.encodeWithSelector(BurnedFees.WrongHeader.selector, 0, keccak256(foreign[0]), keccak256(headers[0]))
        );
        escrow.creditBurned(ids[0], foreign);
        list = down(1, 1);
        list[0][list[0].length - 1] ^= 0x01;
        vm.expectPartialRevert(BurnedFees.WrongHeader.selector);
        escrow.creditBurned(ids[0], list);
        list[0] = "";
        vm.expectPartialRevert(BurnedFees.WrongHeader.selector);
        escrow.creditBurned(ids[0], list);
        assertCredited(0);
    }

    function test_OnlyConfirmedAssertions() public {
        BatchHeader memory next = postBatch(1);
        StepState memory parent = pre;
        bytes32 pending = this.assertBlock(ASSERTER, ids[3], next, keccak256(foreign[0]));
        vm.expectRevert(
            abi.encodeWithSelector(BurnedFees.NotConfirmed.selector, pending, AssertionStatus.Pending)
        );
        escrow.creditBurned(pending, foreign);

        pre = parent;
        bytes32 rival = this.assertBlock(STRANGER, ids[3], next, keccak256("another block"));
        vm.warp(time() + WINDOW);
        chain.confirm(rival);
        chain.killOrphan(pending);
        vm.expectRevert(abi.encodeWithSelector(BurnedFees.NotConfirmed.selector, pending, AssertionStatus.Killed));
        escrow.creditBurned(pending, foreign);

        vm.expectRevert(
            abi.encodeWithSelector(BurnedFees.NotConfirmed.selector, keccak256("?"), AssertionStatus.None)
        );
        escrow.creditBurned(keccak256("?"), foreign);
        vm.expectPartialRevert(BurnedFees.WrongHeader.selector); // genesis is credited
        escrow.creditBurned(0, down(1, 1));
    }

    function test_ARecipientThatRefusesHarmsOnlyItself() public {
        recipient.refuse(true);
        vm.expectRevert(bytes("not paid"));
        escrow.creditBurned(ids[0], down(1, 1));
        assertCredited(0);
        recipient.refuse(false);
        escrow.creditBurned(ids[0], down(1, 1));
        assertCredited(1);
    }

    function test_NoReentrance() public {
        recipient.reenter(abi.encodeCall(escrow.creditBurned, (ids[1], down(lastBlock(1), 2))));
        escrow.creditBurned(ids[0], down(1, 1));
        assertTrue(!recipient.paidAgain(), "refused");
        assertCredited(1);
    }

    function test_OffWithoutRecipient() public {
        BurnedFeesEscrow off = escrowOf(address(0), 1, 1 ether);
        vm.expectRevert(abi.encodeWithSelector(BurnedFees.BurnedFeesOff.selector));
        off.creditBurned(ids[0], down(1, 1));
    }

    function test_WhatIsLessThanATokensUnitIsPaidLater() public {
        uint256 unit = 1e16; // a token of two decimals
        escrow = escrowOf(address(recipient), unit, ESCROW);
        uint256 first = 1;
        for (uint256 i = 0; i < ids.length; ++i) {
            escrow.creditBurned(ids[i], down(lastBlock(i), first));
            first = lastBlock(i) + 1;
            assertEq(address(recipient).balance, sum(1, lastBlock(i)) / unit * unit, "whole units so far");
        }
        assertTrue(sum(1, 1) % unit != 0 && address(recipient).balance > 0, "the vectors have a remainder");
    }

    function test_Gas() public {
        escrow.creditBurned(ids[0], down(1, 1));
        bytes[] memory list = down(lastBlock(1), 2);
        uint256 before = gasleft();
        escrow.creditBurned(ids[1], list);
        uint256 used = before - gasleft();
        assertTrue(used < 24 * 30_000 + 60_000, string.concat("gas for 24 blocks: ", vm.toString(used)));
    }
}
