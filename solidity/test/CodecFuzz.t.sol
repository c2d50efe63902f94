// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {SSTORE2} from "solady/utils/SSTORE2.sol";
import {ChunkCodec, ChunkItems} from "../src/lib/ChunkCodec.sol";
import {Packing} from "../src/lib/Packing.sol";
import {Decoding} from "./support/Decoding.sol";
import {Test} from "./support/Test.sol";

contract DigestHarness {
    /// One hash over all items of a chunk of 64 field elements, as tests/fuzz/codec_cases.py makes it.
    /// @return digest_ of their number, kinds and payloads
    /// @return gas which decoding the last item alone took: it takes the most
    function digest(bytes memory elements, uint64 chainId, address[] memory pages, uint256 random)
        external
        view
        returns (bytes32 digest_, uint256 gas)
    {
        (bool ok, bytes memory chunk) = Packing.unpack(elements);
        uint256 count = ok ? ChunkCodec.countOf(chunk) : 0;
        digest_ = keccak256(abi.encodePacked(uint8(count)));
        if (count == 0) return (digest_, 0);
        uint256 free;
        bytes32[] memory items = new bytes32[](count);
        assembly ("memory-safe") {
            free := mload(0x40)
        }
        ChunkItems memory all = ChunkCodec.room(pages);
        ChunkCodec.load(all, chunk);
        for (uint256 i = 0; i < count; ++i) {
            (uint8 kind, bytes memory payload) = ChunkCodec.next(all, chainId);
            items[i] = keccak256(abi.encodePacked(kind, payload));
            digest_ = keccak256(abi.encodePacked(digest_, items[i]));
        }
        assembly ("memory-safe") {
            mstore(0x40, free) // on memory that isn't clean, and at what it costs alone
        }
        requireItem(chunk, random % count, chainId, pages, items);
        assembly ("memory-safe") {
            mstore(0x40, free)
        }
        gas = gasleft();
        requireItem(chunk, count - 1, chainId, pages, items);
        gas -= gasleft();
    }

    /// What the StepVerifier calls finds the same.
    function requireItem(
        bytes memory chunk,
        uint256 index,
        uint64 chainId,
        address[] memory pages,
        bytes32[] memory items
    ) private view {
        (uint256 count, uint8 kind, bytes memory payload) = Decoding.decode(chunk, index, chainId, pages);
        require(count == items.length, "count");
        require(keccak256(abi.encodePacked(kind, payload)) == items[index], "an item alone is another than among all");
    }
}

/// Chunks that Python made, and a digest of what its decoder finds in each: tests/fuzz/differential.py.
contract CodecFuzzTest is Test {
    event log_named_uint(string what, uint256 number);

    uint256 private constant CASE_BYTES = 1 + 2048 + 32;
    uint256 private constant MOST_GAS = 3_200_000; // the dearest known takes 3,080,000
    DigestHarness private harness = new DigestHarness();
    address[][] private dictionaries;

    /// chainId(8) ‖ number of dictionaries(1) ‖ each: number of pages(1) ‖ each: size(2) ‖ page, then the cases:
    /// dictionary(1) ‖ elements(2048) ‖ digest(32).
    function test_PythonFindsTheSame() public {
        string memory path = vm.envOr("CODEC_CASES", string(""));
        if (bytes(path).length == 0) return vm.skip(true);
        bytes memory file = vm.readFileBinary(path);
        uint64 chainId = uint64(number(file, 0, 8));
        uint256 pos = readDictionaries(file);
        assertTrue(file.length > pos && (file.length - pos) % CASE_BYTES == 0, "whole cases");
        uint256 cases = (file.length - pos) / CASE_BYTES;
        (uint256 mostGas, uint256 worst) = (0, 0);
        for (uint256 i = 0; i < cases; ++i) {
            uint256 gas = requireSame(file, pos + i * CASE_BYTES, chainId, i);
            if (gas > mostGas) (mostGas, worst) = (gas, i);
        }
        emit log_named_uint("cases", cases);
        emit log_named_uint("most gas", mostGas);
        emit log_named_uint("of case", worst);
        assertTrue(mostGas < MOST_GAS, "bounded gas");
    }

    function requireSame(bytes memory file, uint256 pos, uint64 chainId, uint256 i) private view returns (uint256 gas) {
        uint256 free;
        assembly {
            free := mload(0x40)
        }
        bytes32 expected = bytes32(number(file, pos + 2049, 32));
        bytes32 found;
        (found, gas) = harness.digest(slice(file, pos + 1, 2048), chainId, dictionaries[uint8(file[pos])], i);
        if (found != expected) assertEq(found, expected, string.concat("case ", vm.toString(i)));
        assembly {
            mstore(0x40, free)
        }
    }

    function readDictionaries(bytes memory file) private returns (uint256 pos) {
        uint256 count = uint8(file[8]);
        pos = 9;
        for (uint256 d = 0; d < count; ++d) {
            uint256 pages = uint8(file[pos++]);
            dictionaries.push();
            for (uint256 p = 0; p < pages; ++p) {
                uint256 size = number(file, pos, 2);
                dictionaries[d].push(SSTORE2.writeCounterfactual(slice(file, pos + 2, size), bytes32(d * 16 + p)));
                pos += 2 + size;
            }
        }
    }

    function number(bytes memory data, uint256 pos, uint256 size) private pure returns (uint256 value) {
        assembly {
            value := shr(sub(256, mul(8, size)), mload(add(add(data, 0x20), pos)))
        }
    }

    function slice(bytes memory data, uint256 pos, uint256 size) private pure returns (bytes memory part) {
        part = new bytes(size);
        assembly {
            mcopy(add(part, 0x20), add(add(data, 0x20), pos), size)
        }
    }
}
