// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {SSTORE2} from "solady/utils/SSTORE2.sol";
import {Dictionary} from "../src/Dictionary.sol";
import {BatchHeader, IDictionary} from "../src/IInbox.sol";
import {Inbox} from "../src/Inbox.sol";
import {Stage} from "../src/Stage.sol";
import {Fixture} from "./support/Fixture.sol";
import {Vm} from "./support/Test.sol";

/// A contract whose code can go away.
contract Fleeting {
    function go() external {
        selfdestruct(payable(msg.sender));
    }
}

contract DictionaryTest is Fixture {
    function postWith(address[] memory pages) private {
        vm.roll(height() + 1);
        bytes memory rlp = origin(height() - 1);
        (bytes32 head,) = inbox.headBatch();
        vm.prank(SEQUENCER);
        inbox.postBatch(head, 0, pages, rlp);
    }

    function refuse(address[] memory pages, bytes memory why) private {
        vm.roll(height() + 1);
        bytes memory rlp = origin(height() - 1);
        (bytes32 head, uint64 count) = inbox.headBatch();
        vm.prank(SEQUENCER);
        vm.expectRevert(why);
        inbox.postBatch(head, 0, pages, rlp);
        vm.prank(SEQUENCER);
        vm.expectRevert(why);
        inbox.postCalldata(head, new bytes(2032), pages, rlp);
        (, uint64 after_) = inbox.headBatch();
        assertEq(after_, count, "nothing posted");
    }

    function only(address page) private pure returns (address[] memory pages) {
        pages = new address[](1);
        pages[0] = page;
    }

    function requireNoPage(address page) private {
        assertTrue(!inbox.isPage(page), "no page");
        refuse(only(page), abi.encodeWithSelector(Inbox.NoSuchPage.selector, page));
    }

    // ---- publishing

    function testFuzz_ReadsBack(bytes memory data, address who) public {
        vm.assume(data.length != 0);
        vm.prank(who);
        address pointer = inbox.publishPage(data);
        assertEq(pointer.code, bytes.concat(hex"00", data), "SSTORE2's layout");
        assertEq(SSTORE2.read(pointer), data, "read back");
        assertTrue(inbox.isPage(pointer), "a page");
    }

    function test_Sizes() public {
        inbox.publishPage(hex"ef"); // EIP-3541 forbids code that begins so; it begins with 0x00
        bytes memory largest = new bytes(24575);
        largest[0] = largest[24574] = 0x11;
        assertEq(inbox.publishPage(largest).code.length, 24576, "the largest contract");
        vm.expectRevert(abi.encodeWithSelector(Dictionary.PageTooLarge.selector, 24576, 24575));
        inbox.publishPage(new bytes(24576));
        vm.expectRevert(Dictionary.NoPageData.selector);
        inbox.publishPage("");
    }

    /// Where it lies follows from the data, for Solidity and for any other (EIP-1014).
    function test_PredictedAddress() public {
        bytes memory data = "some data";
        bytes memory code = abi.encodePacked(hex"61", uint16(data.length + 1), hex"80600a3d393df300", data);
        bytes32 hash = keccak256(abi.encodePacked(bytes1(0xff), address(inbox), bytes32(0), keccak256(code)));
        address pointer = address(uint160(uint256(hash)));
        assertTrue(!inbox.isPage(pointer), "not before");
        assertEq(inbox.publishPage(data), pointer, "there");
    }

    function test_SaidOnce() public {
        vm.recordLogs();
        address pointer = inbox.publishPage("data");
        vm.prank(STRANGER);
        assertEq(inbox.publishPage("data"), pointer, "the same");
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs.length, 1, "one event");
        assertEq(logs[0].topics[0], IDictionary.PagePublished.selector, "PagePublished");
        assertEq(logs[0].topics.length, 2, "topics");
        assertEq(address(uint160(uint256(logs[0].topics[1]))), pointer, "pointer");
        assertEq(abi.decode(logs[0].data, (bytes)), "data", "its bytes");
        assertTrue(inbox.publishPage("date") != pointer, "other data is elsewhere");
    }

    function test_PagesStay() public {
        address pointer = inbox.publishPage(hex"33ff"); // CALLER SELFDESTRUCT
        (bool ok,) = pointer.call{value: 0}("");
        assertTrue(ok, "STOP");
        assertEq(pointer.code, hex"0033ff", "still there");
    }

    // ---- naming

    function test_NamedInTheHeader() public {
        address[] memory pages = new address[](3);
        pages[0] = inbox.publishPage("text");
        pages[1] = inbox.publishPage("addresses");
        pages[2] = pages[1]; // as often as one likes
        vm.roll(height() + 1);
        BatchHeader memory b = expectedBatch(0, new bytes32[](0), height() - 1);
        b.pages = pages;
        bytes memory rlp = origin(height() - 1);
        vm.prank(SEQUENCER);
        assertEq(inbox.postBatch(0, 0, pages, rlp), keccak256(abi.encode(b)), "batch hash");
        b.pages = new address[](0);
        assertTrue(!inbox.batchExists(keccak256(abi.encode(b))), "pages are part of it");
    }

    function test_SixteenAtMost() public {
        address[] memory pages = new address[](16);
        for (uint256 i = 0; i < 16; ++i) {
            pages[i] = inbox.publishPage(abi.encode(i));
        }
        postWith(pages);
        address[] memory more = new address[](17);
        for (uint256 i = 0; i < 17; ++i) {
            more[i] = pages[0];
        }
        refuse(more, abi.encodeWithSelector(Inbox.TooManyPages.selector, 17, 16));
    }

    function test_OneThatIsNoneAmongOthers() public {
        address[] memory pages = new address[](3);
        pages[0] = pages[1] = pages[2] = inbox.publishPage("text");
        postWith(pages);
        for (uint256 i = 0; i < 3; ++i) {
            address[] memory wrong = abi.decode(abi.encode(pages), (address[]));
            wrong[i] = STRANGER;
            refuse(wrong, abi.encodeWithSelector(Inbox.NoSuchPage.selector, STRANGER));
        }
    }

    function test_UnknownAndForgedPagesAreNone() public {
        requireNoPage(address(0));
        requireNoPage(STRANGER);
        requireNoPage(address(inbox));
        requireNoPage(SSTORE2.write("text")); // code that looks like a page
        requireNoPage(Stage(deploy("Stage", "")).stage("text"));
        Inbox other = Inbox(deploy("Inbox", abi.encode(SEQUENCER, EXCLUSIVE_TIMEOUT, MAX_ORIGIN_AGE, address(portal), MIN_FORCE_FEE)));
        requireNoPage(other.publishPage("text"));
        address real = inbox.publishPage("text");
        assertTrue(!other.isPage(real), "nor the other way round");
    }

    function test_ContractsThatCanGoAreNone() public {
        Fleeting fleeting = new Fleeting();
        requireNoPage(address(fleeting));
        fleeting.go();
        requireNoPage(address(fleeting));
        vm.etch(address(fleeting), hex"0011"); // code came back
        requireNoPage(address(fleeting));
    }
}
