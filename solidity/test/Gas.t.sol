// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";
import {IExecute} from "../src/IExecute.sol";
import {BatchHeader} from "../src/IInbox.sol";
import {ChunkOpening, StepProof} from "../src/IRollup.sol";
import {Stage} from "../src/Stage.sol";
import {Claim, StepState} from "../src/Types.sol";
import {BasedNativeRollup} from "../src/examples/BasedNativeRollup.sol";
import {ChunkRoot} from "../src/lib/ChunkRoot.sol";
import {CellVectors} from "./support/CellVectors.sol";
import {Meter} from "./support/Meter.sol";

/// L1 gas of each call as a transaction of its own: `npm run gas` writes snapshots/transactions.json, CI compares. Point
/// evaluations are taken as good here, so 50,000 is added for each that the call has checked; cell proofs are real. In a step
/// proof EXECUTE is the toy: the real one's cost comes on top.
contract GasTest is Meter {
    BatchHeader private batch;
    address[] private pointers; // made here and not in a test: `cool` makes storage cold, but not accounts

    function setUp() public override {
        super.setUp();
        for (uint256 i = 0; i < 200; ++i) {
            pointers.push(address(uint160(uint256(keccak256(abi.encode("pointer", i))))));
            vm.etch(pointers[i], hex"0011");
        }
    }

    function test_Inbox() public {
        vm.deal(address(this), 10000 ether);
        vm.deal(STRANGER, 10000 ether);
        postBatch(1);
        address i = address(inbox);
        portal.deposit{value: 1 gwei}(STRANGER);
        force("x");
        measure("deposit", address(portal), STRANGER, 1 gwei, abi.encodeCall(portal.deposit, (STRANGER)), 0);
        bytes memory raw = new bytes(110);
        for (uint256 k = 0; k < 110; ++k) {
            raw[k] = 0xff;
        }
        measure("forceTransaction of 110 bytes", i, STRANGER, inbox.forceFee(), abi.encodeCall(inbox.forceTransaction, (raw)), 0);
        for (uint64 b = 0; b < 4; ++b) {
            vm.roll(height() + 1);
            bytes memory rlp = origin(height() - 1);
            uint256 n = b < 2 ? b : b == 2 ? 6 : 0;
            if (b == 3) {
                for (uint256 k = 0; k < 16; ++k) {
                    portal.deposit{value: 1 gwei}(STRANGER);
                    force(raw);
                }
                vm.roll(height() + 1);
                rlp = origin(height() - 1);
            }
            blobs(bytes32(uint256(b)), n);
            (bytes32 head,) = inbox.headBatch();
            string memory what = b == 0
                ? "postBatch, no blob"
                : b == 1 ? "postBatch, 1 blob" : b == 2 ? "postBatch, 6 blobs" : "postBatch, 16 deposits, 16 forced";
            measure(what, i, SEQUENCER, 0, abi.encodeCall(inbox.postBatch, (head, uint64(64 * n), noPages(), rlp)), 0);
        }
        for (uint256 k = 0; k < 160; ++k) {
            force("x");
        }
        bytes memory call = abi.encodeCall(inbox.forceTransaction, (raw));
        measure("forceTransaction of 110 bytes, 160 ahead", i, STRANGER, inbox.forceFee(), call, 0);
    }

    function test_Data() public {
        address i = address(inbox);
        bytes memory page = noise(24575);
        measure("publishPage, 24,575 bytes", i, STRANGER, 0, abi.encodeCall(inbox.publishPage, (page)), 0);
        measure("publishPage, one that is there", i, STRANGER, 0, abi.encodeCall(inbox.publishPage, (page)), 0);
        postBatch(1);
        uint256[3] memory named = [uint256(0), 2, 9];
        for (uint256 k = 0; k < 3; ++k) {
            (bytes32 head, bytes memory rlp, address[] memory pages) = next(named[k]);
            blobs(bytes32(k), 1);
            bytes memory call = abi.encodeCall(inbox.postBatch, (head, 64, pages, rlp));
            measure(string.concat("postBatch, 1 blob, pages: ", vm.toString(named[k])), i, SEQUENCER, 0, call, 0);
        }
        blobs("", 0);
        uint256[2] memory sizes = [uint256(1), 61];
        for (uint256 k = 0; k < 2; ++k) {
            (bytes32 head, bytes memory rlp, address[] memory pages) = next(0);
            bytes memory call = abi.encodeCall(inbox.postCalldata, (head, noise(2032 * sizes[k]), pages, rlp));
            measure(string.concat("postCalldata, chunks: ", vm.toString(sizes[k])), i, SEQUENCER, 0, call, 0);
        }
    }

    /// What the next batch is posted with, and `count` pages.
    function next(uint256 count) private returns (bytes32 head, bytes memory rlp, address[] memory pages) {
        vm.roll(height() + 1);
        rlp = origin(height() - 1);
        (head,) = inbox.headBatch();
        pages = new address[](count);
        for (uint256 k = 0; k < count; ++k) {
            pages[k] = inbox.publishPage(abi.encode(k));
        }
    }

    function test_Rollup() public {
        batch = postBatch(38);
        StepState[] memory s = toyStates(batch, genesisState());
        bytes31[] memory c = commitments(s);
        bytes32 batchHash = keccak256(abi.encode(batch));
        address r = address(rollup);
        blobs("a", 1);
        bytes memory call = abi.encodeCall(rollup.makeAssertion, (0, batchHash, 0, 40, s[40], opening(c[0], c[40])));
        bytes32 id = abi.decode(measure("makeAssertion, 1 blob", r, ASSERTER, ASSERTION_BOND, call, 2), (bytes32));
        blobs("b", 1);
        s[40].stateRoot = "lie";
        bytes32 rival = assertStates(rollup, STRANGER, 0, batch, s);
        call = abi.encodeCall(rollup.openGame, (id, 1, opening(c[16], c[32])));
        bytes32 g = abi.decode(measure("openGame", r, CHALLENGER, CHALLENGE_BOND, call, 2), (bytes32));
        bytes31[] memory one_ = new bytes31[](1);
        one_[0] = c[24];
        measure("split, arity 2", r, ASSERTER, 0, abi.encodeCall(rollup.split, (g, 16, 32, one_)), 0);
        measure("pick, arity 2", r, CHALLENGER, 0, abi.encodeCall(rollup.pick, (g, 16, 32, one_, 0)), 0);
        vm.prank(STRANGER);
        bytes32 lost = rollup.openGame{value: CHALLENGE_BOND}(id, 1, opening(c[16], c[32]));
        vm.prank(ASSERTER);
        rollup.split(lost, 16, 32, one_);
        one_[0] = c[20];
        vm.prank(ASSERTER);
        rollup.split(g, 16, 24, one_);
        vm.warp(time() + CLOCK);
        measure("timeout, challenger's", r, STRANGER, 0, abi.encodeCall(rollup.timeout, (one(lost))), 0);
        rollup.timeout(one(g));
        vm.warp(time() + WINDOW);
        measure("confirm", r, STRANGER, 0, abi.encodeCall(rollup.confirm, (id)), 0);
        measure("killOrphan, rival", r, STRANGER, 0, abi.encodeCall(rollup.killOrphan, (rival)), 0);
        measure("withdraw", r, ASSERTER, 0, abi.encodeCall(rollup.withdraw, (ASSERTER)), 0);
    }

    function test_Kills() public {
        batch = postBatch(38);
        StepState[] memory s = toyStates(batch, genesisState());
        bytes31[] memory c = commitments(s);
        bytes31[] memory wrong = new bytes31[](1);
        wrong[0] = bytes31("wrong");
        StepProof memory p = stepProof(batch, s[2], s[3]);
        for (uint256 i = 0; i < 64; ++i) {
            p.chunks[0].proofs[i] = noise(48); // calldata as dear as in earnest
        }
        p.witness = noise(10000);

        rollup = deployRollup(2, 16);
        bytes32 id = assertStates(rollup, ASSERTER, 0, batch, s);
        bytes32 game = openAs(CHALLENGER, id, c);
        bytes32 other = openAs(STRANGER, id, c);
        vm.prank(ASSERTER);
        rollup.split(game, 2, 4, wrong);
        vm.prank(CHALLENGER);
        rollup.pick(game, 2, 4, wrong, 0);
        bytes memory call = abi.encodeCall(rollup.proveStepInGame, (game, p));
        measure("proveStepInGame, chunk by points, 10 KB witness", address(rollup), CHALLENGER, 0, call, 64);
        measure("reclaim", address(rollup), STRANGER, 0, abi.encodeCall(rollup.reclaim, (other)), 0);

        rollup = deployRollup(2, 16);
        id = assertStates(rollup, ASSERTER, 0, batch, s);
        game = openAs(CHALLENGER, id, c);
        vm.warp(time() + CLOCK);
        call = abi.encodeCall(rollup.timeout, (one(game)));
        measure("timeout, asserter's (kills)", address(rollup), STRANGER, 0, call, 0);

        rollup = deployRollup(1, 16);
        id = assertStates(rollup, ASSERTER, 0, batch, s);
        call = abi.encodeCall(rollup.proveStep, (id, 2, opening(c[2], wrong[0]), p));
        measure("proveStep, chunk by points, 10 KB witness", address(rollup), CHALLENGER, 0, call, 66);
        rollup = deployRollup(1, 16);
        id = assertStates(rollup, ASSERTER, 0, batch, s);
        p = stepProof(batch, s[0], s[1]);
        p.witness = noise(10000);
        call = abi.encodeCall(rollup.proveStep, (id, 0, opening(c[0], wrong[0]), p));
        measure("proveStep, derived BlockStart, 10 KB witness", address(rollup), CHALLENGER, 0, call, 2);
    }

    /// Of empty chunks: what their items take to decode comes on top.
    function test_OpeningsOfBlobs() public {
        string memory json = CellVectors.load();
        batch = postBatch(38, one(CellVectors.hashOf(json, "random")));
        ChunkOpening memory o = CellVectors.opening(json, 1);
        measureOpening("a cell proof", o, 0);
        o.commitment = noise(48);
        o.proofs = new bytes[](64);
        for (uint256 i = 0; i < 64; ++i) {
            o.proofs[i] = noise(48);
        }
        measureOpening("points", o, 64);
    }

    function test_OpeningOfCalldata() public {
        bytes memory data = noise(61 * 2032);
        vm.roll(height() + 1);
        vm.blobhashes(new bytes32[](0));
        bytes memory rlp = origin(height() - 1);
        batch = expectedBatch(61, new bytes32[](0), height() - 1);
        batch.dataRoot = this.root(data);
        vm.prank(SEQUENCER);
        inbox.postCalldata(batch.parentHash, data, noPages(), rlp);
        ChunkOpening memory o;
        (o.data, o.path) = (noise(2032), this.path(data, 1));
        measureOpening("a Merkle path", o, 0);
    }

    function measureOpening(string memory by, ChunkOpening memory o, uint256 proofs) private {
        StepState[] memory s = toyStates(batch, genesisState());
        StepProof memory p = stepProof(batch, s[2], s[3]);
        p.chunks = only(o);
        bytes memory call = abi.encodeCall(verifier.deriveInput, (inbox, p));
        measure(string.concat("deriveInput, chunk by ", by), address(verifier), STRANGER, 0, call, proofs);
        if (proofs != 0) return; // test_Kills has it
        rollup = deployRollup(1, 16);
        bytes32 id = assertStates(rollup, ASSERTER, 0, batch, s);
        p.witness = noise(10000);
        bytes31[] memory c = commitments(s);
        call = abi.encodeCall(rollup.proveStep, (id, 2, opening(c[2], bytes31("wrong")), p));
        string memory what = string.concat("proveStep, chunk by ", by, ", 10 KB witness");
        measure(what, address(rollup), CHALLENGER, 0, call, 2);
    }

    /// Of a batch of empty chunks, in a blob: what items take to decode and EXECUTE comes on top.
    function test_Settle() public {
        string memory json = CellVectors.load();
        batch = postBatch(3, one(CellVectors.hashOf(json, "random")));
        StepState[] memory s = toyStates(batch, genesisState());
        bytes31[] memory c = commitments(s);
        bytes32 batchHash = keccak256(abi.encode(batch));
        uint64[4] memory ends = [uint64(0), 2, 3, 5];
        for (uint256 k = 0; k < 3; ++k) {
            (uint64 from, uint64 to) = (ends[k], ends[k + 1]);
            StepProof memory p = stepProof(batch, s[from], s[to]);
            p.chunks = new ChunkOpening[](1);
            p.chunks[0] = CellVectors.opening(json, k);
            p.witness = noise(10000);
            bytes memory call = abi.encodeCall(rollup.settle, (batchHash, c[from], to - from, 0, p));
            string memory what = k == 0 ? "settle, first part" : k == 1 ? "settle, next part" : "settle, last part";
            what = string.concat(what, ", 1 chunk by a cell proof, 10 KB witness");
            measure(what, address(rollup), STRANGER, 0, call, 0);
        }
    }

    function root(bytes calldata data) external pure returns (bytes32) {
        return ChunkRoot.compute(data);
    }

    /// Of one of 61 chunks: in a full tree of 64 leaves all have six siblings; near its start here too.
    function path(bytes calldata data, uint256 index) external pure returns (bytes32[] memory siblings) {
        uint256 count = data.length / 2032;
        bytes32[] memory nodes = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            nodes[i] = ChunkRoot.leaf(i, keccak256(data[2032 * i:2032 * (i + 1)]));
        }
        siblings = new bytes32[](6);
        for (uint256 level = 0; level < 6; ++level) {
            siblings[level] = nodes[index ^ 1];
            for (uint256 i = 0; i < count / 2; ++i) {
                nodes[i] = Hashes.commutativeKeccak256(nodes[2 * i], nodes[2 * i + 1]);
            }
            if (count % 2 == 1) nodes[count / 2] = nodes[count - 1];
            (count, index) = ((count + 1) / 2, index / 2);
        }
    }

    /// EXECUTE only says yes here: what a pointer costs the contracts and in calldata. The precompile's own price
    /// (2,600 a pointer, cold, and its words) comes on top.
    function test_Staging() public {
        batch = postBatch(38);
        StepState[] memory s = toyStates(batch, genesisState());
        bytes31[] memory c = commitments(s);
        StepProof memory p = stepProof(batch, s[0], s[1]);
        p.witness = "";
        vm.mockCall(address(EXECUTE), abi.encodePacked(IExecute.executeStaged.selector), abi.encode(true));
        vm.mockCall(address(EXECUTE), abi.encodePacked(IExecute.execute.selector), abi.encode(true));
        uint256[3] memory from = [uint256(0), 0, 100];
        uint256[3] memory to = [uint256(0), 100, 200];
        for (uint256 k = 0; k < 3; ++k) {
            rollup = deployRollup(1, 16);
            bytes32 id = assertStates(rollup, ASSERTER, 0, batch, s);
            p.witnessPointers = new address[](to[k] - from[k]);
            for (uint256 i = from[k]; i < to[k]; ++i) {
                p.witnessPointers[i - from[k]] = pointers[i];
            }
            bytes memory call = abi.encodeCall(rollup.proveStep, (id, 0, opening(c[0], bytes31("wrong")), p));
            string memory what = string.concat("proveStep, BlockStart, pointers: ", vm.toString(to[k] - from[k]));
            measure(what, address(rollup), CHALLENGER, 0, call, 2);
        }
        Stage stage = Stage(deploy("Stage", ""));
        meter.cool(address(stage));
        bytes memory call_ = abi.encodeCall(stage.stage, (noise(24575)));
        measure("stage, 24,575 bytes", address(stage), STRANGER, 0, call_, 0);
        measure("stage, 24,575 bytes that are there", address(stage), STRANGER, 0, call_, 0);
    }

    /// Of the example, with transactions and witness as large as those of a block of two transfers.
    function test_BasedExample() public {
        BasedNativeRollup based = BasedNativeRollup(deploy("BasedNativeRollup", abi.encode(1, genesisState())));
        vm.deal(address(this), 1 ether);
        based.deposit{value: 1 gwei}(STRANGER);
        measure("example: deposit", address(based), STRANGER, 1 gwei, abi.encodeCall(based.deposit, (STRANGER)), 0);
        vm.roll(height() + 1);
        vm.setBlockhash(height() - 1, keccak256("anchor"));
        vm.mockCall(address(EXECUTE), abi.encodePacked(IExecute.execute.selector), abi.encode(true));
        Claim memory claim;
        (claim.pre, claim.post) = (genesisState(), genesisState());
        (claim.gasUsed, claim.witness) = (42000, noise(8000));
        bytes[] memory raws = new bytes[](2);
        (raws[0], raws[1]) = (noise(110), noise(110));
        bytes memory call = abi.encodeCall(based.advance, (uint64(height() - 1), uint64(time()), raws, claim));
        measure("example: advance, 2 transactions, 1 deposit, 8 KB witness", address(based), STRANGER, 1 ether, call, 0);
    }

    function openAs(address who, bytes32 id, bytes31[] memory c) private returns (bytes32) {
        vm.prank(who);
        return rollup.openGame{value: CHALLENGE_BOND}(id, 1, opening(c[2], c[4]));
    }
}
