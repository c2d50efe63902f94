// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ChunkOpening} from "../../src/IRollup.sol";
import {Kzg} from "../../src/lib/Kzg.sol";
import {Vm} from "./Test.sol";

/// The blobs of tests/vectors/make_cells.py and their cell proofs by c-kzg.
library CellVectors {
    Vm private constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);

    function load() internal view returns (string memory json) {
        return vm.readFile("../tests/vectors/cells.json");
    }

    function hashOf(string memory json, string memory blob) internal pure returns (bytes32) {
        return vm.parseJsonBytes32(json, string.concat("$.", blob, ".versionedHash"));
    }

    /// Of the random blob. Each of its cells has elements at or above 2^254: as chunks they are empty.
    function elements(string memory json, uint256 cell) internal pure returns (bytes memory data) {
        uint256 seed = vm.parseJsonUint(json, "$.seed");
        for (uint256 i = 64 * cell; i < 64 * (cell + 1); ++i) {
            data = bytes.concat(data, bytes32(uint256(keccak256(abi.encode(seed, i))) % Kzg.MODULUS));
        }
    }

    function opening(string memory json, uint256 cell) internal pure returns (ChunkOpening memory o) {
        o.data = elements(json, cell);
        o.commitment = vm.parseJsonBytes(json, "$.random.commitment");
        o.proofs = new bytes[](1);
        o.proofs[0] = vm.parseJsonBytesArray(json, "$.random.proofs")[cell];
    }
}
