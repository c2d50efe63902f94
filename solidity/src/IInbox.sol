// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// docs/protocol.md section 2.
struct BatchHeader {
    bytes32 parentHash;
    uint64 index;
    bytes32[] blobHashes; // of a batch in blobs
    bytes32 dataRoot; // of a batch in calldata (lib/ChunkRoot.sol), else zero
    address[] pages; // the dictionary's (Dictionary.sol) that its chunks are packed with
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

/// The dictionary that chunks are packed with (docs/data.md section 2): pages, which batches name by address.
interface IDictionary {
    /// Says the page's bytes, once: nodes need no L1 state to know them.
    event PagePublished(address indexed pointer, bytes data);

    /// Makes `data`, 1 to 24,575 bytes, a page. Anyone may; publishing a page again only returns where it is.
    function publishPage(bytes calldata data) external returns (address pointer);

    /// Whether batches may name it. Code that looks like a page, but wasn't published here, is none.
    function isPage(address pointer) external view returns (bool);
}

interface IInbox is IDictionary {
    event BatchPosted(uint64 indexed index, bytes32 indexed batchHash, address indexed poster, BatchHeader header);
    /// Beside BatchPosted, for a batch in calldata: all of its chunks, end to end.
    event CalldataPosted(bytes32 indexed batchHash, bytes data);
    event Deposited(uint64 indexed index, address indexed recipient, uint64 amountGwei);
    event TransactionForced(uint64 indexed index, bytes32 indexed rawHash, bytes raw);

    /// Posts the next batch: its data is all blobs of this transaction, in order.
    /// @param parentHash hash of the batch before it, zero for the first: a race or a reorg can't misplace it
    /// @param pages of the dictionary, at most 16
    /// @param originHeader RLP of the L1 origin's header
    function postBatch(bytes32 parentHash, uint64 chunkCount, address[] calldata pages, bytes calldata originHeader)
        external
        returns (bytes32 batchHash);

    /// The same with its data here: for L1s without blobs, or when they are dear. The transaction may have none.
    /// @param data 1 to 61 whole chunks of 2,032 bytes
    function postCalldata(
        bytes32 parentHash,
        bytes calldata data,
        address[] calldata pages,
        bytes calldata originHeader
    ) external returns (bytes32 batchHash);

    /// What posting would fix for an origin block number: every node can compute it from events; here to check.
    function due(uint64 originNumber) external view returns (uint64 depositEnd, uint64 forcedEnd);

    /// For the Portal, which has the money: has `amountGwei`, not zero, credited to `recipient` on L2.
    function enqueueDeposit(address recipient, uint64 amountGwei) external returns (uint64 index);

    /// Queues a signed L2 transaction (1 to MAX_FORCED_SIZE bytes) that every later batch must take in its turn. Payable
    /// with at least `forceFee()`, which is burned; the rest comes back.
    function forceTransaction(bytes calldata raw) external payable returns (uint64 index);

    /// Wei that the next forced transaction costs.
    function forceFee() external view returns (uint256);

    function headBatch() external view returns (bytes32 batchHash, uint64 count); // count = number of batches
    function batchExists(bytes32 batchHash) external view returns (bool);
    function batchIndex(bytes32 batchHash) external view returns (uint64); // reverts if there is no such batch
    function depositAt(uint64 index) external view returns (address recipient, uint64 amountGwei, uint64 l1Block);
    function forcedAt(uint64 index) external view returns (bytes32 rawHash, uint64 l1Block);
    function depositCount() external view returns (uint64);
    function forcedCount() external view returns (uint64);
    function sequencer() external view returns (address); // zero: anyone (based)
    function portal() external view returns (address); // the only depositor
    function exclusiveUntil() external view returns (uint64); // L1 timestamp after which anyone may post
}
