// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ChunkCodec} from "../src/lib/ChunkCodec.sol";
import {Packing} from "../src/lib/Packing.sol";
import {Chunks} from "./support/Chunks.sol";
import {Decoding} from "./support/Decoding.sol";
import {CodecVector, CodecVectors} from "./support/CodecVectors.sol";

contract CodecHarness {
    function decode(bytes memory chunk, uint256 index, uint64 chainId, address[] memory pages)
        external
        view
        returns (uint256, uint8, bytes memory)
    {
        return Decoding.decode(chunk, index, chainId, pages);
    }

    function all(bytes[] memory chunks, uint64 chainId, address[] memory pages)
        external
        view
        returns (uint8[][] memory, bytes[][] memory)
    {
        return Decoding.all(chunks, chainId, pages);
    }

    /// The same on memory full of ones.
    function decodeOnDirt(bytes memory chunk, uint256 index, uint64 chainId, address[] memory pages)
        external
        view
        returns (uint8 kind, bytes memory payload)
    {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, not(0))
            for { let size := 0x20 } lt(size, 200000) { size := shl(1, size) } { mcopy(add(free, size), free, size) }
        }
        (, kind, payload) = Decoding.decode(chunk, index, chainId, pages);
    }

    function delta(bytes memory payload) external pure returns (uint256) {
        return ChunkCodec.delta(payload);
    }

    function unpack(bytes memory elements) external pure returns (bool, bytes memory) {
        return Packing.unpack(elements);
    }
}

contract ChunkCodecTest is CodecVectors {
    CodecHarness private codec = new CodecHarness();
    address[] private none;

    /// derivation/codec says the same of every chunk in the shared vectors.
    function test_SharedVectors() public view {
        CodecVector[] memory all = vectors();
        for (uint256 i = 0; i < all.length; ++i) {
            requireItems(all[i], all[i].pages ? pages : none);
        }
        assertTrue(all.length >= 130, "vectors found");
    }

    function requireItems(CodecVector memory v, address[] memory named) private view {
        for (uint256 i = 0; i <= v.items.length; ++i) {
            (uint256 count, uint8 kind, bytes memory payload) = codec.decode(v.chunk, i, chainId, named);
            assertEq(count, v.items.length, v.name);
            assertEq(kind, i < count ? v.items[i].kind : 0, v.name);
            assertEq(payload, i < count ? v.items[i].payload : bytes(""), v.name);
        }
    }

    /// What lay in memory before says nothing.
    function test_MemoryBefore() public view {
        CodecVector[] memory all = vectors();
        for (uint256 i = 0; i < all.length; ++i) {
            uint256 last = all[i].items.length;
            if (last == 0) continue;
            (uint8 kind, bytes memory payload) =
                codec.decodeOnDirt(all[i].chunk, last - 1, chainId, all[i].pages ? pages : none);
            assertEq(kind, all[i].items[last - 1].kind, all[i].name);
            assertEq(payload, all[i].items[last - 1].payload, all[i].name);
        }
    }

    /// Nor does a chunk that was loaded before.
    function test_OneChunkAfterTheOther() public view {
        CodecVector[] memory every = vectors();
        for (uint256 with = 0; with < 2; ++with) {
            CodecVector[] memory some = new CodecVector[](every.length);
            uint256 n = 0;
            for (uint256 i = every.length; i > 0; --i) {
                if (every[i - 1].pages == (with == 1)) some[n++] = every[i - 1];
            }
            bytes[] memory chunks = new bytes[](n);
            for (uint256 i = 0; i < n; ++i) {
                chunks[i] = some[i].chunk;
            }
            (uint8[][] memory kinds, bytes[][] memory payloads) = codec.all(chunks, chainId, with == 1 ? pages : none);
            for (uint256 i = 0; i < n; ++i) {
                assertEq(kinds[i].length, some[i].items.length, some[i].name);
                for (uint256 k = 0; k < kinds[i].length; ++k) {
                    assertEq(kinds[i][k], some[i].items[k].kind, some[i].name);
                    assertEq(payloads[i][k], some[i].items[k].payload, some[i].name);
                }
            }
            assertTrue(n >= 10, "vectors found");
        }
    }

    /// Whatever the bytes: no revert, no more than 63 items, payloads within bounds.
    function testFuzz_Total(bytes memory noise, uint256 index) public view {
        bytes memory chunk = Chunks.padded(noise.length > 2032 ? bytes("") : noise);
        chunk[0] = 0x02;
        (uint256 count, uint8 kind, bytes memory payload) = codec.decode(chunk, index % 70, chainId, pages);
        assertEq(count, uint8(chunk[1]) > 63 ? 0 : uint8(chunk[1]), "count");
        assertTrue(kind <= 4 && payload.length < 16384 + 400, "bounded");
        assertTrue((kind == 0) == (payload.length == 0) && (kind == 0 || index % 70 < count), "an item or none");
    }

    function test_NoItemThere() public view {
        bytes memory chunk = Chunks.item(2, "payload");
        uint256[3] memory beyond = [uint256(1), 63, type(uint256).max];
        for (uint256 i = 0; i < 3; ++i) {
            (uint256 count, uint8 kind, bytes memory payload) = codec.decode(chunk, beyond[i], chainId, none);
            assertTrue(count == 1 && kind == 0 && payload.length == 0, "none");
        }
    }

    function test_Delta() public {
        assertEq(codec.delta(hex"00ffffffffffffff"), (1 << 56) - 1, "eight bytes");
        vm.expectRevert();
        codec.delta(hex"ffffffffffffff");
    }

    // ---- packing

    /// Bits end to end, the highest first; an element with one of its two upper bits set makes the chunk empty.
    function testFuzz_Packing(bytes32 seed, uint256 position, uint8 bits) public view {
        bytes memory chunk;
        while (chunk.length < 2016) {
            seed = keccak256(abi.encode(seed));
            chunk = bytes.concat(chunk, seed);
        }
        chunk = bytes.concat(chunk, bytes16(seed));
        bytes memory elements;
        for (uint256 i = 0; i < 64; ++i) {
            elements = bytes.concat(elements, bytes32(Chunks.element(chunk, i)));
        }
        (bool ok, bytes memory unpacked) = codec.unpack(elements);
        assertTrue(ok, "below 2^254");
        assertEq(unpacked, chunk, "chunk");

        bits = 1 + bits % 3;
        elements[32 * (position % 64)] |= bytes1(bits << 6);
        (ok,) = codec.unpack(elements);
        assertTrue(!ok, "2^254 or more");
    }

    function test_LargestElements() public view {
        bytes memory elements;
        for (uint256 i = 0; i < 64; ++i) {
            elements = bytes.concat(elements, bytes32(type(uint256).max >> 2));
        }
        (bool ok, bytes memory chunk) = codec.unpack(elements);
        assertTrue(ok && chunk.length == 2032, "taken");
        for (uint256 i = 0; i < 2032; ++i) {
            assertEq(uint8(chunk[i]), 255, "all ones");
        }
    }
}
