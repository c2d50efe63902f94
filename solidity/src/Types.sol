// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// The data a rollup step is made of; `execution/types.py` is the Python twin (see docs/protocol.md).

struct Withdrawal {
    uint64 index;
    uint64 validatorIndex;
    address recipient;
    uint64 amount; // Gwei (EIP-4895)
}

struct BlockAttributes {
    uint64 timestamp;
    address feeRecipient;
    bytes32 prevRandao;
    uint64 gasLimit;
    bytes32 parentBeaconBlockRoot;
    bytes extraData;
    Withdrawal[] withdrawals;
}

/// `number == 0` means no block is open (then every other field is zero or empty): block 0 is the genesis.
struct OpenBlock {
    uint64 number;
    BlockAttributes attributes;
    uint256 baseFeePerGas;
    uint64 excessBlobGas;
    uint64 transactionCount;
    uint64 gasUsed;
    bytes logsBloom; // 256 bytes, or empty when no block is open
    bytes32 transactionsRoot;
    bytes32 receiptsRoot;
    bytes depositRequests;
}

/// chunk 0 is derived from L1 alone (item 0: BlockStart, then the forced transactions); chunk c in
/// 1..chunkCount is data chunk c-1; chunkCount+1 is the BatchEnd.
struct Cursor {
    uint64 batch;
    uint64 chunk;
    uint64 item;
}

struct StepState {
    bytes32 stateRoot;
    bytes32 blockHash;
    OpenBlock open;
    bytes32 fragmentsHash;
    uint64 fragmentsSize;
    Cursor cursor;
}

enum InputKind {
    BlockStart, // payload: abi.encode(BlockAttributes)
    Transaction, // payload: EIP-2718 bytes
    Fragment, // payload: the fragment's bytes
    Skip, // payload: empty
    BatchEnd // payload: empty
}

struct Input {
    InputKind kind;
    bytes payload;
    Cursor next;
}

/// Which chain is executed: the first fields of a Trace.
struct Chain {
    uint64 chainId;
    bytes32 fork;
    uint64 txGasCap;
}

/// What EXECUTE takes as `trace`: abi.encode(Trace). `witness` is opaque to Solidity: RLP([state, codes, headers]).
struct Trace {
    uint64 chainId;
    bytes32 fork; // bytes32("prague")
    uint64 txGasCap; // a transaction with a higher gas limit is a no-op; 0: no cap
    StepState pre;
    StepState post;
    Input[] inputs;
    bytes witness;
}

/// What whoever calls a contract claims to follow from the inputs that the contract derives itself (lib/Execute.sol).
struct Claim {
    StepState pre; // to be bound by the contract
    StepState post; // bound by EXECUTE
    uint64 gasUsed; // L2 gas of the transactions among the inputs
    bytes witness; // RLP([state, codes, headers]); empty if it is staged
    address[] pointers; // where it is staged (Stage.sol), in order; empty if it is given
}
