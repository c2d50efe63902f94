// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {SSTORE2} from "solady/utils/SSTORE2.sol";
import {ChunkCodec} from "../src/lib/ChunkCodec.sol";
import {Packing} from "../src/lib/Packing.sol";
import {Test} from "./support/Test.sol";

contract CodecHarness {
    function decode(bytes memory chunk, uint256 index, uint64 chainId, address[] memory pages)
        external
        view
        returns (uint256, uint8, bytes memory)
    {
        return ChunkCodec.decode(chunk, index, chainId, pages);
    }

    function unpack(bytes memory elements) external pure returns (bool, bytes memory) {
        return Packing.unpack(elements);
    }
}

contract ChunkCodecTest is Test {
    uint64 private constant CHAIN_ID = 901;
    CodecHarness private codec = new CodecHarness();

    function write(bytes[] memory contents) private returns (address[] memory pages) {
        pages = new address[](contents.length);
        for (uint256 i = 0; i < contents.length; ++i) {
            pages[i] = SSTORE2.write(contents[i]);
        }
    }

    struct Item {
        uint256 kind;
        bytes payload;
    }

    struct Vector {
        string name;
        bool pages; // whether the chunk's batch names the pages
        bytes chunk;
        Item[] items;
    }

    /// derivation/codec says the same of every chunk in the shared vectors.
    function test_SharedVectors() public {
        string memory json = vm.readFile("../tests/vectors/codec.json");
        uint64 chainId = uint64(vm.parseJsonUint(json, ".chain_id"));
        address[] memory pages = write(vm.parseJsonBytesArray(json, ".pages"));
        string memory description =
            "Vector(string name,bool pages,bytes chunk,Item[] items)Item(uint256 kind,bytes payload)";
        Vector[] memory vectors = abi.decode(vm.parseJsonTypeArray(json, ".chunks", description), (Vector[]));
        for (uint256 i = 0; i < vectors.length; ++i) {
            requireItems(vectors[i], chainId, vectors[i].pages ? pages : new address[](0));
        }
        assertTrue(vectors.length >= 130, "vectors found");
    }

    function requireItems(Vector memory v, uint64 chainId, address[] memory pages) private view {
        for (uint256 i = 0; i <= v.items.length; ++i) {
            (uint256 count, uint8 kind, bytes memory payload) = codec.decode(v.chunk, i, chainId, pages);
            assertEq(count, v.items.length, v.name);
            assertEq(kind, i < count ? v.items[i].kind : 0, v.name);
            assertEq(payload, i < count ? v.items[i].payload : bytes(""), v.name);
        }
    }
}
