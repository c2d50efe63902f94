// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {SSTORE2} from "solady/utils/SSTORE2.sol";
import {Test} from "./Test.sol";

struct CodecItem {
    uint256 kind;
    bytes payload;
}

struct CodecVector {
    string name;
    bool pages; // whether the chunk's batch names the pages
    bytes chunk;
    CodecItem[] items;
}

/// tests/vectors/codec.json.
abstract contract CodecVectors is Test {
    string private json;
    uint64 internal chainId;
    address[] internal pages;

    function setUp() public {
        json = vm.readFile("../tests/vectors/codec.json");
        chainId = uint64(vm.parseJsonUint(json, ".chain_id"));
        bytes[] memory contents = vm.parseJsonBytesArray(json, ".pages");
        for (uint256 i = 0; i < contents.length; ++i) {
            pages.push(SSTORE2.write(contents[i]));
        }
    }

    function vectors() internal view returns (CodecVector[] memory) {
        string memory description = string.concat(
            "CodecVector(string name,bool pages,bytes chunk,CodecItem[] items)", "CodecItem(uint256 kind,bytes payload)"
        );
        return abi.decode(vm.parseJsonTypeArray(json, ".chunks", description), (CodecVector[]));
    }
}
