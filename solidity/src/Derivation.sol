// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {BlockHeader} from "@openzeppelin/contracts/utils/BlockHeader.sol";
import {BatchHeader, IInbox} from "./IInbox.sol";
import {StepProof} from "./IRollup.sol";
import {KZG_SETUP_HASH} from "./KzgSetup.sol";
import {BlockAttributes, Cursor, Input, InputKind, Withdrawal} from "./Types.sol";
import {ChunkCodec, ChunkItems} from "./lib/ChunkCodec.sol";
import {ChunkOpenings} from "./lib/ChunkOpenings.sol";

/// Where derivation stands between two steps: what of a StepState decides the next Input, and the chunk at hand.
struct Walk {
    Cursor cursor;
    bool open; // whether a block is open
    uint256 timestamp; // of the open block
    uint256 pending; // bytes of fragments
    uint256 done; // Inputs derived
    uint256 forced; // of the proof's forced transactions, how many are used
    uint256 chunks; // of the proof's chunks, how many are opened
    ChunkItems items; // of the last one
    uint256 loaded; // its number, from 1; 0: none yet
    uint256 room; // where the memory for chunks begins
    uint256 roomEnd;
}

/// docs/protocol.md section 4: from L1 data to Inputs, of a step or of several in a row. Each chunk is opened and unpacked
/// once.
abstract contract Derivation {
    error ZeroChainId();
    error GasLimitTooLow(uint64 gasLimit, uint64 minimum);
    error WrongSetup(address setup);

    error NoSteps();
    error InvalidCursor(uint64 batch, uint64 chunk, uint64 item);
    error BlockStillOpen();
    error ParentHeaderMismatch(bytes32 given, bytes32 expected);
    error ForcedTransactionMissing(uint64 index);
    error ForcedTransactionMismatch(uint64 index);
    error ChunkMissing(uint64 chunk);
    error FragmentsMismatch();

    /// docs/protocol.md section 4, bytes.
    uint256 public constant MAX_TRANSACTION_SIZE = 65536;
    uint64 internal constant MIN_GAS_LIMIT = 5000;

    /// Chain id of L2.
    uint64 public immutable chainId;
    /// Recipient of L2 priority fees.
    address public immutable feeRecipient;
    /// Gas limit of every L2 block.
    uint64 public immutable gasLimit;
    /// Seconds by which an L2 block that the sequencer starts may be later than the batch's L1 origin.
    uint64 public immutable maxDrift;
    /// A KzgSetup, for cell proofs.
    address public immutable setup;

    constructor(uint64 chainId_, address feeRecipient_, uint64 gasLimit_, uint64 maxDrift_, address setup_) {
        if (chainId_ == 0) revert ZeroChainId();
        if (gasLimit_ < MIN_GAS_LIMIT) revert GasLimitTooLow(gasLimit_, MIN_GAS_LIMIT);
        if (setup_.codehash != KZG_SETUP_HASH) revert WrongSetup(setup_);
        chainId = chainId_;
        feeRecipient = feeRecipient_;
        gasLimit = gasLimit_;
        maxDrift = maxDrift_;
        setup = setup_;
    }

    /// The Inputs of the `steps` steps from `proof.pre` on. `proof.batch` and `proof.pre` are taken as right.
    function _deriveInputs(IInbox inbox, StepProof calldata proof, uint256 steps)
        internal
        view
        returns (Input[] memory inputs)
    {
        if (steps == 0) revert NoSteps();
        inputs = new Input[](steps);
        Walk memory w;
        w.cursor = proof.pre.cursor;
        w.open = proof.pre.open.number != 0;
        w.timestamp = proof.pre.open.attributes.timestamp;
        w.pending = proof.pre.fragmentsSize;
        for (; w.done < steps; ++w.done) {
            bool inChunk = w.cursor.chunk != 0 && w.cursor.chunk <= proof.batch.chunkCount;
            if (inChunk && w.loaded != w.cursor.chunk) _load(proof, w);
            uint256 free = _free();
            Input memory input = inputs[w.done];
            _next(inbox, proof, w, inputs, input);
            _keep(input, free);
            w.cursor = input.next;
            w.pending = input.kind == InputKind.Fragment ? w.pending + input.payload.length : 0;
        }
        if (w.roomEnd != 0) _giveBack(w, inputs);
    }

    /// What the cursor names.
    function _next(IInbox inbox, StepProof calldata proof, Walk memory w, Input[] memory inputs, Input memory input)
        private
        view
    {
        BatchHeader calldata batch = proof.batch;
        Cursor memory c = w.cursor;
        uint64 forced = batch.forcedEnd - batch.forcedStart;
        if (c.batch != batch.index) {
            revert InvalidCursor(c.batch, c.chunk, c.item);
        } else if (c.chunk == 0 && c.item == 0) {
            _derivedBlockStart(inbox, proof, w, input);
            forced > 0 ? _goTo(input, c.batch, 0, 1) : _goTo(input, c.batch, 1, 0);
        } else if (c.chunk == 0 && c.item <= forced) {
            _forcedTransaction(inbox, proof, w, input);
            c.item < forced ? _goTo(input, c.batch, 0, c.item + 1) : _goTo(input, c.batch, 1, 0);
        } else if (c.chunk != 0 && c.chunk <= batch.chunkCount) {
            _chunkItem(proof, w, inputs, input);
        } else if (c.chunk == batch.chunkCount + 1 && c.item == 0) {
            input.kind = InputKind.BatchEnd;
            _goTo(input, c.batch + 1, 0, 0);
        } else {
            revert InvalidCursor(c.batch, c.chunk, c.item);
        }
    }

    /// The batch's first block: what L1 alone says, with the deposits as withdrawals.
    function _derivedBlockStart(IInbox inbox, StepProof calldata proof, Walk memory w, Input memory input) private view {
        // No cursor comes before it: the walk stands at `proof.pre`.
        if (w.open) revert BlockStillOpen();
        bytes32 parentHash = keccak256(proof.parentHeader);
        if (parentHash != proof.pre.blockHash) revert ParentHeaderMismatch(parentHash, proof.pre.blockHash);

        BatchHeader calldata batch = proof.batch;
        uint256 timestamp = BlockHeader.getTimestamp(proof.parentHeader) + 1;
        if (timestamp < batch.originTimestamp) timestamp = batch.originTimestamp;

        uint64 count = batch.depositEnd - batch.depositStart;
        Withdrawal[] memory deposits = new Withdrawal[](count);
        for (uint64 i = 0; i < count; ++i) {
            uint64 index = batch.depositStart + i;
            (address recipient, uint64 amountGwei,) = inbox.depositAt(index);
            deposits[i] = Withdrawal(index, 0, recipient, amountGwei);
        }
        _blockStart(batch, w, input, timestamp, deposits);
    }

    function _forcedTransaction(IInbox inbox, StepProof calldata proof, Walk memory w, Input memory input) private view {
        uint64 index = proof.batch.forcedStart + w.cursor.item - 1;
        if (w.forced == proof.forcedTransactions.length) revert ForcedTransactionMissing(index);
        bytes calldata raw = proof.forcedTransactions[w.forced++];
        (bytes32 rawHash,) = inbox.forcedAt(index);
        if (keccak256(raw) != rawHash) revert ForcedTransactionMismatch(index);
        (input.kind, input.payload) = (InputKind.Transaction, raw);
    }

    /// The loaded chunk's next item, or what an empty chunk gives.
    function _chunkItem(StepProof calldata proof, Walk memory w, Input[] memory inputs, Input memory input) private view {
        Cursor memory c = w.cursor;
        uint256 count = w.items.count;
        input.kind = InputKind.Skip;
        if (c.item < count) {
            (uint8 kind, bytes memory payload) = ChunkCodec.next(w.items, chainId);
            if (kind == ChunkCodec.BLOCK_START) {
                uint256 timestamp = w.timestamp + ChunkCodec.delta(payload);
                if (w.open && timestamp <= uint256(proof.batch.originTimestamp) + maxDrift) {
                    _blockStart(proof.batch, w, input, timestamp, new Withdrawal[](0));
                }
            } else if (kind == ChunkCodec.TRANSACTION) {
                (input.kind, input.payload) = (InputKind.Transaction, payload);
            } else if (kind == ChunkCodec.FRAGMENT) {
                // A chunk's last item only: so there are never more fragments to prove than chunks.
                bool last = uint256(c.item) + 1 == count;
                if (last && w.pending + payload.length <= MAX_TRANSACTION_SIZE) {
                    (input.kind, input.payload) = (InputKind.Fragment, payload);
                }
            } else if (kind == ChunkCodec.LAST_FRAGMENT) {
                if (w.pending != 0 && w.pending + payload.length <= MAX_TRANSACTION_SIZE) {
                    (input.kind, input.payload) = (InputKind.Transaction, _join(proof, w, inputs, payload));
                }
            }
        } else if (count != 0 || c.item != 0) {
            revert InvalidCursor(c.batch, c.chunk, c.item);
        }
        uint256(c.item) + 1 < count
            ? _goTo(input, c.batch, c.chunk, c.item + 1)
            : _goTo(input, c.batch, c.chunk + 1, 0);
    }

    /// The transaction that the pending fragments and this one make. Those are the Inputs right before it, and where all
    /// Inputs so far are, what was pending at `proof.pre` before them.
    function _join(StepProof calldata proof, Walk memory w, Input[] memory inputs, bytes memory last)
        private
        pure
        returns (bytes memory raw)
    {
        uint256 first = w.done;
        while (first > 0 && inputs[first - 1].kind == InputKind.Fragment) --first;
        raw = new bytes(w.pending + last.length);
        uint256 size = first == 0 ? _joinGiven(proof, raw) : 0;
        for (uint256 i = first; i < w.done; ++i) {
            size = _append(raw, size, inputs[i].payload);
        }
        assert(size == w.pending);
        _append(raw, size, last);
    }

    /// Writes what is pending at `proof.pre` to `raw`.
    function _joinGiven(StepProof calldata proof, bytes memory raw) private pure returns (uint256 size) {
        uint256 pending = proof.pre.fragmentsSize;
        bytes32 chain;
        for (uint256 i = 0; i < proof.fragments.length; ++i) {
            bytes calldata fragment = proof.fragments[i];
            if (size + fragment.length > pending) revert FragmentsMismatch();
            chain = keccak256(bytes.concat(chain, fragment));
            assembly ("memory-safe") {
                calldatacopy(add(add(raw, 0x20), size), fragment.offset, fragment.length)
            }
            size += fragment.length;
        }
        if (size != pending || chain != proof.pre.fragmentsHash) revert FragmentsMismatch();
    }

    function _append(bytes memory raw, uint256 size, bytes memory piece) private pure returns (uint256) {
        assembly ("memory-safe") {
            mcopy(add(add(raw, 0x20), size), add(piece, 0x20), mload(piece))
        }
        return size + piece.length;
    }

    function _blockStart(
        BatchHeader calldata batch,
        Walk memory w,
        Input memory input,
        uint256 timestamp,
        Withdrawal[] memory withdrawals
    ) private view {
        // Honest states stay far below; a state no honest party agrees to proves nothing.
        assert(timestamp <= type(uint64).max);
        BlockAttributes memory attributes;
        attributes.timestamp = uint64(timestamp);
        attributes.feeRecipient = feeRecipient;
        attributes.prevRandao = batch.originPrevRandao;
        attributes.gasLimit = gasLimit;
        attributes.parentBeaconBlockRoot = batch.originHash;
        attributes.withdrawals = withdrawals;
        (input.kind, input.payload) = (InputKind.BlockStart, abi.encode(attributes));
        (w.open, w.timestamp) = (true, timestamp);
    }

    function _goTo(Input memory input, uint64 batch, uint64 chunk, uint64 item) private pure {
        Cursor memory next = input.next;
        (next.batch, next.chunk, next.item) = (batch, chunk, item);
    }

    // ---- memory

    /// Opens the cursor's chunk and reads as far as its item.
    function _load(StepProof calldata proof, Walk memory w) private view {
        if (w.cursor.batch != proof.batch.index) revert InvalidCursor(w.cursor.batch, w.cursor.chunk, w.cursor.item);
        if (w.chunks == proof.chunks.length) revert ChunkMissing(w.cursor.chunk);
        uint256 free = _free();
        (bool ok, bytes memory chunk) =
            ChunkOpenings.open(setup, proof.batch, w.cursor.chunk - 1, proof.chunks[w.chunks++]);
        w.loaded = w.cursor.chunk;
        if (!ok || ChunkCodec.countOf(chunk) == 0) {
            w.items.count = 0;
        } else {
            if (w.roomEnd == 0) {
                w.items = ChunkCodec.room(proof.batch.pages);
                (w.room, w.roomEnd) = (free, _free());
                free = w.roomEnd;
            }
            ChunkCodec.load(w.items, chunk);
            if (w.cursor.item < w.items.count) ChunkCodec.skip(w.items, w.cursor.item);
        }
        _setFree(free);
    }

    /// Of the memory allocated since `free`, keeps the Input's payload and nothing else.
    function _keep(Input memory input, uint256 free) private pure {
        bytes memory payload = input.payload;
        if (payload.length != 0) {
            assembly ("memory-safe") {
                let size := add(0x20, mload(payload))
                mcopy(free, payload, size)
                payload := free
                free := and(add(add(free, 0x1f), size), not(0x1f))
            }
            input.payload = payload;
        }
        _setFree(free);
    }

    /// Gives the memory for chunks back: the payloads behind it move to its place.
    function _giveBack(Walk memory w, Input[] memory inputs) private pure {
        (uint256 to, uint256 from, uint256 end) = (w.room, w.roomEnd, _free());
        assembly ("memory-safe") {
            mcopy(to, from, sub(end, from))
        }
        for (uint256 i = 0; i < inputs.length; ++i) {
            bytes memory payload = inputs[i].payload;
            bool moved;
            assembly ("memory-safe") {
                moved := iszero(lt(payload, from))
                if moved { payload := sub(payload, sub(from, to)) }
            }
            if (moved) inputs[i].payload = payload;
        }
        _setFree(end - (from - to));
    }

    function _free() private pure returns (uint256 free) {
        assembly ("memory-safe") {
            free := mload(0x40)
        }
    }

    function _setFree(uint256 free) private pure {
        assembly ("memory-safe") {
            mstore(0x40, free)
        }
    }
}
