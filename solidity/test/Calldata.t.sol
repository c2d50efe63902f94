// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {BatchHeader, IInbox} from "../src/IInbox.sol";
import {Inbox} from "../src/Inbox.sol";
import {ChunkRoot} from "../src/lib/ChunkRoot.sol";
import {Fixture} from "./support/Fixture.sol";
import {Vm} from "./support/Test.sol";

contract CalldataTest is Fixture {
    uint256 private constant SIZE = 2032;
    string private constant VECTORS = "../tests/vectors/chunk_root.json";

    function compute(bytes calldata data) external pure returns (bytes32) {
        return ChunkRoot.compute(data);
    }

    /// As tests/vectors/make_chunk_root.py makes them.
    function chunks(uint256 n) private pure returns (bytes memory data) {
        data = new bytes(n * SIZE);
        for (uint256 i = 0; i < data.length; ++i) {
            data[i] = bytes1(uint8((31 * n + 7 * (i / SIZE) + i % SIZE) % 251));
        }
    }

    function chunkHash(bytes memory data, uint256 index) private pure returns (bytes32 hash) {
        assembly {
            hash := keccak256(add(add(data, 0x20), mul(index, SIZE)), SIZE)
        }
    }

    function post(bytes memory data) private returns (bytes32) {
        vm.roll(height() + 1);
        bytes memory rlp = origin(height() - 1);
        (bytes32 head,) = inbox.headBatch();
        vm.prank(SEQUENCER);
        return inbox.postCalldata(head, data, noPages(), rlp);
    }

    // ---- roots

    function test_RootsAndPathsAreThoseOfPython() public view {
        string memory json = vm.readFile(VECTORS);
        uint256 cases = 0;
        for (string memory key = nth("", 0); vm.keyExistsJson(json, key); key = nth("", ++cases)) {
            uint256 n = vm.parseJsonUint(json, string.concat(key, ".count"));
            bytes32 root = vm.parseJsonBytes32(json, string.concat(key, ".root"));
            bytes memory data = chunks(n);
            assertEq(this.compute(data), root, "root");
            uint256 opened = 0;
            for (string memory p = nth(string.concat(key, ".paths"), 0); vm.keyExistsJson(json, p); p = nth(string.concat(key, ".paths"), ++opened)) {
                uint256 index = vm.parseJsonUint(json, string.concat(p, ".index"));
                bytes32[] memory path = vm.parseJsonBytes32Array(json, string.concat(p, ".path"));
                bytes32 hash = chunkHash(data, index);
                assertTrue(MerkleProof.verify(path, root, ChunkRoot.leaf(index, hash)), "opens");
                assertTrue(!MerkleProof.verify(path, root, ChunkRoot.leaf(index + 1, hash)), "there only");
                assertTrue(!MerkleProof.verify(path, root, ChunkRoot.leaf(index, keccak256("x"))), "that only");
            }
            assertTrue(opened != 0, "paths");
        }
        assertTrue(cases >= 12, "cases");
    }

    function nth(string memory list, uint256 i) private pure returns (string memory) {
        return string.concat(list, "[", vm.toString(i), "]");
    }

    function testFuzz_EveryBitCounts(uint256 n, uint256 place, uint8 bit) public view {
        n = bound(n, 1, 61);
        bytes memory data = new bytes(n * SIZE);
        bytes32 root = this.compute(data);
        assertTrue(root != 0, "zero means blobs");
        data[place % data.length] = bytes1(uint8(1 << (bit % 8)));
        assertTrue(this.compute(data) != root, "another root");
    }

    // ---- batches

    function test_PostsAndSaysTheData() public {
        vm.deal(address(this), 1 ether);
        portal.deposit{value: 1 gwei}(STRANGER);
        force("forced");
        address[] memory pages = new address[](2);
        (pages[0], pages[1]) = (inbox.publishPage("text"), inbox.publishPage("addresses"));
        bytes memory data = chunks(5);
        vm.roll(height() + 1);
        bytes memory rlp = origin(height() - 1);
        BatchHeader memory b = expectedBatch(5, new bytes32[](0), height() - 1);
        (b.dataRoot, b.pages) = (this.compute(data), pages);
        assertTrue(b.depositEnd == 1 && b.forcedEnd == 1, "takes what is due");
        vm.recordLogs();
        vm.prank(SEQUENCER);
        bytes32 batchHash = inbox.postCalldata(0, data, pages, rlp);
        assertEq(batchHash, keccak256(abi.encode(b)), "batch hash");
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs.length, 2, "two events");
        assertEq(logs[0].topics[0], IInbox.BatchPosted.selector, "BatchPosted");
        assertEq(logs[0].topics[2], batchHash, "of the batch");
        assertEq(address(uint160(uint256(logs[0].topics[3]))), SEQUENCER, "poster");
        assertEq(logs[0].data, abi.encode(b), "its header");
        assertEq(logs[1].topics[0], IInbox.CalldataPosted.selector, "CalldataPosted");
        assertEq(logs[1].topics[1], batchHash, "of the same batch");
        assertEq(abi.decode(logs[1].data, (bytes)), data, "its data");
        (bytes32 head, uint64 count) = inbox.headBatch();
        assertEq(head, batchHash, "head");
        assertEq(count, 1, "count");
        assertEq(postBatch(3).parentHash, batchHash, "blobs may follow");
    }

    function test_Sizes() public {
        uint256[6] memory wrong = [0, 1, SIZE - 1, SIZE + 1, 61 * SIZE + 1, 62 * SIZE];
        for (uint256 i = 0; i < wrong.length; ++i) {
            vm.roll(height() + 1);
            bytes memory rlp = origin(height() - 1);
            bytes memory data = new bytes(wrong[i]);
            vm.prank(SEQUENCER);
            vm.expectRevert(abi.encodeWithSelector(Inbox.NotWholeChunks.selector, wrong[i], SIZE, 61));
            inbox.postCalldata(0, data, noPages(), rlp);
        }
        post(new bytes(SIZE));
        post(new bytes(61 * SIZE));
    }

    function test_NoBlobsBesideCalldata() public {
        vm.roll(1010);
        bytes memory rlp = origin(1009);
        blobs("x", 1);
        vm.prank(SEQUENCER);
        vm.expectRevert(Inbox.BlobsBesideCalldata.selector);
        inbox.postCalldata(0, new bytes(SIZE), noPages(), rlp);
        blobs("x", 0);
        post(new bytes(SIZE));
    }

    /// The same rules as for blobs, by the same code: who, onto what, from where.
    function test_RefusesWhatPostBatchRefuses() public {
        vm.roll(1010);
        bytes memory rlp = origin(1009);
        bytes memory data = new bytes(SIZE);
        vm.expectRevert(abi.encodeWithSelector(Inbox.NotSequencer.selector, STRANGER, inbox.exclusiveUntil()));
        vm.prank(STRANGER);
        inbox.postCalldata(0, data, noPages(), rlp);
        vm.prank(SEQUENCER);
        vm.expectRevert(abi.encodeWithSelector(Inbox.ParentMismatch.selector, bytes32("other"), bytes32(0)));
        inbox.postCalldata("other", data, noPages(), rlp);
        rlp = header(1010, 1, 0);
        vm.prank(SEQUENCER);
        vm.expectRevert(abi.encodeWithSelector(Inbox.OriginNotPast.selector, 1010, 1010));
        inbox.postCalldata(0, data, noPages(), rlp);
        vm.warp(inbox.exclusiveUntil() + 1);
        rlp = origin(1009);
        vm.prank(STRANGER);
        inbox.postCalldata(0, data, noPages(), rlp);
        (bytes32 head,) = inbox.headBatch();
        vm.prank(SEQUENCER);
        inbox.postCalldata(head, data, noPages(), rlp);
        assertEq(inbox.exclusiveUntil(), time() + EXCLUSIVE_TIMEOUT, "renewed");
    }
}
