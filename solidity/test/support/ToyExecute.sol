// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IExecute} from "../../src/IExecute.sol";
import {Input, InputKind, StepState, Trace} from "../../src/Types.sol";

/// The toy rollup of these tests: a step hashes its input's kind into the state root and moves the cursor; a
/// Transaction in an open block takes 21000 gas. It stands in for EXECUTE where rules and money are tested; the
/// real one is tested from Python. It is as strict about the encoding of traces as the real one.
library Toy {
    function step(StepState memory pre, InputKind kind, Input memory input) internal pure returns (StepState memory s) {
        s = abi.decode(abi.encode(pre), (StepState));
        s.stateRoot = keccak256(abi.encode(pre.stateRoot, kind));
        if (kind == InputKind.Transaction && pre.open.number != 0) s.open.gasUsed += 21000;
        if (kind == InputKind.Fragment) {
            s.fragmentsHash = keccak256(bytes.concat(pre.fragmentsHash, input.payload));
            s.fragmentsSize = pre.fragmentsSize + uint64(input.payload.length);
        } else {
            s.fragmentsHash = 0;
            s.fragmentsSize = 0;
        }
        s.cursor = input.next;
    }
}

contract ToyExecute is IExecute {
    error NotCanonical();
    error TooLittleValue();

    uint256 public price;
    uint64 public mode; // 0: judge, 1: always false, 2: always fail, 3: answer nothing, 4: answer 2, 5: call back
    bytes32 public lastTrace;
    uint256 public paid;
    address public callee;
    bytes public callback;
    bool public callbackSucceeded;

    function set(uint256 price_, uint64 mode_) external {
        (price, mode) = (price_, mode_);
    }

    function setCallback(address callee_, bytes calldata data) external {
        (mode, callee, callback) = (5, callee_, data);
    }

    function execute(bytes32 preRoot, bytes32 postRoot, uint64 gasUsed, bytes calldata trace)
        external
        payable
        returns (bool)
    {
        require(mode != 2);
        if (msg.value < gasUsed * price) revert TooLittleValue();
        paid += msg.value;
        lastTrace = keccak256(trace);
        if (mode == 1) return false;
        if (mode == 3) assembly { return(0, 0) }
        if (mode == 4) {
            assembly {
                mstore(0, 2)
                return(0, 32)
            }
        }
        if (mode == 5) (callbackSucceeded,) = callee.call(callback);
        Trace memory t = abi.decode(trace, (Trace));
        if (keccak256(abi.encode(t)) != keccak256(trace)) revert NotCanonical();
        StepState memory post = Toy.step(t.pre, t.inputs[0].kind, t.inputs[0]);
        return t.inputs.length == 1 && t.pre.stateRoot == preRoot && t.post.stateRoot == postRoot
            && keccak256(abi.encode(post)) == keccak256(abi.encode(t.post))
            && gasUsed == post.open.gasUsed - t.pre.open.gasUsed;
    }

    function gasPrice() external view returns (uint256) {
        return price;
    }

    function gasLeft() external pure returns (uint64) {
        return type(uint64).max;
    }
}
