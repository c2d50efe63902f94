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

    /// Where inputs lead and what gas they take. That a block is open shows in no state of the toy but its first.
    function run(StepState memory pre, Input[] memory inputs) internal pure returns (StepState memory s, uint64 spent) {
        s = pre;
        bool open = pre.open.number != 0;
        for (uint256 i = 0; i < inputs.length; ++i) {
            if (inputs[i].kind == InputKind.BlockStart) open = true;
            if (inputs[i].kind == InputKind.Transaction && open) spent += 21000;
            s = step(s, inputs[i].kind, inputs[i]);
        }
    }
}

/// The whole ABI of EXECUTE, with its fee, limit, refusals and staging. Congestion is what a test says. What the real one
/// does for whole transactions can't be had here: a frame that reverts takes back what it bought, and the transaction's
/// value stands for nothing.
contract ToyExecute is IExecute {
    address private constant ADDRESS = 0x0000000000000000000000000000000000000101;

    uint256 public price;
    uint64 public mode; // 0: judge, 1: always false, 2: always fail, 3: answer nothing, 4: answer 2, 5: call back
    uint64 public limit; // L2 gas of a block
    uint64 public used;
    uint64 public congestion;
    bytes32 public lastTrace;
    address public callee;
    bytes public callback;
    bool public callbackSucceeded;

    function set(uint256 price_, uint64 mode_) external {
        (price, mode) = (price_, mode_);
        (limit, used) = (type(uint64).max, 0);
    }

    /// A new block, with `limit_` L2 gas.
    function setLimit(uint64 limit_) external {
        (limit, used) = (limit_, 0);
    }

    function setCongestion(uint64 seconds_) external {
        congestion = seconds_;
    }

    function setCallback(address callee_, bytes calldata data) external {
        (mode, callee, callback) = (5, callee_, data);
    }

    function execute(bytes32 preRoot, bytes32 postRoot, uint64 gasUsed, bytes calldata trace)
        external
        payable
        returns (bool)
    {
        requireCanonical(abi.encodeCall(IExecute.execute, (preRoot, postRoot, gasUsed, trace)));
        return judge(preRoot, postRoot, gasUsed, trace);
    }

    function executeStaged(
        bytes32 preRoot,
        bytes32 postRoot,
        uint64 gasUsed,
        bytes calldata trace,
        address[] calldata pointers
    ) external payable returns (bool) {
        requireCanonical(abi.encodeCall(IExecute.executeStaged, (preRoot, postRoot, gasUsed, trace, pointers)));
        return judge(preRoot, postRoot, gasUsed, join(trace, pointers));
    }

    /// `trace`, the pointers' code without its first byte, zeros.
    function join(bytes memory trace, address[] memory pointers) private view returns (bytes memory) {
        for (uint256 i = 0; i < pointers.length; ++i) {
            trace = bytes.concat(trace, withoutFirst(pointers[i].code));
        }
        return bytes.concat(trace, new bytes((32 - trace.length % 32) % 32));
    }

    function withoutFirst(bytes memory code) private pure returns (bytes memory) {
        require(code.length != 0, "EXECUTE: a pointer without code");
        assembly ("memory-safe") {
            mcopy(add(code, 0x20), add(code, 0x21), sub(mload(code), 1))
            mstore(code, sub(mload(code), 1))
        }
        return code;
    }

    function requireCanonical(bytes memory call) private view {
        require(address(this) == ADDRESS, "EXECUTE: only by CALL");
        require(keccak256(call) == keccak256(msg.data), "EXECUTE: not canonical");
    }

    function judge(bytes32 preRoot, bytes32 postRoot, uint64 gasUsed, bytes memory trace) private returns (bool) {
        require(mode != 2);
        uint256 cost = gasUsed * price;
        require(msg.value >= cost, "EXECUTE: too little value");
        require(gasUsed <= gasLeft(), "EXECUTE: the block is full");
        used += gasUsed;
        if (msg.value > cost) giveBack(msg.value - cost);
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
        if (keccak256(abi.encode(t)) != keccak256(trace)) return false;
        (StepState memory post, uint64 spent) = run(t.pre, t.inputs);
        return t.pre.stateRoot == preRoot && t.post.stateRoot == postRoot
            && keccak256(abi.encode(post)) == keccak256(abi.encode(t.post)) && gasUsed == spent;
    }

    function run(StepState memory pre, Input[] memory inputs) internal pure virtual returns (StepState memory, uint64) {
        return Toy.run(pre, inputs);
    }

    /// Without running the caller's code, as the precompile does it: by a contract whose creation destroys it.
    function giveBack(uint256 value) private {
        bytes memory code = abi.encodePacked(hex"73", msg.sender, hex"ff"); // PUSH20 caller, SELFDESTRUCT
        assembly ("memory-safe") {
            if iszero(create(value, add(code, 0x20), mload(code))) { revert(0, 0) }
        }
    }

    function gasPrice() external view returns (uint256) {
        return price;
    }

    function gasLeft() public view returns (uint64) {
        return limit - used;
    }

    function congestedSeconds() external view returns (uint64) {
        return congestion;
    }
}
