// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {RLP} from "@openzeppelin/contracts/utils/RLP.sol";
import {BatchHeader} from "../src/IInbox.sol";
import {Inbox} from "../src/Inbox.sol";
import {Fixture} from "./support/Fixture.sol";

contract InboxTest is Fixture {
    address private constant HISTORY = 0x0000F90827F1C53a10cb7A02335B175320002935;

    bytes32 private head;

    /// One call: it can be expected to revert.
    function post(uint64 chunkCount, bytes memory rlp) private {
        vm.prank(SEQUENCER);
        bytes32 batchHash = inbox.postBatch(head, chunkCount, noPages(), rlp);
        if (batchHash != 0) head = batchHash;
    }

    // ---- constructor

    function test_ConstructorRefusesNonsense() public {
        vm.expectRevert(Inbox.ZeroMaxOriginAge.selector);
        Inbox(deploy("Inbox", abi.encode(SEQUENCER, 1, 0, STRANGER, 1)));
        vm.expectRevert(abi.encodeWithSelector(Inbox.MaxOriginAgeTooLong.selector, 8192, 8191));
        Inbox(deploy("Inbox", abi.encode(SEQUENCER, 1, 8192, STRANGER, 1)));
        vm.expectPartialRevert(Inbox.ExclusiveTimeoutOutOfRange.selector);
        Inbox(deploy("Inbox", abi.encode(SEQUENCER, 0, 1, STRANGER, 1)));
        vm.expectPartialRevert(Inbox.ExclusiveTimeoutOutOfRange.selector);
        Inbox(deploy("Inbox", abi.encode(SEQUENCER, 30 days + 1, 1, STRANGER, 1)));
        vm.expectPartialRevert(Inbox.ExclusiveTimeoutOutOfRange.selector);
        Inbox(deploy("Inbox", abi.encode(address(0), 1, 1, STRANGER, 1)));
        vm.expectRevert(Inbox.ZeroPortal.selector);
        Inbox(deploy("Inbox", abi.encode(SEQUENCER, 1, 1, address(0), 1)));
        vm.expectRevert(Inbox.ZeroForceFee.selector);
        Inbox(deploy("Inbox", abi.encode(SEQUENCER, 1, 1, STRANGER, 0)));
        Inbox(deploy("Inbox", abi.encode(address(0), 0, 8191, STRANGER, 1)));
    }

    // ---- batches

    function test_PostsBatches() public {
        BatchHeader memory first = postBatch(3);
        assertEq(first.index, 0, "index");
        assertEq(first.parentHash, 0, "no parent");
        BatchHeader memory second = postBatch(0);
        uint64 count;
        (head, count) = inbox.headBatch();
        assertEq(count, 2, "count");
        assertEq(second.parentHash, keccak256(abi.encode(first)), "parent");
        assertEq(head, keccak256(abi.encode(second)), "head");
        assertTrue(inbox.batchExists(head) && inbox.batchExists(second.parentHash), "exist");
        assertTrue(!inbox.batchExists(0), "not that one");
        assertEq(inbox.batchIndex(head), 1, "index of");
        vm.expectPartialRevert(Inbox.UnknownBatch.selector);
        inbox.batchIndex(keccak256("other"));
    }

    function test_EmitsTheHeader() public {
        vm.roll(height() + 1);
        bytes memory rlp = origin(height() - 1);
        BatchHeader memory b = expectedBatch(65, blobs("d", 2), height() - 1);
        vm.expectEmit();
        emit BatchPosted(0, keccak256(abi.encode(b)), SEQUENCER, b);
        post(65, rlp);
    }

    event BatchPosted(uint64 indexed index, bytes32 indexed batchHash, address indexed poster, BatchHeader header);

    function test_RefusesAnotherParent() public {
        vm.roll(1010);
        bytes memory rlp = origin(1009);
        vm.prank(SEQUENCER);
        vm.expectRevert(abi.encodeWithSelector(Inbox.ParentMismatch.selector, bytes32("other"), bytes32(0)));
        inbox.postBatch("other", 0, noPages(), rlp);
        postBatch(0);
        vm.prank(SEQUENCER);
        vm.expectPartialRevert(Inbox.ParentMismatch.selector);
        inbox.postBatch(0, 0, noPages(), rlp);
    }

    function testFuzz_ChunkCountFitsTheBlobs(uint64 chunkCount, uint256 count) public {
        count = count % 7;
        chunkCount = chunkCount % 460;
        vm.roll(1010);
        bytes memory rlp = origin(1009);
        blobs("x", count);
        bool fits = count == 0 ? chunkCount == 0 : 64 * (count - 1) < chunkCount && chunkCount <= 64 * count;
        vm.prank(SEQUENCER);
        if (!fits) vm.expectRevert(abi.encodeWithSelector(Inbox.WrongChunkCount.selector, chunkCount, count));
        inbox.postBatch(0, chunkCount, noPages(), rlp);
    }

    function test_RefusesExtremeChunkCountAndSevenBlobs() public {
        vm.roll(1010);
        bytes memory rlp = origin(1009);
        blobs("x", 6);
        vm.expectPartialRevert(Inbox.WrongChunkCount.selector);
        post(type(uint64).max, rlp);
        blobs("x", 7);
        vm.expectRevert(abi.encodeWithSelector(Inbox.TooManyBlobs.selector, 6));
        post(400, rlp);
    }

    // ---- who may post

    function test_SequencerIsExclusiveUntilItIsSilent() public {
        vm.roll(1010);
        bytes memory rlp = origin(1009);
        uint64 until = inbox.exclusiveUntil();
        assertEq(until, time() + EXCLUSIVE_TIMEOUT, "until");
        vm.warp(until);
        vm.expectRevert(abi.encodeWithSelector(Inbox.NotSequencer.selector, STRANGER, until));
        vm.prank(STRANGER);
        inbox.postBatch(0, 0, noPages(), rlp);
        vm.warp(until + 1);
        vm.prank(STRANGER);
        head = inbox.postBatch(0, 0, noPages(), rlp);
        // It stays open to all until the sequencer speaks.
        vm.prank(CHALLENGER);
        head = inbox.postBatch(head, 0, noPages(), rlp);
        vm.prank(SEQUENCER);
        head = inbox.postBatch(head, 0, noPages(), rlp);
        assertEq(inbox.exclusiveUntil(), time() + EXCLUSIVE_TIMEOUT, "renewed");
        vm.expectPartialRevert(Inbox.NotSequencer.selector);
        vm.prank(STRANGER);
        inbox.postBatch(head, 0, noPages(), rlp);
    }

    function test_BasedIsOpenToAll() public {
        inbox = Inbox(deploy("Inbox", abi.encode(address(0), 0, 10, STRANGER, 1)));
        vm.roll(1010);
        bytes memory rlp = origin(1009);
        assertEq(inbox.exclusiveUntil(), 0, "never");
        vm.prank(STRANGER);
        inbox.postBatch(0, 0, noPages(), rlp);
    }

    // ---- origins

    function test_OriginMustBePastAndRecent() public {
        vm.roll(1500);
        bytes memory rlp = header(1500, 1, 0);
        vm.expectRevert(abi.encodeWithSelector(Inbox.OriginNotPast.selector, 1500, 1500));
        post(0, rlp);
        vm.expectRevert(abi.encodeWithSelector(Inbox.OriginNotPast.selector, type(uint256).max, 1500));
        post(0, header(type(uint256).max, 1, 0));
        vm.roll(3000);
        vm.expectRevert(abi.encodeWithSelector(Inbox.OriginTooOld.selector, 1999, 2000));
        post(0, header(1999, 1, 0));
    }

    function test_OriginMayBeTheVeryOldest() public {
        vm.roll(3000);
        bytes memory rlp = header(2000, 5, "r");
        vm.expectPartialRevert(Inbox.OriginHeaderMismatch.selector); // no history contract here
        post(0, rlp);
        vm.mockCall(HISTORY, abi.encode(2000), abi.encode(keccak256(rlp)));
        post(0, rlp);
        assertEq(inbox.lastOriginNumber(), 2000, "taken");
    }

    function test_OriginWithin256ByOpcode() public {
        vm.roll(3000);
        vm.mockCall(HISTORY, abi.encode(2744), abi.encode(keccak256("lie")));
        bytes memory rlp = origin(2744);
        post(0, rlp);
        rlp = header(2745, 5, "not its header");
        vm.setBlockhash(2745, keccak256("another"));
        vm.expectRevert(abi.encodeWithSelector(Inbox.OriginHeaderMismatch.selector, 2745, keccak256(rlp)));
        post(0, rlp);
    }

    function test_OriginNeverGoesBack() public {
        vm.roll(1100);
        post(0, origin(1050));
        post(0, origin(1050));
        bytes memory rlp = origin(1049);
        vm.expectRevert(abi.encodeWithSelector(Inbox.OriginBeforeParents.selector, 1049, 1050));
        post(0, rlp);
        post(0, origin(1051));
    }

    function test_OriginNotFromBeforeTheInbox() public {
        vm.roll(1001);
        bytes memory rlp = origin(998);
        vm.expectRevert(abi.encodeWithSelector(Inbox.OriginBeforeParents.selector, 998, 999));
        post(0, rlp);
        post(0, origin(999));
    }

    function test_OriginGarbage() public {
        vm.expectRevert(RLP.RLPInvalidEncoding.selector);
        post(0, "");
        vm.expectRevert(RLP.RLPInvalidEncoding.selector);
        post(0, hex"f8");
        vm.expectRevert();
        post(0, hex"c0");
        bytes memory rlp = bytes.concat(origin(999), hex"00");
        vm.roll(1001);
        vm.expectRevert(RLP.RLPInvalidEncoding.selector);
        post(0, rlp);
    }

    // ---- queues

    function test_DepositsAreThePortals() public {
        vm.startPrank(address(portal));
        assertEq(inbox.enqueueDeposit(STRANGER, 3), 0, "first");
        inbox.enqueueDeposit(CHALLENGER, type(uint64).max);
        (address recipient, uint64 amount, uint64 l1Block) = inbox.depositAt(1);
        assertEq(recipient, CHALLENGER, "recipient");
        assertEq(amount, type(uint64).max, "Gwei");
        assertEq(l1Block, height(), "block");
        assertEq(inbox.depositCount(), 2, "count");
        vm.expectRevert(Inbox.ZeroDeposit.selector);
        inbox.enqueueDeposit(STRANGER, 0);
        vm.expectRevert(Inbox.ZeroRecipient.selector);
        inbox.enqueueDeposit(address(0), 1);
        vm.stopPrank();
        vm.prank(SEQUENCER);
        vm.expectRevert(abi.encodeWithSelector(Inbox.NotPortal.selector, SEQUENCER));
        inbox.enqueueDeposit(STRANGER, 1);
        vm.expectRevert();
        inbox.depositAt(2);
    }

    function test_ForcedTransactions() public {
        bytes memory raw = new bytes(32768);
        vm.deal(address(this), 1 ether);
        force(raw);
        force(hex"02");
        (bytes32 rawHash, uint64 l1Block) = inbox.forcedAt(1);
        assertEq(rawHash, keccak256(hex"02"), "hash");
        assertEq(l1Block, height(), "block");
        assertEq(inbox.forcedCount(), 2, "count");
        vm.expectRevert(abi.encodeWithSelector(Inbox.ForcedSizeOutOfRange.selector, 0, 32768));
        inbox.forceTransaction{value: 0.1 ether}("");
        vm.expectRevert(abi.encodeWithSelector(Inbox.ForcedSizeOutOfRange.selector, 32769, 32768));
        inbox.forceTransaction{value: 0.1 ether}(new bytes(32769));
    }

    function test_DueIsTakenInOrderAndBounded() public {
        vm.deal(address(this), 1 ether);
        for (uint256 i = 0; i < 20; ++i) {
            portal.deposit{value: 1 gwei}(STRANGER);
            if (i < 3) force(abi.encode(i));
        }
        vm.roll(1001);
        portal.deposit{value: 1 gwei}(STRANGER);
        for (uint256 i = 0; i < 17; ++i) {
            force(abi.encode(i));
        }
        requireDue(999, 0, 0);
        requireDue(1000, 16, 3);
        requireDue(1001, 16, 16);
        vm.roll(1002);
        post(0, origin(999)); // too early for any of them
        requireNext(0, 0);
        post(0, origin(1000));
        requireNext(16, 3);
        requireDue(1000, 20, 3);
        post(0, origin(1000));
        requireNext(20, 3);
        post(0, origin(1001));
        requireNext(21, 19);
        post(0, origin(1001));
        requireNext(21, 20);
        post(0, origin(1001));
        requireNext(21, 20);
    }

    function requireDue(uint64 originNumber, uint64 deposits, uint64 forced) private view {
        (uint64 d, uint64 f) = inbox.due(originNumber);
        assertEq(d, deposits, "deposits due");
        assertEq(f, forced, "forced due");
    }

    function requireNext(uint64 deposits, uint64 forced) private view {
        (uint64 d, uint64 f) = inbox.nextDue();
        assertEq(d, deposits, "deposits taken");
        assertEq(f, forced, "forced taken");
    }
}
