// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Derivation} from "../src/Derivation.sol";
import {BatchHeader} from "../src/IInbox.sol";
import {StepProof} from "../src/IRollup.sol";
import {StepVerifier} from "../src/StepVerifier.sol";
import {BlockAttributes, Cursor, Input, InputKind, StepState, Trace, Withdrawal} from "../src/Types.sol";
import {ChunkOpenings} from "../src/lib/ChunkOpenings.sol";
import {Commitment} from "../src/lib/Commitment.sol";
import {Execute} from "../src/lib/Execute.sol";
import {Kzg} from "../src/lib/Kzg.sol";
import {Chunks} from "./support/Chunks.sol";
import {Fixture} from "./support/Fixture.sol";
import {Toy} from "./support/ToyExecute.sol";

/// The cursor table of docs/protocol.md section 4, and what a proof must show.
contract StepVerifierTest is Fixture {
    BatchHeader private batch;
    bytes31 private constant LIE = bytes31(uint248(0x11e));

    receive() external payable {}

    function setUp() public override {
        super.setUp();
        vm.deal(address(this), 100 ether);
        portal.deposit{value: 5 gwei}(STRANGER);
        portal.deposit{value: 7 gwei}(CHALLENGER);
        force("forced 0");
        force("forced 1");
        batch = postBatch(130);
        batch = postBatch(70); // the second: index 1; nothing is due any more
    }

    function pre(uint64 chunk_, uint64 item) private view returns (StepState memory s) {
        s = genesisState();
        s.cursor = Cursor(batch.index, chunk_, item);
    }

    function openBlock(StepState memory s, uint64 timestamp) private pure returns (StepState memory) {
        s.open.number = 9;
        s.open.attributes.timestamp = timestamp;
        s.open.gasUsed = 100;
        s.open.logsBloom = new bytes(256);
        return s;
    }

    function derive(StepProof memory p) private view returns (Input memory) {
        return verifier.deriveInput(inbox, p);
    }

    function requireInput(Input memory i, InputKind kind, bytes memory payload, Cursor memory next) private pure {
        assertEq(uint256(i.kind), uint256(kind), "kind");
        assertEq(i.payload, payload, "payload");
        assertEq(keccak256(abi.encode(i.next)), keccak256(abi.encode(next)), "next");
    }

    // ---- chunk 0

    function test_DerivedBlockStart() public {
        vm.deal(address(this), 1 ether);
        (batch.depositStart, batch.depositEnd) = (0, 2); // as a batch that takes both
        StepProof memory p = stepProof(batch, pre(0, 0), pre(0, 0));
        BlockAttributes memory a;
        a.timestamp = batch.originTimestamp;
        a.feeRecipient = address(0xfee);
        a.prevRandao = batch.originPrevRandao;
        a.gasLimit = 30_000_000;
        a.parentBeaconBlockRoot = batch.originHash;
        a.withdrawals = new Withdrawal[](2);
        a.withdrawals[0] = Withdrawal(0, 0, STRANGER, 5);
        a.withdrawals[1] = Withdrawal(1, 0, CHALLENGER, 7);
        requireInput(derive(p), InputKind.BlockStart, abi.encode(a), Cursor(1, 1, 0));
        batch.forcedStart -= 2;
        p.batch = batch;
        requireInput(derive(p), InputKind.BlockStart, abi.encode(a), Cursor(1, 0, 1));
    }

    function testFuzz_DerivedTimestamp(uint64 originTimestamp, uint64 parent) public {
        parent = uint64(bound(parent, 0, type(uint64).max - 1));
        batch.originTimestamp = originTimestamp;
        StepProof memory p = stepProof(batch, pre(0, 0), pre(0, 0));
        p.parentHeader = header(3, parent, 0);
        p.pre.blockHash = keccak256(p.parentHeader);
        BlockAttributes memory a = abi.decode(derive(p).payload, (BlockAttributes));
        assertEq(a.timestamp, originTimestamp > parent ? originTimestamp : parent + 1, "later than the parent");
    }

    function test_DerivedBlockStartNeedsTheParent() public {
        StepProof memory p = stepProof(batch, pre(0, 0), pre(0, 0));
        p.parentHeader = header(1, 5, 0);
        vm.expectPartialRevert(Derivation.ParentHeaderMismatch.selector);
        derive(p);
        p = stepProof(batch, openBlock(pre(0, 0), 5), pre(0, 0));
        vm.expectRevert(Derivation.BlockStillOpen.selector);
        derive(p);
    }

    function test_ForcedTransactions() public {
        (batch.forcedStart, batch.forcedEnd) = (0, 2);
        StepProof memory p = stepProof(batch, pre(0, 1), pre(0, 2));
        p.forcedTransactions = onlyBytes("forced 0");
        requireInput(derive(p), InputKind.Transaction, "forced 0", Cursor(1, 0, 2));
        p.pre.cursor.item = 2;
        vm.expectRevert(abi.encodeWithSelector(Derivation.ForcedTransactionMismatch.selector, 1));
        derive(p);
        p.forcedTransactions = onlyBytes("forced 1");
        requireInput(derive(p), InputKind.Transaction, "forced 1", Cursor(1, 1, 0));
        p.pre.cursor.item = 3;
        requireInvalidCursor(p);
        batch.forcedStart = 1; // positions count from the batch's own start
        p = stepProof(batch, pre(0, 1), pre(1, 0));
        p.forcedTransactions = onlyBytes("forced 1");
        requireInput(derive(p), InputKind.Transaction, "forced 1", Cursor(1, 1, 0));
    }

    // ---- data chunks

    function test_Items() public view {
        StepState memory s = openBlock(pre(7, 0), batch.originTimestamp);
        StepProof memory p = stepProof(batch, s, s);
        p.chunks = only(chunk(Chunks.write(hex"040004", hex"03a2ff0101a0", hex"aabbccdd")));
        requireInput(derive(p), InputKind.Transaction, hex"aabbcc", Cursor(1, 7, 1));
        p.pre.cursor.item = 1;
        BlockAttributes memory a;
        a.timestamp = batch.originTimestamp + 255;
        a.feeRecipient = address(0xfee);
        a.prevRandao = batch.originPrevRandao;
        a.gasLimit = 30_000_000;
        a.parentBeaconBlockRoot = batch.originHash;
        requireInput(derive(p), InputKind.BlockStart, abi.encode(a), Cursor(1, 7, 2));
        p.pre.cursor.item = 2;
        requireInput(derive(p), InputKind.Transaction, hex"dd", Cursor(1, 8, 0));
    }

    function test_DriftAndAbsentBlockAreSkips() public view {
        StepState memory s = openBlock(pre(1, 0), batch.originTimestamp + MAX_DRIFT - 5);
        StepProof memory p = stepProof(batch, s, s);
        p.chunks = only(chunk(Chunks.item(1, hex"05")));
        assertEq(uint256(derive(p).kind), uint256(InputKind.BlockStart), "just in time");
        p.chunks = only(chunk(Chunks.item(1, hex"06")));
        requireInput(derive(p), InputKind.Skip, "", Cursor(1, 2, 0));
        p.pre.open.attributes.timestamp = type(uint64).max;
        requireInput(derive(p), InputKind.Skip, "", Cursor(1, 2, 0));
        p.pre = pre(1, 0);
        requireInput(derive(p), InputKind.Skip, "", Cursor(1, 2, 0));
    }

    function test_EmptyAndMalformedChunksAreOneSkip() public {
        StepProof memory p = stepProof(batch, pre(70, 0), pre(71, 0));
        requireInput(derive(p), InputKind.Skip, "", Cursor(1, 71, 0));
        bytes memory first = Chunks.item(2, hex"aa");
        first[0] = 0x03; // another version
        p.chunks = only(chunk(first));
        requireInput(derive(p), InputKind.Skip, "", Cursor(1, 71, 0));
        first[0] = 0x02;
        p.chunks = only(chunk(first));
        setElement(p.chunks[0], 63, bytes32(uint256(1) << 254)); // malformed by its last element
        requireInput(derive(p), InputKind.Skip, "", Cursor(1, 71, 0));
        p.pre.cursor.item = 1;
        requireInvalidCursor(p);
        p.chunks = only(chunk(first));
        requireInvalidCursor(p);
    }

    function test_Fragments() public {
        StepState memory s = openBlock(pre(2, 0), 5);
        StepProof memory p = stepProof(batch, s, s);
        p.chunks = only(chunk(Chunks.item(3, hex"abcd")));
        requireInput(derive(p), InputKind.Fragment, hex"abcd", Cursor(1, 3, 0));
        p.pre.fragmentsSize = 65534;
        assertEq(uint256(derive(p).kind), uint256(InputKind.Fragment), "fits");
        p.pre.fragmentsSize = 65535;
        requireInput(derive(p), InputKind.Skip, "", Cursor(1, 3, 0));

        p.chunks = only(chunk(Chunks.item(4, hex"abcd")));
        requireInput(derive(p), InputKind.Skip, "", Cursor(1, 3, 0));
        p.pre.fragmentsSize = 0;
        requireInput(derive(p), InputKind.Skip, "", Cursor(1, 3, 0));

        p.fragments = new bytes[](3);
        (p.fragments[0], p.fragments[1], p.fragments[2]) = (bytes("one"), bytes("fragment"), new bytes(1000));
        p.pre.fragmentsSize = 1011;
        p.pre.fragmentsHash = keccak256(bytes.concat(bytes32(0), "one"));
        p.pre.fragmentsHash = keccak256(bytes.concat(p.pre.fragmentsHash, "fragment"));
        p.pre.fragmentsHash = keccak256(bytes.concat(p.pre.fragmentsHash, new bytes(1000)));
        bytes memory raw = bytes.concat("onefragment", new bytes(1000), hex"abcd");
        requireInput(derive(p), InputKind.Transaction, raw, Cursor(1, 3, 0));

        (p.fragments[0], p.fragments[1]) = (bytes("onef"), bytes("ragment"));
        requireFragmentsMismatch(p);
        (p.fragments[0], p.fragments[1]) = (bytes("one"), bytes("fragmenT"));
        requireFragmentsMismatch(p);
        p.fragments[2] = new bytes(1001);
        requireFragmentsMismatch(p);
        p.fragments = new bytes[](0);
        requireFragmentsMismatch(p);
    }

    function test_LargestFragmentedTransaction() public view {
        StepState memory s = openBlock(pre(2, 0), 5);
        StepProof memory p = stepProof(batch, s, s);
        p.chunks = only(chunk(Chunks.item(4, hex"ab")));
        p.fragments = new bytes[](2);
        (p.fragments[0], p.fragments[1]) = (new bytes(65534), new bytes(1));
        p.pre.fragmentsSize = 65535;
        p.pre.fragmentsHash = keccak256(new bytes(32 + 65534));
        p.pre.fragmentsHash = keccak256(bytes.concat(p.pre.fragmentsHash, hex"00"));
        assertEq(derive(p).payload.length, 65536, "just fits");
        p.chunks = only(chunk(Chunks.item(4, hex"abab")));
        assertEq(uint256(derive(p).kind), uint256(InputKind.Skip), "too large");
    }

    /// Else there could be thousands of them, and no transaction could bring them all to L1.
    function test_OnlyAChunksLastItemIsAFragment() public view {
        StepState memory s = openBlock(pre(2, 0), 5);
        StepProof memory p = stepProof(batch, s, s);
        p.chunks = only(chunk(Chunks.write(hex"0808", hex"01a001a0", hex"aabb")));
        requireInput(derive(p), InputKind.Skip, "", Cursor(1, 2, 1));
        p.pre.cursor.item = 1;
        requireInput(derive(p), InputKind.Fragment, hex"bb", Cursor(1, 3, 0));
    }

    /// An item that says nothing leaves out the pending fragments: it doesn't join them.
    function test_SkipsWhileFragmentsArePending() public view {
        StepState memory s = openBlock(pre(2, 0), 5);
        StepProof memory p = stepProof(batch, s, s);
        p.fragments = new bytes[](1);
        p.fragments[0] = hex"02aabb";
        p.pre.fragmentsSize = 3;
        p.pre.fragmentsHash = keccak256(bytes.concat(bytes32(0), hex"02aabb"));
        bytes[4] memory kinds = [bytes(hex"0000"), hex"0c00", hex"1000", hex"1300"]; // delta 0, empty last fragment, unknown
        for (uint256 i = 0; i < kinds.length; ++i) {
            p.chunks = only(chunk(Chunks.write(kinds[i], hex"0000", "")));
            requireInput(derive(p), InputKind.Skip, "", Cursor(1, 2, 1));
        }
    }

    function test_BatchEndAndBeyond() public {
        StepProof memory p = stepProof(batch, pre(71, 0), pre(0, 0));
        requireInput(derive(p), InputKind.BatchEnd, "", Cursor(2, 0, 0));
        p.pre.cursor = Cursor(1, 71, 1);
        requireInvalidCursor(p);
        p.pre.cursor = Cursor(1, 72, 0);
        requireInvalidCursor(p);
        p.pre.cursor = Cursor(1, type(uint64).max, type(uint64).max);
        requireInvalidCursor(p);
        p.pre.cursor = Cursor(2, 0, 0);
        requireInvalidCursor(p);
        p.pre.cursor = Cursor(1, 0, type(uint64).max);
        requireInvalidCursor(p);
    }

    function test_ChunkMustBeOpenedWhole() public {
        StepProof memory p = stepProof(batch, pre(1, 0), pre(2, 0));
        p.chunks[0].data = new bytes(2047);
        vm.expectRevert(abi.encodeWithSelector(ChunkOpenings.WrongDataSize.selector, 2047, 2048));
        derive(p);
        p.chunks = only(chunk(""));
        p.chunks[0].proofs = new bytes[](63);
        vm.expectRevert(abi.encodeWithSelector(ChunkOpenings.WrongProofCount.selector, 63));
        derive(p);
        p.chunks = only(chunk(""));
        vm.mockCallRevert(address(0x0a), "", "");
        vm.expectRevert(abi.encodeWithSelector(Kzg.KzgProofRejected.selector, batch.blobHashes[0], 0));
        derive(p);
        p.pre.cursor.chunk = 66; // the second blob's second chunk
        vm.expectRevert(abi.encodeWithSelector(Kzg.KzgProofRejected.selector, batch.blobHashes[1], 64));
        derive(p);
    }

    /// The points at which chunk 64 (1-based) is opened: the last 64 elements of blob 0.
    function test_OpensTheRightElements() public {
        vm.clearMockedCalls();
        StepProof memory p = stepProof(batch, pre(64, 0), pre(65, 0));
        for (uint256 i = 0; i < 64; ++i) {
            bytes memory asked =
                abi.encodePacked(batch.blobHashes[0], Kzg.point(4032 + i), elementOf(p.chunks[0], i), new bytes(96));
            vm.mockCall(address(0x0a), asked, abi.encode(4096, Kzg.MODULUS));
        }
        derive(p);
    }

    // ---- refute

    function refute(StepProof memory p, uint256 value) private returns (bytes31 proved, uint64 gasUsed, uint256 fee) {
        return verifier.refute{value: value}(inbox, keccak256(abi.encode(batch)), Commitment.ofMemory(p.pre), LIE, p);
    }

    function toyProof(StepState memory s, bytes memory content) private view returns (StepProof memory p) {
        p = stepProof(batch, s, s);
        p.chunks = only(chunk(content));
        Input memory input = derive(p);
        p.post = Toy.step(s, input.kind, input);
    }

    function test_RefutesAndReturnsTheRest() public {
        StepProof memory p = toyProof(openBlock(pre(1, 0), 5), Chunks.item(2, hex"aabbcc"));
        uint256 before = address(this).balance;
        (bytes31 proved, uint64 gasUsed, uint256 fee) = refute(p, 1 ether);
        assertEq(proved, Commitment.ofMemory(p.post), "post");
        assertEq(gasUsed, 21000, "gas");
        assertEq(fee, 21000 gwei, "fee");
        assertEq(before - address(this).balance, fee, "paid");
        assertEq(address(verifier).balance, 0, "keeps nothing");
        assertEq(address(EXECUTE).balance, fee, "to EXECUTE");
    }

    /// The trace is exactly abi.encode of what EXECUTE must judge.
    function testFuzz_TraceIsCanonical(bytes memory witness, uint16 extra) public {
        StepState memory s = openBlock(pre(1, 0), 5);
        s.open.depositRequests = new bytes(extra % 500);
        StepProof memory p = toyProof(s, Chunks.item(2, hex"aabbcc"));
        p.witness = witness;
        Trace memory t = Trace(42069, "prague", 1 << 24, p.pre, p.post, new Input[](1), witness);
        t.inputs[0] = derive(p);
        refute(p, 1 ether);
        assertEq(EXECUTE.lastTrace(), keccak256(abi.encode(t)), "trace");
    }

    /// However a witness is cut over pointers, EXECUTE gets the same trace as if it had been given.
    function testFuzz_StagedTraceIsTheSame(bytes memory witness, uint256 seed) public {
        StepProof memory p = toyProof(openBlock(pre(1, 0), 5), Chunks.item(2, hex"aabbcc"));
        p.witness = witness;
        refute(p, 1 ether);
        bytes32 given = EXECUTE.lastTrace();
        EXECUTE.setLimit(type(uint64).max);
        (p.witness, p.witnessPointers) = ("", cut(witness, seed));
        (bytes31 proved,, uint256 fee) = refute(p, 1 ether);
        assertEq(proved, Commitment.ofMemory(p.post), "post");
        assertEq(fee, 21000 gwei, "fee");
        assertEq(EXECUTE.lastTrace(), given, "trace");
    }

    /// In up to eight pieces of at least a byte, or one without any data if there is none.
    function cut(bytes memory data, uint256 seed) private returns (address[] memory pointers) {
        uint256 count = data.length == 0 ? 1 : bound(seed, 1, data.length < 8 ? data.length : 8);
        pointers = new address[](count);
        for (uint256 i = 0; i < count; ++i) {
            bytes memory code = hex"00";
            for (uint256 k = data.length * i / count; k < data.length * (i + 1) / count; ++k) {
                code = bytes.concat(code, data[k]);
            }
            pointers[i] = address(uint160(0x57a6e00 + i));
            vm.etch(pointers[i], code);
        }
    }

    function test_StagedOrGivenNotBoth() public {
        StepProof memory p = toyProof(openBlock(pre(1, 0), 5), Chunks.item(2, hex"aabbcc"));
        p.witnessPointers = cut("witness", 3);
        vm.expectRevert(Execute.WitnessAndPointers.selector);
        refute(p, 1 ether);
        p.witness = "";
        p.witnessPointers[1] = address(0xdead);
        vm.expectRevert(abi.encodeWithSelector(Execute.PointerWithoutCode.selector, address(0xdead)));
        refute(p, 1 ether);
        p.witnessPointers = cut("witness", 3);
        refute(p, 1 ether);
    }

    function test_OtherKindsAreFree() public {
        (, uint64 gasUsed, uint256 fee) = refute(toyProof(openBlock(pre(1, 0), 5), Chunks.item(3, hex"aabbcc")), 0);
        assertEq(gasUsed + fee, 0, "a Fragment");
        (, gasUsed, fee) = refute(toyProof(pre(1, 0), Chunks.item(2, hex"aabbcc")), 0);
        assertEq(gasUsed + fee, 0, "a Transaction without a block");
    }

    function test_PastTheBatchNeedsNoExecute() public {
        EXECUTE.set(1, 2);
        StepProof memory p = stepProof(batch, pre(0, 0), pre(0, 0));
        p.pre.cursor.batch = 2;
        uint256 before = address(this).balance;
        (bytes31 proved,, uint256 fee) = refute(p, 1 ether);
        assertEq(proved, bytes31(0), "no such step");
        assertEq(fee, 0, "free");
        assertEq(address(this).balance, before, "all returned");
    }

    function test_BindsBatchAndPre() public {
        StepProof memory p = toyProof(pre(1, 0), "");
        bytes31 c = Commitment.ofMemory(p.pre);
        vm.expectPartialRevert(StepVerifier.BatchMismatch.selector);
        verifier.refute(inbox, keccak256("other"), c, LIE, p);
        vm.expectRevert(abi.encodeWithSelector(StepVerifier.PreStateMismatch.selector, c, LIE));
        verifier.refute(inbox, keccak256(abi.encode(batch)), LIE, LIE, p);
        p.batch.chunkCount = 69;
        vm.expectPartialRevert(StepVerifier.BatchMismatch.selector);
        verifier.refute(inbox, keccak256(abi.encode(batch)), c, LIE, p);
    }

    function test_TheClaimIsRight() public {
        StepProof memory p = toyProof(pre(1, 0), "");
        bytes31 right = Commitment.ofMemory(p.post);
        vm.expectRevert(StepVerifier.StepIsAsClaimed.selector);
        verifier.refute(inbox, keccak256(abi.encode(batch)), Commitment.ofMemory(p.pre), right, p);
    }

    /// Whatever EXECUTE does but answer true, nothing is proved.
    function test_EveryDoubtReverts() public {
        StepProof memory p = toyProof(openBlock(pre(1, 0), 5), Chunks.item(2, hex"aabbcc"));
        uint256 fee = 21000 gwei;
        EXECUTE.set(1 gwei, 1);
        vm.expectRevert(Execute.ExecuteAnsweredFalse.selector);
        refute(p, fee);
        EXECUTE.set(1 gwei, 2);
        vm.expectRevert(Execute.ExecuteFailed.selector);
        refute(p, fee);
        EXECUTE.set(1 gwei, 3);
        vm.expectRevert(Execute.ExecuteFailed.selector);
        refute(p, fee);
        EXECUTE.set(1 gwei, 4);
        vm.expectRevert(Execute.ExecuteFailed.selector);
        refute(p, fee);
        EXECUTE.set(1 gwei, 0);
        vm.expectRevert(abi.encodeWithSelector(Execute.ExecuteFeeNotPaid.selector, fee, fee - 1));
        refute(p, fee - 1);
        vm.deal(address(verifier), 1); // forced on it: the caller pays all the same
        vm.expectRevert(abi.encodeWithSelector(Execute.ExecuteFeeNotPaid.selector, fee, fee - 1));
        refute(p, fee - 1);
        EXECUTE.setLimit(20999);
        vm.expectRevert("EXECUTE: the block is full");
        refute(p, fee);
        EXECUTE.setLimit(21000);
        p.post.stateRoot = keccak256("made up");
        vm.expectRevert(Execute.ExecuteAnsweredFalse.selector);
        refute(p, fee);
        p.post.open.gasUsed = 99;
        vm.expectRevert(abi.encodeWithSelector(StepVerifier.GasUsedDecreases.selector, 100, 99));
        refute(p, fee);
        p.post.open.gasUsed = type(uint64).max;
        EXECUTE.set(type(uint256).max, 0);
        vm.expectRevert();
        refute(p, fee);
        vm.etch(address(EXECUTE), "");
        vm.expectRevert(Execute.ExecuteMissing.selector);
        refute(p, fee);
    }

    /// With too little gas nothing is proved either.
    function testFuzz_GasStarvation(uint256 gas_) public {
        StepProof memory p = toyProof(openBlock(pre(1, 0), 5), Chunks.item(2, hex"aabbcc"));
        bytes memory call =
            abi.encodeCall(verifier.refute, (inbox, keccak256(abi.encode(batch)), Commitment.ofMemory(p.pre), LIE, p));
        (bool ok, bytes memory answer) =
            address(verifier).call{value: 1 ether, gas: bound(gas_, 20000, 1_000_000)}(call);
        if (ok) assertEq(bytes32(answer) >> 8, bytes32(Commitment.ofMemory(p.post)) >> 8, "the right answer or none");
    }

    function test_ConstructorRefusesNonsense() public {
        vm.expectRevert(Derivation.ZeroChainId.selector);
        StepVerifier(deploy("StepVerifier", abi.encode(0, bytes32("prague"), 0, address(0), 5000, 0, setup)));
        vm.expectRevert(StepVerifier.ZeroFork.selector);
        StepVerifier(deploy("StepVerifier", abi.encode(1, 0, 0, address(0), 5000, 0, setup)));
        vm.expectRevert(abi.encodeWithSelector(Derivation.GasLimitTooLow.selector, 4999, 5000));
        StepVerifier(deploy("StepVerifier", abi.encode(1, bytes32("prague"), 0, address(0), 4999, 0, setup)));
        vm.expectRevert(abi.encodeWithSelector(Derivation.WrongSetup.selector, address(0)));
        StepVerifier(deploy("StepVerifier", abi.encode(1, bytes32("prague"), 0, address(0), 5000, 0, address(0))));
        bytes memory other = setup.code;
        other[6528] ^= 0x01;
        vm.etch(address(0x5e7), other);
        vm.expectRevert(abi.encodeWithSelector(Derivation.WrongSetup.selector, address(0x5e7)));
        StepVerifier(deploy("StepVerifier", abi.encode(1, bytes32("prague"), 0, address(0), 5000, 0, address(0x5e7))));
    }

    function requireInvalidCursor(StepProof memory p) private {
        vm.expectPartialRevert(Derivation.InvalidCursor.selector);
        derive(p);
    }

    function requireFragmentsMismatch(StepProof memory p) private {
        vm.expectRevert(Derivation.FragmentsMismatch.selector);
        derive(p);
    }
}
