// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {SSTORE2} from "solady/utils/SSTORE2.sol";
import {Stage} from "../src/Stage.sol";
import {Test, Vm} from "./support/Test.sol";

contract StageTest is Test {
    Stage private stage = Stage(deploy("Stage", ""));

    function testFuzz_ReadsBack(bytes memory data) public {
        vm.assume(data.length != 0);
        requireStaged(data);
    }

    function test_Sizes() public {
        requireStaged(hex"00");
        requireStaged(hex"ef"); // EIP-3541 forbids code that begins so; it begins with 0x00
        bytes memory largest = new bytes(24575);
        largest[0] = largest[24574] = 0x11;
        requireStaged(largest);
        assertEq(stage.stage(largest).code.length, 24576, "the largest contract");
        vm.expectRevert(abi.encodeWithSelector(Stage.TooMuchData.selector, 24576, 24575));
        stage.stage(new bytes(24576));
        vm.expectRevert(Stage.NoData.selector);
        stage.stage("");
        vm.expectRevert(Stage.NoData.selector);
        stage.pointerOf("");
    }

    /// Where it lies follows from the data, for Solidity and for any other (EIP-1014).
    function test_PredictedAddress() public {
        bytes memory data = "some data";
        bytes memory code = abi.encodePacked(hex"61", uint16(data.length + 1), hex"80600a3d393df300", data);
        bytes32 hash = keccak256(abi.encodePacked(bytes1(0xff), address(stage), bytes32(0), keccak256(code)));
        assertEq(stage.pointerOf(data), address(uint160(uint256(hash))), "predicted");
        assertEq(stage.stage(data), address(uint160(uint256(hash))), "there");
    }

    function test_TwiceIsOnce() public {
        vm.recordLogs();
        address pointer = stage.stage("data");
        vm.prank(address(0x57));
        assertEq(stage.stage("data"), pointer, "the same");
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs.length, 1, "one event");
        assertEq(logs[0].topics[0], Stage.Staged.selector, "Staged");
        assertEq(address(uint160(uint256(logs[0].topics[1]))), pointer, "pointer");
        assertEq(abi.decode(logs[0].data, (uint256)), 4, "size");
        assertTrue(stage.stage("date") != pointer, "other data is elsewhere");
        assertTrue(Stage(deploy("Stage", "")).stage("data") != pointer, "so it is in another stage");
    }

    function requireStaged(bytes memory data) private {
        address predicted = stage.pointerOf(data);
        assertEq(predicted.code.length, 0, "not yet");
        address pointer = stage.stage(data);
        assertEq(pointer, predicted, "predicted");
        assertEq(pointer.code, bytes.concat(hex"00", data), "SSTORE2's layout");
        assertEq(SSTORE2.read(pointer), data, "read back");
    }
}
