// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Assertions, RollupConfig} from "./Assertions.sol";
import {Disputes} from "./Disputes.sol";
import {Settlement} from "./Settlement.sol";

/// The L1 side of an optimistic native rollup: IRollup.sol says what it does, docs/protocol.md sections 5 to 7 and 13 why.
/// No owner, no pause, no upgrade. Deploy Inbox and StepVerifier first.
contract Rollup is Disputes, Settlement {
    constructor(RollupConfig memory config) Assertions(config) {}
}
