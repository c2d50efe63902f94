// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {StepState} from "../src/Types.sol";
import {Commitment} from "../src/lib/Commitment.sol";
import {Test} from "./support/Test.sol";

contract CommitmentHarness {
    function of_(StepState calldata s) external pure returns (bytes31 a, bytes31 b) {
        return (Commitment.ofMemory(s), Commitment.ofCalldata(s));
    }
}

/// execution/abi.py encodes and commits to states the same way.
contract CommitmentTest is Test {
    string private constant VECTORS = "../tests/vectors/step_state.json";
    CommitmentHarness private harness = new CommitmentHarness();

    function test_SharedVectors() public view {
        string memory json = vm.readFile(VECTORS);
        uint256 n = 0;
        for (; vm.keyExistsJson(json, string.concat("$[", vm.toString(n), "]")); ++n) {
            string memory entry = string.concat("$[", vm.toString(n), "]");
            string memory name = vm.parseJsonString(json, string.concat(entry, ".name"));
            bytes memory encoded = vm.parseJsonBytes(json, string.concat(entry, ".state"));
            bytes memory expected = vm.parseJsonBytes(json, string.concat(entry, ".commitment"));
            StepState memory s = abi.decode(encoded, (StepState));
            assertEq(abi.encode(s), encoded, name);
            (bytes31 a, bytes31 b) = harness.of_(s);
            assertEq(abi.encodePacked(a), expected, name);
            assertEq(abi.encodePacked(b), expected, name);
        }
        assertTrue(n > 0, "vectors found");
    }

    function testFuzz_Elements(bytes32 element) public pure {
        bytes31 c = Commitment.fromElement(element);
        if (element[0] == 0) assertEq(bytes32(c) >> 8, element, "its low 31 bytes");
        else assertEq(c, 0, "none");
    }
}
