// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Packing} from "../src/lib/Packing.sol";
import {Decoding} from "./support/Decoding.sol";
import {CodecVector, CodecVectors} from "./support/CodecVectors.sol";

contract GasHarness {
    /// Gas of decoding item `index` in a call of its own, all pages cold.
    function decode(bytes memory chunk, uint256 index, uint64 chainId, address[] memory pages)
        external
        view
        returns (uint256 gas)
    {
        gas = gasleft();
        Decoding.decode(chunk, index, chainId, pages);
        gas -= gasleft();
    }

    function unpack(bytes memory elements) external view returns (uint256 gas) {
        gas = gasleft();
        Packing.unpack(elements);
        gas -= gasleft();
    }
}

/// What decoding costs on L1: `npm run gas` writes snapshots/codec.json. It is part of a step proof for an item of a chunk.
contract CodecGasTest is CodecVectors {
    event log_named_uint(string what, uint256 gas);

    GasHarness private harness = new GasHarness();

    function gasOf(bytes memory chunk, uint256 index, string memory what) private returns (uint256 gas) {
        for (uint256 i = 0; i < pages.length; ++i) {
            vm.cool(pages[i]);
        }
        gas = harness.decode(chunk, index, chainId, pages);
        report(string.concat("decode, ", what), gas);
    }

    function report(string memory what, uint256 gas) private {
        emit log_named_uint(what, gas);
        vm.snapshotValue("codec", what, gas);
    }

    /// Items of chunks that the writer filled with signed transactions.
    function test_Written() public {
        CodecVector[] memory all = vectors();
        string[3] memory names = ["transfers", "token transfers", "calls"];
        for (uint256 k = 0; k < 3; ++k) {
            bytes32 wanted = keccak256(bytes(string.concat(names[k], ", with pages, chunk 0")));
            uint256 i = 0;
            while (keccak256(bytes(all[i].name)) != wanted) ++i;
            uint256 last = all[i].items.length - 1;
            uint256[3] memory indices = [uint256(0), last / 2, last];
            for (uint256 n = 0; n < 3; ++n) {
                string memory what =
                    string.concat(names[k], ", item ", vm.toString(indices[n]), " of ", vm.toString(last + 1));
                assertTrue(gasOf(all[i].chunk, indices[n], what) < 150_000, what);
            }
        }
    }

    /// What no writer makes: the dearest that is known, by construction and by search (tests/fuzz/differential.py).
    function test_Dear() public {
        string memory dear = vm.readFile("../tests/vectors/codec_gas.json");
        uint256 n = 0;
        for (; vm.keyExistsJson(dear, string.concat("$[", vm.toString(n), "]")); ++n) {
            string memory entry = string.concat("$[", vm.toString(n), "]");
            string memory name = vm.parseJsonString(dear, string.concat(entry, ".name"));
            bytes memory chunk = vm.parseJsonBytes(dear, string.concat(entry, ".chunk"));
            assertTrue(gasOf(chunk, uint8(chunk[1]) - 1, name) < 3_200_000, name);
        }
        assertTrue(n >= 9, "chunks found");
    }

    function test_Unpacking() public {
        report("unpack 64 elements", harness.unpack(new bytes(2048)));
    }
}
