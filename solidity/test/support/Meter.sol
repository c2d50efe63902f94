// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {PortalFixture} from "./PortalFixture.sol";

interface VmGas {
    struct Gas {
        uint64 gasLimit;
        uint64 gasTotalUsed;
        uint64 gasMemoryUsed;
        int64 gasRefunded;
        uint64 gasRemaining;
    }

    function lastCallGas() external view returns (Gas memory);
    function cool(address who) external;
    function snapshotValue(string calldata group, string calldata name, uint256 value) external;
}

/// The L1 gas of a call as a transaction of its own, kept in snapshots/transactions.json.
abstract contract Meter is PortalFixture {
    event log_named_uint(string what, uint256 gas);

    VmGas internal constant meter = VmGas(address(vm));

    function setUp() public virtual override {
        super.setUp();
        vm.deal(address(0), 1); // burning to an account that isn't there would cost 25,000 once
    }

    /// @param proofs point evaluations that the call has checked
    function measure(string memory what, address to, address who, uint256 value, bytes memory call, uint256 proofs)
        internal
        returns (bytes memory answer)
    {
        meter.cool(address(rollup));
        meter.cool(address(inbox));
        meter.cool(address(portal));
        if (portal.vault() != address(0)) {
            meter.cool(portal.vault());
            meter.cool(portal.gasToken());
        }
        meter.cool(address(verifier));
        uint256 tokens = 0; // EIP-7623: a zero byte is one, another four
        for (uint256 i = 0; i < call.length; ++i) {
            tokens += call[i] == 0 ? 1 : 4;
        }
        vm.prank(who);
        bool ok;
        (ok, answer) = to.call{value: value}(call);
        assertTrue(ok, what);
        uint256 gas = meter.lastCallGas().gasTotalUsed + 4 * tokens + proofs * 50000;
        uint256 floor = 10 * tokens;
        gas = 21000 + (gas > floor ? gas : floor);
        emit log_named_uint(what, gas);
        meter.snapshotValue("transactions", what, gas);
    }

    function noise(uint256 size) internal pure returns (bytes memory b) {
        b = new bytes(size);
        for (uint256 i = 0; i < size; ++i) {
            b[i] = 0xff;
        }
    }
}
