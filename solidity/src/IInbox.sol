// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// docs/protocol.md section 2.
struct BatchHeader {
    bytes32 parentHash;
    uint64 index;
    bytes32[] blobHashes;
    uint64 chunkCount;
    uint64 originNumber;
    bytes32 originHash;
    uint64 originTimestamp;
    bytes32 originPrevRandao;
    uint64 depositStart; // [depositStart, depositEnd) of the deposit queue
    uint64 depositEnd;
    uint64 forcedStart; // [forcedStart, forcedEnd) of the forced transaction queue
    uint64 forcedEnd;
}

interface IInbox {
    event BatchPosted(uint64 indexed index, bytes32 indexed batchHash, address indexed poster, BatchHeader header);
    event Deposited(uint64 indexed index, address indexed recipient, uint64 amountGwei);
    event TransactionForced(uint64 indexed index, bytes32 indexed rawHash, bytes raw);

    /// Posts the next batch: its data is all blobs of this transaction, in order.
    /// @param parentHash hash of the batch before it, zero for the first: a race or a reorg can't misplace it
    /// @param originHeader RLP of the L1 origin's header
    function postBatch(bytes32 parentHash, uint64 chunkCount, bytes calldata originHeader)
        external
        returns (bytes32 batchHash);

    /// What postBatch would fix for an origin block number: every node can compute it from events; here to check.
    function due(uint64 originNumber) external view returns (uint64 depositEnd, uint64 forcedEnd);

    /// value is credited to `recipient` on L2; must be a positive multiple of 1 Gwei.
    function deposit(address recipient) external payable returns (uint64 index);

    /// Queues a signed L2 transaction (1 to MAX_FORCED_SIZE bytes) that every later batch must take in its turn.
    function forceTransaction(bytes calldata raw) external returns (uint64 index);

    function headBatch() external view returns (bytes32 batchHash, uint64 count); // count = number of batches
    function batchExists(bytes32 batchHash) external view returns (bool);
    function batchIndex(bytes32 batchHash) external view returns (uint64); // reverts if there is no such batch
    function depositAt(uint64 index) external view returns (address recipient, uint64 amountGwei, uint64 l1Block);
    function forcedAt(uint64 index) external view returns (bytes32 rawHash, uint64 l1Block);
    function depositCount() external view returns (uint64);
    function forcedCount() external view returns (uint64);
    function sequencer() external view returns (address); // zero: anyone (based)
    function exclusiveUntil() external view returns (uint64); // L1 timestamp after which anyone may post
}
