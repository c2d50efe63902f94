// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {WithdrawalMessage} from "../../src/Messages.sol";
import {Vm} from "./Test.sol";

/// The state of tests/vectors/make_withdrawals.py.
library WithdrawalVectors {
    Vm private constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);

    function load() internal view returns (string memory json) {
        return vm.readFile("../tests/vectors/withdrawals.json");
    }

    /// The withdrawal at `key`, and the proof of its slot.
    function at(string memory json, string memory key)
        internal
        pure
        returns (WithdrawalMessage memory m, bytes[] memory proof)
    {
        m.nonce = vm.parseJsonUint(json, string.concat(key, ".nonce"));
        m.sender = address(bytes20(vm.parseJsonBytes(json, string.concat(key, ".sender"))));
        m.target = address(bytes20(vm.parseJsonBytes(json, string.concat(key, ".target"))));
        m.value = vm.parseJsonUint(json, string.concat(key, ".value"));
        m.data = vm.parseJsonBytes(json, string.concat(key, ".data"));
        proof = vm.parseJsonBytesArray(json, string.concat(key, ".storageProof"));
    }

    function number(string memory json, uint256 i)
        internal
        pure
        returns (WithdrawalMessage memory m, bytes[] memory proof)
    {
        return at(json, string.concat(".withdrawals[", vm.toString(i), "]"));
    }
}
