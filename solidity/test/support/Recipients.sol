// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IPortal} from "../../src/IPortal.sol";

/// Does what it is told when it is paid or called, and remembers what came of it.
contract Recipient {
    enum Mood {
        Kind,
        Refusing,
        Burning,
        Bombing
    }

    Mood public mood;
    address public caller;
    address public l2Sender;
    uint256 public value;
    bytes public data;
    address private callee;
    uint256 private calleeValue;
    bytes private call;
    bool public called;
    bytes public answer;

    function set(Mood mood_) external {
        mood = mood_;
    }

    /// What to call when it is paid.
    function reenter(address callee_, uint256 calleeValue_, bytes calldata call_) external {
        (callee, calleeValue, call) = (callee_, calleeValue_, call_);
    }

    fallback() external payable {
        react();
    }

    receive() external payable {
        react();
    }

    function react() private {
        if (mood == Mood.Refusing) revert("no, thank you");
        while (mood == Mood.Burning) {}
        if (mood == Mood.Bombing) {
            assembly {
                revert(0, 1000000)
            }
        }
        (caller, value, data) = (msg.sender, msg.value, msg.data);
        l2Sender = IPortal(msg.sender).l2Sender();
        if (callee != address(0)) (called, answer) = callee.call{value: calleeValue}(call);
    }
}

/// Sends its ETH to `to` without asking.
contract Forcing {
    constructor(address payable to) payable {
        selfdestruct(to);
    }
}
