// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Stage} from "../src/Stage.sol";
import {BlockAttributes, Chain, Claim, Input, InputKind, StepState, Trace} from "../src/Types.sol";
import {Execute} from "../src/lib/Execute.sol";
import {Inputs} from "../src/lib/Inputs.sol";
import {Fixture} from "./support/Fixture.sol";
import {Toy} from "./support/ToyExecute.sol";

/// A contract as anyone would write it.
contract Author {
    constructor() payable {}

    function prove(Trace calldata t, uint64 gasUsed, uint256 budget) external payable returns (uint256) {
        return Execute.prove(t.pre.stateRoot, t.post.stateRoot, gasUsed, abi.encode(t), budget);
    }

    function tryProve(Trace calldata t, uint64 gasUsed) external payable returns (bool answer) {
        (answer,) = Execute.tryProve(t.pre.stateRoot, t.post.stateRoot, gasUsed, abi.encode(t), msg.value);
    }

    function proveStaged(Trace calldata t, uint64 gasUsed, address[] calldata pointers)
        external
        payable
        returns (uint256)
    {
        bytes memory trace = Execute.encodeStaged(t, pointers);
        return Execute.proveStaged(t.pre.stateRoot, t.post.stateRoot, gasUsed, trace, pointers, msg.value);
    }

    function tryProveStaged(Trace calldata t, uint64 gasUsed, address[] calldata pointers)
        external
        payable
        returns (bool answer)
    {
        bytes memory trace = Execute.encodeStaged(t, pointers);
        (answer,) = Execute.tryProveStaged(t.pre.stateRoot, t.post.stateRoot, gasUsed, trace, pointers, msg.value);
    }

    /// What lies in memory must be the same after the call as before it.
    function proveSteps(Chain calldata chain, Input[] calldata inputs, Claim calldata claim, bytes calldata other)
        external
        payable
        returns (uint256 paid, Input[] memory still, bytes memory stillOther)
    {
        (still, stillOther) = (inputs, other);
        paid = Execute.proveSteps(chain, still, claim, msg.value);
    }

    function tryProveSteps(Chain calldata chain, Input[] calldata inputs, Claim calldata c)
        external
        payable
        returns (bool answer)
    {
        (answer,) = Execute.tryProveSteps(chain, c.pre, c.post, inputs, c.gasUsed, c.witness, c.pointers, msg.value);
    }

    function meter() external view returns (bool, uint256, uint64, uint64, uint256) {
        return
            (Execute.available(), Execute.gasPrice(), Execute.gasLeft(), Execute.congestedSeconds(), Execute.fee(21000));
    }

    function available() external view returns (bool) {
        return Execute.available();
    }

    function wholeBlock(BlockAttributes memory attributes, bytes[] calldata transactions)
        external
        pure
        returns (Input[] memory)
    {
        return Inputs.wholeBlock(attributes, transactions);
    }
}

contract ExecuteTest is Fixture {
    Author private author;

    function setUp() public override {
        super.setUp();
        author = new Author();
        vm.deal(address(this), 100 ether);
    }

    /// A block of `n` transactions.
    function truth(uint256 n, bytes memory witness) private view returns (Trace memory t, uint64 gasUsed) {
        BlockAttributes memory attributes;
        attributes.timestamp = 7;
        bytes[] memory raws = new bytes[](n);
        for (uint256 i = 0; i < n; ++i) {
            raws[i] = abi.encodePacked("transaction", i);
        }
        t.chainId = 5;
        t.fork = "prague";
        t.txGasCap = 1 << 24;
        t.pre = genesisState();
        t.inputs = author.wholeBlock(attributes, raws);
        (t.post, gasUsed) = Toy.run(t.pre, t.inputs);
        t.witness = witness;
    }

    function claimOf(Trace memory t, uint64 gasUsed) private pure returns (Chain memory, Claim memory) {
        return (Chain(t.chainId, t.fork, t.txGasCap), Claim(t.pre, t.post, gasUsed, t.witness, new address[](0)));
    }

    function staged(bytes memory data) private returns (address[] memory pointers) {
        Stage stage = Stage(deploy("Stage", ""));
        pointers = new address[](2);
        pointers[0] = stage.stage(data);
        pointers[1] = stage.stage(hex"ee");
    }

    function test_Meter() public {
        EXECUTE.set(3 gwei, 0);
        EXECUTE.setLimit(60_000_000);
        EXECUTE.setCongestion(77);
        (bool there, uint256 price, uint64 left, uint64 congested, uint256 fee) = author.meter();
        assertTrue(there && price == 3 gwei && left == 60_000_000 && congested == 77, "read");
        assertEq(fee, 63000 gwei, "fee");
        vm.etch(address(EXECUTE), "");
        assertTrue(!author.available(), "not there");
        vm.expectRevert(Execute.ExecuteMissing.selector);
        author.meter();
    }

    function test_WholeBlock() public view {
        (Trace memory t, uint64 gasUsed) = truth(2, "");
        assertEq(t.inputs.length, 4, "start, two transactions, end");
        BlockAttributes memory attributes = abi.decode(t.inputs[0].payload, (BlockAttributes));
        assertTrue(t.inputs[0].kind == InputKind.BlockStart && attributes.timestamp == 7, "start");
        assertTrue(t.inputs[2].kind == InputKind.Transaction, "transaction");
        assertEq(t.inputs[2].payload, abi.encodePacked("transaction", uint256(1)), "raw");
        assertTrue(t.inputs[3].kind == InputKind.BatchEnd && t.inputs[3].payload.length == 0, "end");
        assertEq(gasUsed, 42000, "gas");
    }

    function testFuzz_Proves(uint8 n, bytes memory witness) public {
        (Trace memory t, uint64 gasUsed) = truth(n % 4, witness);
        uint256 fee = gasUsed * 1 gwei;
        assertEq(author.prove{value: fee}(t, gasUsed, fee), fee, "paid");
        assertEq(EXECUTE.lastTrace(), keccak256(abi.encode(t)), "trace");
        assertTrue(author.tryProve{value: fee}(t, gasUsed), "true");
        assertEq(address(EXECUTE).balance, 2 * fee, "the exact fee");
    }

    /// In place or copied, given or staged: EXECUTE sees the same.
    function testFuzz_ProvesStepsInPlace(uint8 n, bytes memory witness, bytes memory other) public {
        (Trace memory t, uint64 gasUsed) = truth(n % 4, witness);
        (Chain memory chain, Claim memory claim) = claimOf(t, gasUsed);
        (uint256 paid, Input[] memory still, bytes memory stillOther) =
            author.proveSteps{value: 1 ether}(chain, t.inputs, claim, other);
        assertEq(paid, gasUsed * 1 gwei, "paid");
        assertEq(EXECUTE.lastTrace(), keccak256(abi.encode(t)), "trace");
        assertEq(keccak256(abi.encode(still)), keccak256(abi.encode(t.inputs)), "inputs untouched");
        assertEq(stillOther, other, "memory untouched");
        assertEq(address(author).balance, 1 ether - paid, "the rest is the author's to return");
    }

    function testFuzz_Staged(uint8 n, bytes memory witness) public {
        vm.assume(witness.length != 0);
        (Trace memory t, uint64 gasUsed) = truth(n % 4, "");
        address[] memory pointers = staged(witness);
        assertEq(author.proveStaged{value: 1 ether}(t, gasUsed, pointers), gasUsed * 1 gwei, "paid");
        bytes32 seen = EXECUTE.lastTrace();
        assertTrue(author.tryProveStaged{value: 1 ether}(t, gasUsed, pointers), "true");
        (Chain memory chain, Claim memory claim) = claimOf(t, gasUsed);
        claim.pointers = pointers;
        (uint256 paid, Input[] memory still, bytes memory other) =
            author.proveSteps{value: 1 ether}(chain, t.inputs, claim, witness);
        assertEq(EXECUTE.lastTrace(), seen, "the same in place");
        assertEq(paid, gasUsed * 1 gwei, "paid");
        assertEq(keccak256(abi.encode(still, other)), keccak256(abi.encode(t.inputs, witness)), "memory untouched");
        t.witness = bytes.concat(witness, hex"ee");
        assertEq(seen, keccak256(abi.encode(t)), "as if it had been given");
    }

    /// False is an answer, and it costs; what is no answer reverts.
    function test_FalseIsAnAnswer() public {
        (Trace memory t, uint64 gasUsed) = truth(1, "w");
        t.post.stateRoot = "made up";
        uint256 fee = 21000 gwei;
        vm.expectRevert(Execute.ExecuteAnsweredFalse.selector);
        author.prove{value: fee}(t, gasUsed, fee);
        assertTrue(!author.tryProve{value: fee}(t, gasUsed), "false");
        (Chain memory chain, Claim memory claim) = claimOf(t, gasUsed);
        vm.expectRevert(Execute.ExecuteAnsweredFalse.selector);
        author.proveSteps{value: fee}(chain, t.inputs, claim, "");
        assertTrue(!author.tryProveSteps{value: fee}(chain, t.inputs, claim), "false");
        assertEq(address(EXECUTE).balance, 2 * fee, "paid all the same");
        t.witness = "";
        address[] memory pointers = staged("w");
        assertTrue(!author.tryProveStaged{value: fee}(t, gasUsed, pointers), "false");
        vm.expectRevert(Execute.ExecuteAnsweredFalse.selector);
        author.proveStaged{value: fee}(t, gasUsed, pointers);
    }

    function test_RefusalsKeepTheirMessage() public {
        (Trace memory t, uint64 gasUsed) = truth(1, "");
        (Chain memory chain, Claim memory claim) = claimOf(t, gasUsed);
        address[] memory pointers = staged("w");
        uint256 fee = 21000 gwei;
        EXECUTE.setLimit(20999);
        vm.expectRevert("EXECUTE: the block is full");
        author.tryProve{value: fee}(t, gasUsed);
        vm.expectRevert("EXECUTE: the block is full");
        author.tryProveSteps{value: fee}(chain, t.inputs, claim);
        vm.expectRevert("EXECUTE: the block is full");
        author.tryProveStaged{value: fee}(t, gasUsed, pointers);
        for (uint64 mode = 2; mode <= 4; ++mode) {
            EXECUTE.set(1 gwei, mode);
            vm.expectRevert(Execute.ExecuteFailed.selector);
            author.tryProve{value: fee}(t, gasUsed);
            vm.expectRevert(Execute.ExecuteFailed.selector);
            author.tryProveSteps{value: fee}(chain, t.inputs, claim);
        }
        vm.etch(address(EXECUTE), "");
        vm.expectRevert(Execute.ExecuteMissing.selector);
        author.tryProve{value: fee}(t, gasUsed);
        vm.expectRevert(Execute.ExecuteMissing.selector);
        author.tryProveSteps{value: fee}(chain, t.inputs, claim);
        assertEq(address(author).balance + address(EXECUTE).balance, 0, "nothing taken");
    }

    /// Within the budget, from the contract's balance.
    function test_WhoPays() public {
        (Trace memory t, uint64 gasUsed) = truth(1, "");
        uint256 fee = 21000 gwei;
        vm.expectRevert(abi.encodeWithSelector(Execute.ExecuteFeeNotPaid.selector, fee, fee - 1));
        author.prove{value: fee}(t, gasUsed, fee - 1);
        vm.expectRevert(Execute.ExecuteFailed.selector); // has promised what it hasn't
        author.prove{value: fee - 1}(t, gasUsed, fee);
        vm.deal(address(author), fee);
        (Chain memory chain, Claim memory claim) = claimOf(t, gasUsed);
        vm.expectRevert(abi.encodeWithSelector(Execute.ExecuteFeeNotPaid.selector, fee, 0));
        author.proveSteps(chain, t.inputs, claim, "");
        author.prove(t, gasUsed, fee);
        assertEq(address(author).balance, 0, "its own");
    }

    function test_StagedOrGivenNotBoth() public {
        (Trace memory t, uint64 gasUsed) = truth(1, "w");
        address[] memory pointers = staged("w");
        vm.expectRevert(Execute.WitnessAndPointers.selector);
        author.proveStaged{value: 1 ether}(t, gasUsed, pointers);
        (Chain memory chain, Claim memory claim) = claimOf(t, gasUsed);
        claim.pointers = pointers;
        vm.expectRevert(Execute.WitnessAndPointers.selector);
        author.proveSteps{value: 1 ether}(chain, t.inputs, claim, "");
        claim.witness = t.witness = "";
        claim.pointers[1] = pointers[1] = address(0xdead);
        vm.expectRevert(abi.encodeWithSelector(Execute.PointerWithoutCode.selector, address(0xdead)));
        author.proveStaged{value: 1 ether}(t, gasUsed, pointers);
        vm.expectRevert(abi.encodeWithSelector(Execute.PointerWithoutCode.selector, address(0xdead)));
        author.proveSteps{value: 1 ether}(chain, t.inputs, claim, "");
    }

    /// However little gas: an answer that is right, or a revert.
    function testFuzz_GasStarvation(uint256 gas_) public {
        (Trace memory t, uint64 gasUsed) = truth(1, "");
        (Chain memory chain, Claim memory claim) = claimOf(t, gasUsed);
        bytes memory call = abi.encodeCall(author.tryProveSteps, (chain, t.inputs, claim));
        (bool ok, bytes memory answer) = address(author).call{value: 1 ether, gas: bound(gas_, 20000, 400_000)}(call);
        if (ok) assertTrue(abi.decode(answer, (bool)), "true or none");
    }
}
