// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {BlockHeader} from "@openzeppelin/contracts/utils/BlockHeader.sol";
import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";
import {BatchHeader, IInbox} from "./IInbox.sol";
import {StepProof} from "./IRollup.sol";
import {IStepVerifier} from "./IStepVerifier.sol";
import {KZG_SETUP_HASH} from "./KzgSetup.sol";
import {BlockAttributes, Chain, Cursor, Input, InputKind, Withdrawal} from "./Types.sol";
import {ChunkCodec} from "./lib/ChunkCodec.sol";
import {ChunkOpenings} from "./lib/ChunkOpenings.sol";
import {Commitment} from "./lib/Commitment.sol";
import {Execute} from "./lib/Execute.sol";

/// Derives the Input of one step from L1 data and has EXECUTE say where it leads. Holds no state and no money.
contract StepVerifier is IStepVerifier {
    error ZeroChainId();
    error ZeroFork();
    error GasLimitTooLow(uint64 gasLimit, uint64 minimum);
    error WrongSetup(address setup);

    error BatchMismatch(bytes32 given, bytes32 expected);
    error PreStateMismatch(bytes31 given, bytes31 expected);
    error StepIsAsClaimed();
    error InvalidCursor(uint64 batch, uint64 chunk, uint64 item);
    error BlockStillOpen();
    error ParentHeaderMismatch(bytes32 given, bytes32 expected);
    error ForcedTransactionMismatch(uint64 index);
    error FragmentsMismatch();
    error GasUsedDecreases(uint64 pre, uint64 post);

    /// docs/protocol.md section 4, bytes.
    uint256 public constant MAX_TRANSACTION_SIZE = 65536;
    uint64 internal constant MIN_GAS_LIMIT = 5000;

    /// Chain id of L2.
    uint64 public immutable chainId;
    /// Rules of L2, left-aligned ASCII: "prague".
    bytes32 public immutable fork;
    /// Gas limit above which an L2 transaction is a no-op; 0: no cap. It keeps every step provable within one EXECUTE.
    uint64 public immutable txGasCap;
    /// Recipient of L2 priority fees.
    address public immutable feeRecipient;
    /// Gas limit of every L2 block.
    uint64 public immutable gasLimit;
    /// Seconds by which an L2 block that the sequencer starts may be later than the batch's L1 origin.
    uint64 public immutable maxDrift;
    /// A KzgSetup, for cell proofs.
    address public immutable setup;

    constructor(
        uint64 chainId_,
        bytes32 fork_,
        uint64 txGasCap_,
        address feeRecipient_,
        uint64 gasLimit_,
        uint64 maxDrift_,
        address setup_
    ) {
        if (chainId_ == 0) revert ZeroChainId();
        if (fork_ == 0) revert ZeroFork();
        if (gasLimit_ < MIN_GAS_LIMIT) revert GasLimitTooLow(gasLimit_, MIN_GAS_LIMIT);
        if (setup_.codehash != KZG_SETUP_HASH) revert WrongSetup(setup_);
        chainId = chainId_;
        fork = fork_;
        txGasCap = txGasCap_;
        feeRecipient = feeRecipient_;
        gasLimit = gasLimit_;
        maxDrift = maxDrift_;
        setup = setup_;
    }

    /// @inheritdoc IStepVerifier
    function refute(IInbox inbox, bytes32 batchHash, bytes31 pre, bytes31 claimed, StepProof calldata proof)
        external
        payable
        returns (bytes31 proved, uint64 gasUsed, uint256 fee)
    {
        bytes32 givenBatch = keccak256(abi.encode(proof.batch));
        if (givenBatch != batchHash) revert BatchMismatch(givenBatch, batchHash);
        bytes31 givenPre = Commitment.ofCalldata(proof.pre);
        if (givenPre != pre) revert PreStateMismatch(givenPre, pre);

        // A batch's steps all start at cursors in it. Else more steps are claimed than the batch has (`proved` zero).
        if (proof.pre.cursor.batch == proof.batch.index) {
            proved = Commitment.ofCalldata(proof.post);
            if (proved == claimed) revert StepIsAsClaimed();
            Input[] memory inputs = new Input[](1);
            inputs[0] = deriveInput(inbox, proof);
            if (inputs[0].kind == InputKind.Transaction) gasUsed = _gasUsed(proof);
            fee = Execute.proveSteps(
                Chain(chainId, fork, txGasCap),
                proof.pre,
                proof.post,
                inputs,
                gasUsed,
                proof.witness,
                proof.witnessPointers,
                msg.value
            );
        }
        if (msg.value > fee) SafeTransferLib.safeTransferETH(msg.sender, msg.value - fee);
    }

    /// @inheritdoc IStepVerifier
    function deriveInput(IInbox inbox, StepProof calldata proof) public view returns (Input memory input) {
        BatchHeader calldata batch = proof.batch;
        Cursor calldata cursor = proof.pre.cursor;
        uint64 forced = batch.forcedEnd - batch.forcedStart;
        if (cursor.batch != batch.index) {
            revert InvalidCursor(cursor.batch, cursor.chunk, cursor.item);
        } else if (cursor.chunk == 0 && cursor.item == 0) {
            _derivedBlockStart(inbox, proof, input);
            input.next = forced > 0 ? Cursor(cursor.batch, 0, 1) : Cursor(cursor.batch, 1, 0);
        } else if (cursor.chunk == 0 && cursor.item <= forced) {
            _forcedTransaction(inbox, proof, input);
            input.next = cursor.item < forced ? Cursor(cursor.batch, 0, cursor.item + 1) : Cursor(cursor.batch, 1, 0);
        } else if (cursor.chunk != 0 && cursor.chunk <= batch.chunkCount) {
            _chunkItem(proof, input);
        } else if (cursor.chunk == batch.chunkCount + 1 && cursor.item == 0) {
            input.kind = InputKind.BatchEnd;
            input.next = Cursor(cursor.batch + 1, 0, 0);
        } else {
            revert InvalidCursor(cursor.batch, cursor.chunk, cursor.item);
        }
    }

    /// The batch's first block: what L1 alone says, with the deposits as withdrawals.
    function _derivedBlockStart(IInbox inbox, StepProof calldata proof, Input memory input) private view {
        if (proof.pre.open.number != 0) revert BlockStillOpen();
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
        input.kind = InputKind.BlockStart;
        input.payload = abi.encode(_attributes(batch, timestamp, deposits));
    }

    function _forcedTransaction(IInbox inbox, StepProof calldata proof, Input memory input) private view {
        uint64 index = proof.batch.forcedStart + proof.pre.cursor.item - 1;
        (bytes32 rawHash,) = inbox.forcedAt(index);
        if (keccak256(proof.forcedTransaction) != rawHash) revert ForcedTransactionMismatch(index);
        input.kind = InputKind.Transaction;
        input.payload = proof.forcedTransaction;
    }

    /// An item of a data chunk, or what an empty chunk gives.
    function _chunkItem(StepProof calldata proof, Input memory input) private view {
        Cursor calldata cursor = proof.pre.cursor;
        (uint256 count, uint8 kind, bytes memory payload) = _openItem(proof);

        if (cursor.item < count) {
            if (kind == ChunkCodec.BLOCK_START) {
                _itemBlockStart(proof, payload, input);
            } else if (kind == ChunkCodec.TRANSACTION) {
                (input.kind, input.payload) = (InputKind.Transaction, payload);
            } else if (kind == ChunkCodec.FRAGMENT) {
                // A chunk's last item only: so there are never more fragments to prove than chunks.
                bool pending = uint256(cursor.item) + 1 == count
                    && uint256(proof.pre.fragmentsSize) + payload.length <= MAX_TRANSACTION_SIZE;
                (input.kind, input.payload) = pending ? (InputKind.Fragment, payload) : (InputKind.Skip, bytes(""));
            } else if (kind == ChunkCodec.LAST_FRAGMENT) {
                _itemLastFragment(proof, payload, input);
            } else {
                input.kind = InputKind.Skip;
            }
        } else if (count == 0 && cursor.item == 0) {
            input.kind = InputKind.Skip;
        } else {
            revert InvalidCursor(cursor.batch, cursor.chunk, cursor.item);
        }
        input.next = uint256(cursor.item) + 1 < count
            ? Cursor(cursor.batch, cursor.chunk, cursor.item + 1)
            : Cursor(cursor.batch, cursor.chunk + 1, 0);
    }

    function _itemBlockStart(StepProof calldata proof, bytes memory payload, Input memory input) private view {
        uint256 timestamp = uint256(proof.pre.open.attributes.timestamp) + ChunkCodec.delta(payload);
        if (proof.pre.open.number != 0 && timestamp <= uint256(proof.batch.originTimestamp) + maxDrift) {
            input.kind = InputKind.BlockStart;
            input.payload = abi.encode(_attributes(proof.batch, timestamp, new Withdrawal[](0)));
        } else {
            input.kind = InputKind.Skip;
        }
    }

    /// The transaction that the pending fragments and this one make.
    function _itemLastFragment(StepProof calldata proof, bytes memory last, Input memory input) private pure {
        uint256 pending = proof.pre.fragmentsSize;
        if (pending == 0 || pending + last.length > MAX_TRANSACTION_SIZE) {
            input.kind = InputKind.Skip;
            return;
        }
        bytes memory raw = new bytes(pending + last.length);
        bytes32 chain;
        uint256 size;
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
        assembly ("memory-safe") {
            mcopy(add(add(raw, 0x20), size), add(last, 0x20), mload(last))
        }
        (input.kind, input.payload) = (InputKind.Transaction, raw);
    }

    /// Opens the cursor's chunk and decodes the cursor's item.
    function _openItem(StepProof calldata proof)
        private
        view
        returns (uint256 count, uint8 kind, bytes memory payload)
    {
        Cursor calldata cursor = proof.pre.cursor;
        (bool ok, bytes memory chunk) = ChunkOpenings.open(setup, proof.batch, cursor.chunk - 1, proof.chunk);
        if (ok) (count, kind, payload) = ChunkCodec.decode(chunk, cursor.item, chainId, proof.batch.pages);
    }

    function _attributes(BatchHeader calldata batch, uint256 timestamp, Withdrawal[] memory withdrawals)
        private
        view
        returns (BlockAttributes memory attributes)
    {
        // Honest states stay far below; a state no honest party agrees to proves nothing.
        assert(timestamp <= type(uint64).max);
        attributes.timestamp = uint64(timestamp);
        attributes.feeRecipient = feeRecipient;
        attributes.prevRandao = batch.originPrevRandao;
        attributes.gasLimit = gasLimit;
        attributes.parentBeaconBlockRoot = batch.originHash;
        attributes.withdrawals = withdrawals;
    }

    /// L2 gas of a Transaction: what the open block has more of it. A no-op has none, with or without a block.
    function _gasUsed(StepProof calldata proof) private pure returns (uint64) {
        uint64 before = proof.pre.open.gasUsed;
        uint64 afterwards = proof.post.open.gasUsed;
        if (afterwards < before) revert GasUsedDecreases(before, afterwards);
        return afterwards - before;
    }
}
