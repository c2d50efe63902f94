// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {BlockAttributes, Claim, Input, StepState, Trace, Withdrawal} from "../src/Types.sol";
import {BasedNativeRollup} from "../src/examples/BasedNativeRollup.sol";
import {Stage} from "../src/Stage.sol";
import {Execute} from "../src/lib/Execute.sol";
import {Inputs} from "../src/lib/Inputs.sol";
import {Fixture} from "./support/Fixture.sol";
import {Toy} from "./support/ToyExecute.sol";

/// What the example binds. The real EXECUTE judges its blocks in tests/e2e/l1/test_based_example.py.
contract BasedNativeRollupTest is Fixture {
    BasedNativeRollup private based;
    StepState private at_;
    bytes32 private anchorHash;

    function setUp() public override {
        super.setUp();
        based = BasedNativeRollup(deploy("BasedNativeRollup", abi.encode(42069, genesisState())));
        at_ = genesisState();
        nextBlock();
    }

    function nextBlock() private {
        vm.roll(height() + 1);
        vm.warp(time() + 12);
        anchorHash = keccak256(abi.encode("L1", height() - 1));
        vm.setBlockhash(height() - 1, anchorHash);
    }

    function transactions(uint256 n) private pure returns (bytes[] memory raws) {
        raws = new bytes[](n);
        for (uint256 i = 0; i < n; ++i) {
            raws[i] = abi.encodePacked("transaction", i);
        }
    }

    function expectedAttributes(Withdrawal[] memory deposits) private view returns (BlockAttributes memory a) {
        a.timestamp = uint64(time());
        a.feeRecipient = STRANGER;
        a.prevRandao = a.parentBeaconBlockRoot = anchorHash;
        a.gasLimit = 30_000_000;
        a.withdrawals = deposits;
    }

    function inputsOf(bytes[] memory raws, Withdrawal[] memory deposits) private view returns (Input[] memory inputs) {
        inputs = new Input[](raws.length + 2);
        inputs[0] = Inputs.blockStart(expectedAttributes(deposits));
        for (uint256 i = 0; i < raws.length; ++i) {
            inputs[i + 1] = Inputs.transaction(raws[i]);
        }
        inputs[raws.length + 1] = Inputs.batchEnd();
    }

    function claimOf(Input[] memory inputs) private view returns (Claim memory c) {
        c.pre = at_;
        (c.post, c.gasUsed) = Toy.run(at_, inputs);
        c.witness = "witness";
    }

    function advance(bytes[] memory raws, Claim memory c, uint256 value) private {
        vm.prank(STRANGER);
        based.advance{value: value}(uint64(height() - 1), uint64(time()), raws, c);
    }

    /// Appends a block and checks that EXECUTE was asked about exactly it.
    function advanceWith(uint256 n, Withdrawal[] memory deposits) private {
        bytes[] memory raws = transactions(n);
        Input[] memory inputs = inputsOf(raws, deposits);
        Claim memory c = claimOf(inputs);
        uint256 before = STRANGER.balance;
        advance(raws, c, 1 ether);
        assertEq(before - STRANGER.balance, n * 21000 gwei, "pays EXECUTE, no more");
        Trace memory t = Trace(42069, "prague", 1 << 24, c.pre, c.post, inputs, c.witness);
        assertEq(EXECUTE.lastTrace(), keccak256(abi.encode(t)), "trace");
        assertEq(based.stateRoot(), c.post.stateRoot, "root");
        assertEq(based.head(), keccak256(abi.encode(c.post)), "head");
        at_ = c.post;
    }

    function test_ThreeBlocks() public {
        for (uint256 n = 0; n < 3; ++n) {
            advanceWith(n, new Withdrawal[](0));
            nextBlock();
        }
    }

    function test_OnlyAfterTheHead() public {
        Claim memory c = claimOf(inputsOf(transactions(1), new Withdrawal[](0)));
        c.pre.stateRoot = "another";
        vm.expectRevert(BasedNativeRollup.NotAfterHead.selector);
        advance(transactions(1), c, 1 ether);
        c.pre = at_;
        advance(transactions(1), c, 1 ether);
        vm.expectRevert(BasedNativeRollup.NotAfterHead.selector);
        advance(transactions(1), c, 1 ether);
    }

    /// Anything in place of the post state or the transactions is not what EXECUTE executes.
    function test_WhatIsWrongReverts() public {
        bytes[] memory raws = transactions(1);
        Claim memory c = claimOf(inputsOf(raws, new Withdrawal[](0)));
        bytes32 root = c.post.stateRoot;
        c.post.stateRoot = "made up";
        vm.expectRevert(Execute.ExecuteAnsweredFalse.selector);
        advance(raws, c, 1 ether);
        c.post.stateRoot = root;
        c.post.blockHash = "made up";
        vm.expectRevert(Execute.ExecuteAnsweredFalse.selector);
        advance(raws, c, 1 ether);
        c.post.blockHash = at_.blockHash;
        c.gasUsed -= 1;
        vm.expectRevert(Execute.ExecuteAnsweredFalse.selector);
        advance(raws, c, 1 ether);
        c.gasUsed += 1;
        vm.expectRevert(Execute.ExecuteAnsweredFalse.selector);
        advance(transactions(2), c, 1 ether);
        vm.expectRevert(abi.encodeWithSelector(Execute.ExecuteFeeNotPaid.selector, 21000 gwei, 21000 gwei - 1));
        advance(raws, c, 21000 gwei - 1);
        advance(raws, c, 21000 gwei);
    }

    function test_TimeAndAnchor() public {
        bytes[] memory raws = transactions(0);
        Claim memory c = claimOf(inputsOf(raws, new Withdrawal[](0)));
        (uint64 now_, uint64 anchor) = (uint64(time()), uint64(height() - 1));
        vm.expectRevert(abi.encodeWithSelector(BasedNativeRollup.WrongTime.selector, now_ + 1));
        based.advance(anchor, now_ + 1, raws, c);
        vm.expectRevert(abi.encodeWithSelector(BasedNativeRollup.WrongTime.selector, now_ - 3600));
        based.advance(anchor, now_ - 3600, raws, c);
        vm.expectRevert(abi.encodeWithSelector(BasedNativeRollup.UnknownAnchor.selector, anchor + 1));
        based.advance(anchor + 1, now_, raws, c);
        vm.roll(height() + 257);
        vm.expectRevert(abi.encodeWithSelector(BasedNativeRollup.UnknownAnchor.selector, anchor));
        based.advance(anchor, now_, raws, c);
    }

    /// Each deposit once, in order, from the anchor's block on, 16 a block; a fresh one doesn't spoil a block.
    function test_DepositsOnce() public {
        Withdrawal[] memory all = new Withdrawal[](18);
        for (uint64 i = 0; i < 18; ++i) {
            if (i == 17) nextBlock();
            address to = address(uint160(0xd0 + i));
            based.deposit{value: (i + 1) * 1 gwei}(to);
            all[i] = Withdrawal(i, uint64(height()), to, i + 1);
        }
        advanceWith(1, slice(all, 0, 16));
        assertEq(based.taken(), 16, "sixteen");
        nextBlock();
        advanceWith(0, slice(all, 16, 18));
        nextBlock();
        advanceWith(0, new Withdrawal[](0));
        assertEq(based.taken(), 18, "all");
        assertEq(address(based).balance, 171 gwei, "kept");
    }

    function slice(Withdrawal[] memory all, uint256 from, uint256 to) private pure returns (Withdrawal[] memory part) {
        part = new Withdrawal[](to - from);
        for (uint256 i = from; i < to; ++i) {
            part[i - from] = all[i];
        }
    }

    function test_DepositsInTheAnchorsFuture() public {
        nextBlock();
        based.deposit{value: 1 gwei}(STRANGER); // in this block: the anchor is the one before
        advanceWith(1, new Withdrawal[](0));
        assertEq(based.taken(), 0, "not yet");
    }

    function test_DepositsAreWholeGwei() public {
        uint256[3] memory wrong = [uint256(0), 1, 1 gwei + 1];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(BasedNativeRollup.NotWholeGwei.selector, wrong[i]));
            based.deposit{value: wrong[i]}(STRANGER);
        }
        (bool ok,) = address(based).call{value: 1 gwei}("");
        assertTrue(!ok, "no ether but by deposit");
    }

    /// The fee is the caller's: deposits are never spent on it.
    function test_DepositsArentSpent() public {
        based.deposit{value: 1 ether}(STRANGER);
        Claim memory c = claimOf(inputsOf(transactions(1), new Withdrawal[](0)));
        vm.expectRevert(abi.encodeWithSelector(Execute.ExecuteFeeNotPaid.selector, 21000 gwei, 0));
        advance(transactions(1), c, 0);
    }

    function test_StagedWitness() public {
        Claim memory c = claimOf(inputsOf(transactions(1), new Withdrawal[](0)));
        c.pointers = new address[](1);
        c.pointers[0] = Stage(deploy("Stage", "")).stage(c.witness);
        Trace memory t =
            Trace(42069, "prague", 1 << 24, c.pre, c.post, inputsOf(transactions(1), new Withdrawal[](0)), c.witness);
        c.witness = "";
        advance(transactions(1), c, 1 ether);
        assertEq(EXECUTE.lastTrace(), keccak256(abi.encode(t)), "trace");
    }
}
