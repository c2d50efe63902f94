// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {BurnedFees} from "../../src/BurnedFees.sol";
import {IRollup} from "../../src/IRollup.sol";

/// An escrow of ether, whose gas token has `unit` wei of L2 in its smallest unit.
contract BurnedFeesEscrow is BurnedFees {
    uint256 private immutable unit;

    constructor(IRollup rollup_, address to, uint256 unit_) payable BurnedFees(rollup_, to) {
        unit = unit_;
    }

    function _payBurned(address to, uint256 wei_) internal override {
        (bool ok,) = to.call{value: wei_}("");
        require(ok, "not paid");
    }

    function _burnedFeesUnit() internal view override returns (uint256) {
        return unit;
    }
}
