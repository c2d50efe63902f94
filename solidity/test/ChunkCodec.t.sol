// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ChunkCodec} from "../src/lib/ChunkCodec.sol";
import {Test} from "./support/Test.sol";

contract CodecHarness {
    function decode(bytes calldata elements, uint256 index) external pure returns (uint256, uint8, bytes memory) {
        bytes memory data = ChunkCodec.allocate();
        for (uint256 i = 0; i < 64; ++i) {
            bytes32 e = bytes32(elements[32 * i:32 * i + 32]);
            if (e >> 248 != 0) return (0, 0, "");
            ChunkCodec.put(data, i, e);
        }
        return ChunkCodec.decode(data, index);
    }

    function decodeBytes(bytes memory data, uint256 index) external pure returns (uint256, uint8, bytes memory) {
        return ChunkCodec.decode(data, index);
    }
}

contract ChunkCodecTest is Test {
    CodecHarness private codec = new CodecHarness();

    /// derivation/chunks.py says the same of every chunk in the shared vectors.
    function test_SharedVectors() public view {
        string memory json = vm.readFile("../tests/vectors/chunks.json");
        uint256 n = 0;
        for (; vm.keyExistsJson(json, string.concat("$[", vm.toString(n), "]")); ++n) {
            string memory entry = string.concat("$[", vm.toString(n), "]");
            string memory name = vm.parseJsonString(json, string.concat(entry, ".name"));
            bytes memory elements = vm.parseJsonBytes(json, string.concat(entry, ".chunk"));
            uint256 items = 0;
            for (; vm.keyExistsJson(json, string.concat(entry, ".items[", vm.toString(items), "]")); ++items) {
                string memory item = string.concat(entry, ".items[", vm.toString(items), "]");
                (, uint8 kind, bytes memory payload) = codec.decode(elements, items);
                assertEq(kind, vm.parseJsonUint(json, string.concat(item, ".kind")), name);
                assertEq(payload, vm.parseJsonBytes(json, string.concat(item, ".payload")), name);
            }
            (uint256 count, uint8 none, bytes memory empty) = codec.decode(elements, items);
            assertEq(count, items, name);
            assertEq(none, 0, name);
            assertEq(empty.length, 0, name);
        }
        assertTrue(n >= 50, "vectors found");
    }

    /// Whatever the bytes: no revert, entry most 32 items, and items that lie in the chunk.
    function testFuzz_Total(bytes memory noise, uint256 index, uint256 itemsHint) public view {
        bytes memory data = new bytes(1984);
        for (uint256 i = 0; i < noise.length && i < data.length; ++i) {
            data[i] = noise[i];
        }
        data[0] = bytes1(uint8(itemsHint % 3));
        (uint256 count, uint8 kind, bytes memory payload) = codec.decodeBytes(data, index);
        assertTrue(count <= 32 && kind <= 4 && payload.length <= 1980, "bounded");
        assertTrue((index < count) == (kind != 0), "an item or none");
    }

    /// Well-formed chunks come back item by item, and a flip of any header byte is survived.
    function testFuzz_RoundTrip(uint256 seed, uint256 flip) public view {
        bytes memory data = new bytes(1984);
        data[0] = 0x01;
        uint256 pos = 1;
        uint256 n = seed % 33;
        uint256[] memory starts = new uint256[](n);
        for (uint256 i = 0; i < n; ++i) {
            uint256 r = uint256(keccak256(abi.encode(seed, i)));
            uint256 kind = 1 + r % 4;
            uint256 length = kind == 1 ? 2 : 1 + (r >> 8) % 58;
            starts[i] = pos;
            data[pos] = bytes1(uint8(kind));
            data[pos + 2] = bytes1(uint8(length));
            for (uint256 k = 0; k < length; ++k) {
                data[pos + 3 + k] = bytes1(uint8(1 + (r >> (16 + k % 32)) % 255));
            }
            pos += 3 + length;
        }
        for (uint256 i = 0; i < n; ++i) {
            (uint256 count, uint8 kind, bytes memory payload) = codec.decodeBytes(data, i);
            assertEq(count, n, "count");
            assertEq(kind, uint8(data[starts[i]]), "kind");
            assertEq(payload.length, uint8(data[starts[i] + 2]), "length");
            assertEq(uint8(payload[0]), uint8(data[starts[i] + 3]), "first byte");
        }
        if (n == 0) return;
        data[starts[flip % n] + flip % 3] ^= bytes1(uint8(1 + flip % 255));
        (uint256 after_,,) = codec.decodeBytes(data, 0);
        assertTrue(after_ <= 32, "bounded");
    }
}
