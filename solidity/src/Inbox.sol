// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {BlockHeader} from "@openzeppelin/contracts/utils/BlockHeader.sol";
import {Memory} from "@openzeppelin/contracts/utils/Memory.sol";
import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";
import {Dictionary} from "./Dictionary.sol";
import {BatchHeader, IInbox} from "./IInbox.sol";
import {ChunkRoot} from "./lib/ChunkRoot.sol";
import {FakeExponential} from "./lib/FakeExponential.sol";

/// docs/protocol.md section 2: the order of L2. Batches are only ever appended. No owner, no pause, no upgrade.
///
/// No money stays here: deposits are the Portal's, and what forced transactions cost is burned.
contract Inbox is IInbox, Dictionary {
    error ZeroMaxOriginAge();
    error MaxOriginAgeTooLong(uint64 maxOriginAge, uint64 limit);
    error ExclusiveTimeoutOutOfRange(uint64 exclusiveTimeout, uint64 limit);
    error ZeroPortal();
    error ZeroForceFee();

    error NotSequencer(address caller, uint64 exclusiveUntil);
    error ParentMismatch(bytes32 given, bytes32 head);
    error TooManyBlobs(uint256 limit);
    error WrongChunkCount(uint64 chunkCount, uint256 blobs);
    error BlobsBesideCalldata();
    error NotWholeChunks(uint256 size, uint256 chunkSize, uint256 maxChunks);
    error TooManyPages(uint256 pages, uint256 limit);
    error NoSuchPage(address pointer);
    error OriginNotPast(uint256 originNumber, uint256 blockNumber);
    error OriginTooOld(uint256 originNumber, uint256 oldest);
    error OriginBeforeParents(uint256 originNumber, uint64 parentOriginNumber);
    error OriginHeaderMismatch(uint256 originNumber, bytes32 headerHash);
    error NotPortal(address caller);
    error ZeroRecipient();
    error ZeroDeposit();
    error ForceFeeTooLow(uint256 given, uint256 fee);
    error ForcedSizeOutOfRange(uint256 size, uint256 limit);
    error UnknownBatch(bytes32 batchHash);

    struct Deposit {
        address recipient;
        uint64 amountGwei;
        uint32 l1Block;
    }

    struct Forced {
        bytes32 rawHash;
        uint64 l1Block;
    }

    uint256 public constant MAX_BLOBS = 6;
    uint64 public constant CHUNKS_PER_BLOB = 64;
    /// With it a transaction stays below the 128 KiB that L1 nodes relay.
    uint256 public constant MAX_CALLDATA_CHUNKS = 61;
    uint256 public constant MAX_PAGES = 16;
    uint64 public constant MAX_DEPOSITS_PER_BATCH = 16;
    uint64 public constant MAX_FORCED_PER_BATCH = 16;
    /// Bytes.
    uint256 public constant MAX_FORCED_SIZE = 32768;
    /// EIP-2935 serves this many blocks.
    uint64 public constant MAX_ORIGIN_AGE_LIMIT = 8191;
    /// Seconds.
    uint64 public constant EXCLUSIVE_TIMEOUT_LIMIT = 30 days;
    /// So many forced transactions more than there were L1 blocks, and the next costs e times as much.
    uint64 public constant FORCE_FEE_UPDATE_FRACTION = 16;
    /// Burned ETH is sent to the zero address: nobody has its key.
    address private constant BURN = address(0);

    /// @inheritdoc IInbox
    address public immutable sequencer;
    /// Seconds of the sequencer's silence after which anyone may post, until it posts again.
    uint64 public immutable exclusiveTimeout;
    /// L1 blocks.
    uint64 public immutable maxOriginAge;
    /// @inheritdoc IInbox
    address public immutable portal;
    /// Wei.
    uint256 public immutable minForceFee;

    bytes32 private _head;
    uint64 private _count;
    uint64 private _originNumber; // of the last batch
    uint64 private _depositNext;
    uint64 private _forcedNext;
    uint64 private _renewedAt; // when the sequencer's right was renewed last: L1 timestamp
    uint64 private _renewedBlock; // and L1 block
    uint64 private _forceExcess; // at _forceBlock, the last one with a forced transaction
    uint64 private _forceBlock;
    Deposit[] private _deposits;
    Forced[] private _forced;
    mapping(bytes32 batchHash => uint256 indexPlusOne) private _batches;

    /// @param sequencer_ zero: anyone may post at any time (then `exclusiveTimeout_` must be 0)
    /// @param exclusiveTimeout_ seconds
    /// @param maxOriginAge_ L1 blocks
    /// @param portal_ whose deposits are taken
    /// @param minForceFee_ wei that a forced transaction costs when there was none for a while
    constructor(
        address sequencer_,
        uint64 exclusiveTimeout_,
        uint64 maxOriginAge_,
        address portal_,
        uint256 minForceFee_
    ) {
        if (maxOriginAge_ == 0) revert ZeroMaxOriginAge();
        if (maxOriginAge_ > MAX_ORIGIN_AGE_LIMIT) revert MaxOriginAgeTooLong(maxOriginAge_, MAX_ORIGIN_AGE_LIMIT);
        if ((sequencer_ == address(0)) != (exclusiveTimeout_ == 0) || exclusiveTimeout_ > EXCLUSIVE_TIMEOUT_LIMIT) {
            revert ExclusiveTimeoutOutOfRange(exclusiveTimeout_, EXCLUSIVE_TIMEOUT_LIMIT);
        }
        sequencer = sequencer_;
        exclusiveTimeout = exclusiveTimeout_;
        maxOriginAge = maxOriginAge_;
        if (portal_ == address(0)) revert ZeroPortal();
        if (minForceFee_ == 0) revert ZeroForceFee(); // it could never rise
        (portal, minForceFee) = (portal_, minForceFee_);
        (_renewedAt, _renewedBlock) = (uint64(block.timestamp), uint64(block.number));
        // No origin from before this contract: the genesis must not depend on when the first batch is posted.
        if (block.number > 0) _originNumber = uint64(block.number - 1);
    }

    /// @inheritdoc IInbox
    function postBatch(bytes32 parentHash, uint64 chunkCount, address[] calldata pages, bytes calldata originHeader)
        external
        returns (bytes32 batchHash)
    {
        _requireTurn(parentHash);
        BatchHeader memory header;
        header.blobHashes = _blobHashes();
        if ((uint256(chunkCount) + CHUNKS_PER_BLOB - 1) / CHUNKS_PER_BLOB != header.blobHashes.length) {
            revert WrongChunkCount(chunkCount, header.blobHashes.length);
        }
        header.chunkCount = chunkCount;
        return _append(parentHash, header, pages, originHeader);
    }

    /// @inheritdoc IInbox
    function postCalldata(
        bytes32 parentHash,
        bytes calldata data,
        address[] calldata pages,
        bytes calldata originHeader
    ) external returns (bytes32 batchHash) {
        _requireTurn(parentHash);
        if (blobhash(0) != 0) revert BlobsBesideCalldata();
        uint256 chunks = data.length / ChunkRoot.CHUNK_SIZE;
        if (chunks == 0 || chunks > MAX_CALLDATA_CHUNKS || data.length != chunks * ChunkRoot.CHUNK_SIZE) {
            revert NotWholeChunks(data.length, ChunkRoot.CHUNK_SIZE, MAX_CALLDATA_CHUNKS);
        }
        BatchHeader memory header;
        header.dataRoot = ChunkRoot.compute(data);
        header.chunkCount = uint64(chunks);
        batchHash = _append(parentHash, header, pages, originHeader);
        emit CalldataPosted(batchHash, data);
    }

    /// @inheritdoc IInbox
    function due(uint64 originNumber) public view returns (uint64 depositEnd, uint64 forcedEnd) {
        uint64 end = _min(_depositNext + MAX_DEPOSITS_PER_BATCH, depositCount());
        for (depositEnd = _depositNext; depositEnd < end; ++depositEnd) {
            if (_deposits[depositEnd].l1Block > originNumber) break;
        }
        end = _min(_forcedNext + MAX_FORCED_PER_BATCH, forcedCount());
        for (forcedEnd = _forcedNext; forcedEnd < end; ++forcedEnd) {
            if (_forced[forcedEnd].l1Block > originNumber) break;
        }
    }

    /// @inheritdoc IInbox
    function enqueueDeposit(address recipient, uint64 amountGwei) external returns (uint64 index) {
        if (msg.sender != portal) revert NotPortal(msg.sender);
        if (recipient == address(0)) revert ZeroRecipient();
        if (amountGwei == 0) revert ZeroDeposit();
        index = depositCount();
        _deposits.push(Deposit(recipient, amountGwei, uint32(block.number)));
        emit Deposited(index, recipient, amountGwei);
    }

    /// @inheritdoc IInbox
    function forceTransaction(bytes calldata raw) external payable returns (uint64 index) {
        if (raw.length == 0 || raw.length > MAX_FORCED_SIZE) revert ForcedSizeOutOfRange(raw.length, MAX_FORCED_SIZE);
        uint256 fee = forceFee();
        if (msg.value < fee) revert ForceFeeTooLow(msg.value, fee);
        (_forceExcess, _forceBlock) = (_excess() + 1, uint64(block.number));
        bytes32 rawHash = keccak256(raw);
        index = forcedCount();
        _forced.push(Forced(rawHash, uint64(block.number)));
        emit TransactionForced(index, rawHash, raw);
        SafeTransferLib.safeTransferETH(BURN, fee);
        if (msg.value != fee) SafeTransferLib.safeTransferETH(msg.sender, msg.value - fee);
    }

    /// @inheritdoc IInbox
    function forceFee() public view returns (uint256) {
        return FakeExponential.compute(minForceFee, _excess(), FORCE_FEE_UPDATE_FRACTION);
    }

    /// @inheritdoc IInbox
    function headBatch() external view returns (bytes32 batchHash, uint64 count) {
        return (_head, _count);
    }

    /// @inheritdoc IInbox
    function batchExists(bytes32 batchHash) external view returns (bool) {
        return _batches[batchHash] != 0;
    }

    /// @inheritdoc IInbox
    function batchIndex(bytes32 batchHash) external view returns (uint64) {
        uint256 indexPlusOne = _batches[batchHash];
        if (indexPlusOne == 0) revert UnknownBatch(batchHash);
        return uint64(indexPlusOne - 1);
    }

    /// @inheritdoc IInbox
    function depositAt(uint64 index) external view returns (address recipient, uint64 amountGwei, uint64 l1Block) {
        Deposit storage d = _deposits[index];
        return (d.recipient, d.amountGwei, d.l1Block);
    }

    /// @inheritdoc IInbox
    function forcedAt(uint64 index) external view returns (bytes32 rawHash, uint64 l1Block) {
        Forced storage f = _forced[index];
        return (f.rawHash, f.l1Block);
    }

    /// @inheritdoc IInbox
    function depositCount() public view returns (uint64) {
        return uint64(_deposits.length);
    }

    /// @inheritdoc IInbox
    function forcedCount() public view returns (uint64) {
        return uint64(_forced.length);
    }

    /// @inheritdoc IInbox
    /// @dev Only the sequencer's own batches renew its right: a dead sequencer doesn't slow down who replaces it. Nor do
    /// they while they leave waiting what was there at the last renewal, or it could keep the queues waiting for ever with
    /// a batch of 16 now and then. So whatever has waited for two timeouts is free for anyone to take in.
    function exclusiveUntil() public view returns (uint64) {
        return sequencer == address(0) ? 0 : _renewedAt + exclusiveTimeout;
    }

    /// The origin of the next batch is this L1 block or a later one.
    function lastOriginNumber() external view returns (uint64) {
        return _originNumber;
    }

    /// Where the next batch's deposits and forced transactions start.
    function nextDue() external view returns (uint64 depositStart, uint64 forcedStart) {
        return (_depositNext, _forcedNext);
    }

    /// Who may post now, onto what.
    function _requireTurn(bytes32 parentHash) private view {
        if (msg.sender != sequencer && block.timestamp <= exclusiveUntil()) {
            revert NotSequencer(msg.sender, exclusiveUntil());
        }
        if (parentHash != _head) revert ParentMismatch(parentHash, _head);
    }

    /// After a batch: the sequencer's right, see `exclusiveUntil`.
    function _renew() private {
        if (msg.sender != sequencer) return;
        if (_depositNext < depositCount() && _deposits[_depositNext].l1Block <= _renewedBlock) return;
        if (_forcedNext < forcedCount() && _forced[_forcedNext].l1Block <= _renewedBlock) return;
        (_renewedAt, _renewedBlock) = (uint64(block.timestamp), uint64(block.number));
    }

    /// How many more transactions were forced than L1 blocks have passed, counted from zero.
    function _excess() private view returns (uint64) {
        uint64 passed = uint64(block.number) - _forceBlock;
        return _forceExcess > passed ? _forceExcess - passed : 0;
    }

    /// Fixes the rest of `header`, whose data is in it already, and makes it the next batch.
    function _append(
        bytes32 parentHash,
        BatchHeader memory header,
        address[] calldata pages,
        bytes calldata originHeader
    ) private returns (bytes32 batchHash) {
        if (pages.length > MAX_PAGES) revert TooManyPages(pages.length, MAX_PAGES);
        for (uint256 i = 0; i < pages.length; ++i) {
            if (!isPage(pages[i])) revert NoSuchPage(pages[i]);
        }
        header.parentHash = parentHash;
        header.index = _count;
        header.pages = pages;
        _readOrigin(originHeader, header);
        (header.depositStart, header.forcedStart) = (_depositNext, _forcedNext);
        (header.depositEnd, header.forcedEnd) = due(header.originNumber);

        batchHash = keccak256(abi.encode(header));
        _head = batchHash;
        _count = header.index + 1;
        _originNumber = header.originNumber;
        _depositNext = header.depositEnd;
        _forcedNext = header.forcedEnd;
        _batches[batchHash] = _count;
        _renew();
        emit BatchPosted(header.index, batchHash, msg.sender, header);
    }

    /// The versioned hashes of this transaction's blobs.
    function _blobHashes() private view returns (bytes32[] memory hashes) {
        uint256 count = 0;
        while (blobhash(count) != 0) ++count;
        if (count > MAX_BLOBS) revert TooManyBlobs(MAX_BLOBS);
        hashes = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            hashes[i] = blobhash(i);
        }
    }

    /// Checks that `rlp` is the header of a recent L1 block and takes from it what derivation needs.
    function _readOrigin(bytes memory rlp, BatchHeader memory header) private view {
        Memory.Slice[] memory fields = BlockHeader.parseHeader(rlp);
        uint256 number = BlockHeader.getNumber(fields);
        if (number >= block.number) revert OriginNotPast(number, block.number);
        if (block.number - number > maxOriginAge) revert OriginTooOld(number, block.number - maxOriginAge);
        if (number < _originNumber) revert OriginBeforeParents(number, _originNumber);
        bytes32 hash = keccak256(rlp);
        if (!BlockHeader.verifyBlockHeader(fields, hash)) revert OriginHeaderMismatch(number, hash);
        header.originNumber = uint64(number);
        header.originHash = hash;
        header.originTimestamp = uint64(BlockHeader.getTimestamp(fields));
        header.originPrevRandao = BlockHeader.getPrevRandao(fields);
    }

    function _min(uint64 a, uint64 b) private pure returns (uint64) {
        return a < b ? a : b;
    }
}
