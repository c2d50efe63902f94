// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {BatchHeader, IInbox} from "./IInbox.sol";
import {StepState} from "./Types.sol";

/// docs/protocol.md sections 5 to 7. Commitments are bytes31.

/// One KZG point evaluation of a field element of a blob: commitment and proof 48 bytes each.
struct ElementOpening {
    bytes32 value; // the field element
    bytes proof; // 48 bytes
}

/// Opens checkpoint elements j and j+1 of an assertion (they may lie in different blobs).
struct CheckpointOpening {
    bytes[] commitments; // KZG commitment (48 bytes) of the blob of j, then of the blob of j+1 (same one twice if equal)
    ElementOpening[2] elements;
}

/// Opens one chunk of a batch (docs/protocol.md section 7).
struct ChunkOpening {
    bytes data; // the blob's 64 field elements (2,048 bytes), or a calldata batch's chunk (2,032 bytes)
    bytes commitment; // of the blob: 48 bytes with point evaluations, 128 bytes (EIP-2537) with a cell proof; else empty
    bytes[] proofs; // 64 point evaluations of 48 bytes, or one cell proof of 128 bytes; none for calldata
    bytes32[] path; // calldata: the Merkle siblings, from the leaf upwards; else empty
}

/// Of a step, or of several in a row: what the cursors' sources need, in order, and what EXECUTE needs. What no source
/// needs is empty.
struct StepProof {
    BatchHeader batch; // checked against the batch hash
    StepState pre;
    StepState post;
    bytes parentHeader; // RLP, for a derived BlockStart
    bytes[] forcedTransactions; // raw, each of the steps' forced Transactions
    ChunkOpening[] chunks; // each chunk that the steps have items of, once
    bytes[] fragments; // those pending at `pre`, if a LastFragment joins them
    bytes witness; // opaque: RLP([state, codes, headers]); empty if it is staged
    address[] witnessPointers; // where it is staged (Stage.sol), in order; empty if it is given
}

struct Assertion {
    bytes32 parentId;
    bytes32 batchHash;
    uint64 batchIndex;
    uint64 steps; // N
    bytes31 commitment; // of the final StepState
    bytes32 stateRoot; // of the final StepState
    bytes32 blockHash; // of the last L2 block
    bytes32[] checkpointBlobs;
    address asserter; // zero: settled
    uint64 createdAt; // L1 timestamp
    uint64 openGames;
    AssertionStatus status;
}

enum AssertionStatus {
    None,
    Pending,
    Confirmed,
    Killed
}

struct Game {
    bytes32 assertionId;
    address challenger;
    uint64 lo; // agreed step
    uint64 hi; // disputed step
    uint64 congestion; // EXECUTE's congestedSeconds when the challenger's move with one step left began
    bytes31 loCommitment;
    bytes31 hiCommitment;
    bytes32 splitHash; // keccak256(abi.encode(bytes31[])) of the last split, zero when it is the asserter's move
    uint64 asserterClock; // seconds left
    uint64 challengerClock;
    uint64 movedAt; // L1 timestamp the current mover's clock runs from
    GameStatus status;
}

enum GameStatus {
    None,
    Open,
    ChallengerWon, // the assertion was killed in this game
    AsserterWon,
    Void // the assertion died otherwise, or was confirmed by proof: the challenger's bond can be reclaimed
}

interface IRollup {
    event AssertionMade(
        bytes32 indexed id,
        bytes32 indexed parentId,
        bytes32 indexed batchHash,
        address asserter,
        uint64 steps,
        bytes31 commitment,
        bytes32 stateRoot,
        bytes32 blockHash,
        bytes32[] checkpointBlobs
    );
    event AssertionConfirmed(bytes32 indexed id, bytes32 stateRoot, bytes32 blockHash);
    /// reason: 0 step proof, 1 asserter timed out, 2 dead parent, 3 rival of a confirmed assertion
    event AssertionKilled(bytes32 indexed id, address indexed by, uint8 reason, uint256 paid, uint256 burned);
    event StepProved(
        bytes32 indexed id, uint64 step, bytes31 claimed, bytes31 proved, uint64 gasUsed, uint256 executeFee
    );
    /// `steps` of the batch are settled now, and lead to `commitment`. Of what was new: L2 gas, and wei paid to EXECUTE.
    event SegmentSettled(
        bytes32 indexed batchHash,
        address indexed settler,
        uint64 steps,
        bytes31 commitment,
        uint64 gasUsed,
        uint256 executeFee
    );
    event GameOpened(
        bytes32 indexed gameId, bytes32 indexed assertionId, address indexed challenger, uint64 lo, uint64 hi
    );
    event Split(bytes32 indexed gameId, uint64 lo, uint64 hi, bytes31[] commitments);
    event Picked(bytes32 indexed gameId, uint64 lo, uint64 hi);
    event GameEnded(bytes32 indexed gameId, GameStatus status);
    event Credited(address indexed to, uint256 amount);

    /// Payable with exactly `assertionBond`. The checkpoints are the blobs of this transaction.
    /// @param ends opens checkpoints 0 and M-1
    function makeAssertion(
        bytes32 parentId,
        bytes32 batchHash,
        uint64 batchIndex,
        uint64 steps,
        StepState calldata finalState,
        CheckpointOpening calldata ends
    ) external payable returns (bytes32 id);

    function confirm(bytes32 id) external;

    /// Proves the next steps of the batch after the latest confirmed assertion, by EXECUTE. Payable with its fee; excess is
    /// returned. At the batch's end an assertion of it is confirmed at once: it has no asserter and no bond. Until then the
    /// commitment reached is kept, for whoever goes on.
    /// @param from where the steps begin: the commitment reached, or that of the latest confirmed assertion
    /// @param steps at least one more than are settled
    /// @param gasUsed L2 gas of the transactions among them
    /// @return id of the assertion, zero if the batch isn't at its end
    function settle(bytes32 batchHash, bytes31 from, uint64 steps, uint64 gasUsed, StepProof calldata proof)
        external
        payable
        returns (bytes32 id);

    /// stride 1, or the last interval of a batch is one step long: kills in one transaction, payable with the
    /// EXECUTE fee (excess is returned); reverts with a reason if the step turns out as claimed or the proof is bad.
    function proveStep(bytes32 id, uint64 j, CheckpointOpening calldata opening, StepProof calldata proof)
        external
        payable;

    function openGame(bytes32 id, uint64 j, CheckpointOpening calldata opening)
        external
        payable
        returns (bytes32 gameId);
    function split(bytes32 gameId, uint64 lo, uint64 hi, bytes31[] calldata commitments) external;
    function pick(bytes32 gameId, uint64 lo, uint64 hi, bytes31[] calldata commitments, uint64 segment) external;
    /// The challenger's last move, when one step is left; else as `proveStep`. What was spent on staging a witness is
    /// not paid back, here or there.
    function proveStepInGame(bytes32 gameId, StepProof calldata proof) external payable;
    function timeout(bytes32[] calldata gameIds) external; // ends each game whose mover's deadline has passed
    /// Kills an assertion whose parent is killed or whose rival is confirmed. One that says what the rival says is a
    /// duplicate: it is confirmed too, so that what was built on it stands.
    function killOrphan(bytes32 id) external;
    /// Credits the bond of a void game to its challenger.
    function reclaim(bytes32 gameId) external;
    function withdraw(address to) external returns (uint256); // pays out the caller's credit

    function inbox() external view returns (IInbox);
    /// How far the batch is settled: where its first `steps` steps lead. Zero: not at all, or wholly.
    function settled(bytes32 batchHash) external view returns (bytes31 commitment, uint64 steps);
    function credit(address who) external view returns (uint256);
    function assertion(bytes32 id) external view returns (Assertion memory);
    function game(bytes32 gameId) external view returns (Game memory);
    /// L1 timestamp from which `timeout` ends an open game and its mover can't move any more. While the move is a call
    /// of EXECUTE (one step is left) it rises with each block in which EXECUTE was full, up to the assertion's window.
    function deadline(bytes32 gameId) external view returns (uint64);
    function latestConfirmed()
        external
        view
        returns (bytes32 id, uint64 batchCount, bytes32 stateRoot, bytes32 blockHash);
}
