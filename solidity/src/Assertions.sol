// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Bonds} from "./Bonds.sol";
import {IInbox} from "./IInbox.sol";
import {Assertion, AssertionStatus, CheckpointOpening, IRollup} from "./IRollup.sol";
import {IStepVerifier} from "./IStepVerifier.sol";
import {OpenBlock, StepState} from "./Types.sol";
import {Checkpoints} from "./lib/Checkpoints.sol";
import {Commitment} from "./lib/Commitment.sol";
import {Kzg} from "./lib/Kzg.sol";

/// What a rollup is made with. Nothing of it can ever change.
struct RollupConfig {
    address inbox; // Inbox
    address verifier; // StepVerifier
    uint64 stride; // steps between checkpoints; 0: only the first and the last of a batch
    uint64 arity; // parts a split cuts an interval into, 2 to 64
    uint64 window; // seconds in which an assertion can be challenged
    uint64 clock; // seconds each side of a game has for all its moves
    uint256 assertionBond; // wei
    uint256 challengeBond; // wei
    uint64 rewardBps; // of the assertion bond, for a kill, in 1/10000
    bytes32 genesisStateRoot;
    bytes32 genesisBlockHash;
}

/// docs/protocol.md section 5: assertions, their order and their end.
///
/// An assertion is Pending until it is confirmed or killed; both are final. What is confirmed forms one chain of states. A
/// state may be confirmed in several assertions, and each of them can be the parent of the next.
abstract contract Assertions is IRollup, Bonds {
    error NoContract(address at_);
    error ArityOutOfRange(uint64 arity, uint64 min, uint64 max);
    error StrideTooLong(uint64 stride, uint64 max);
    error ZeroClock();
    error WindowTooShort(uint64 window, uint64 clock); // must be over two clocks
    error WindowTooLong(uint64 window, uint64 max);
    error ZeroAssertionBond();
    error ZeroChallengeBond();
    error RewardTooHigh(uint64 rewardBps, uint64 max);
    error ZeroGenesis();

    error AssertionExists(bytes32 id);
    error UnknownAssertion(bytes32 id);
    error NotPending(bytes32 id, AssertionStatus status);
    error ParentKilled(bytes32 parentId);
    error ParentHasConfirmedChild(bytes32 parentId);
    error WrongBatchIndex(uint64 given, uint64 expected);
    error WrongBatch(bytes32 batchHash, uint64 index);
    error StepsOutOfRange(uint64 steps, uint64 max);
    error FinalStateNotAtBatchEnd();
    error WrongBlobCount(uint256 expected);
    error WrongEnd(uint64 checkpoint, bytes31 given, bytes31 expected);
    error WindowOpen(uint64 until);
    error GamesOpen(uint64 openGames);
    error ParentNotLatestConfirmed(bytes32 parentId, bytes32 latestConfirmed);
    error NotOrphan(bytes32 id);

    uint8 internal constant REASON_STEP_PROOF = 0;
    uint8 internal constant REASON_TIMEOUT = 1;
    uint8 internal constant REASON_DEAD_PARENT = 2;
    uint8 internal constant REASON_RIVAL = 3;

    uint64 internal constant MIN_ARITY = 2;
    uint64 internal constant MAX_ARITY = 64;
    uint64 internal constant MAX_REWARD_BPS = 5000;
    uint64 internal constant MAX_WINDOW = 365 days;

    /// Where batches are.
    IInbox public immutable inbox;
    /// What judges a step.
    IStepVerifier public immutable verifier;
    /// Steps between checkpoints; 0: a whole batch.
    uint64 public immutable stride;
    /// Parts that a split cuts an interval into.
    uint64 public immutable arity;
    /// Seconds in which an assertion can be challenged.
    uint64 public immutable window;
    /// Seconds each side of a game has for all its moves.
    uint64 public immutable clock;
    /// Wei.
    uint256 public immutable assertionBond;
    /// Wei.
    uint256 public immutable challengeBond;
    /// 1/10000 of the assertion bond: the reward for a kill.
    uint64 public immutable rewardBps;

    bytes32 private _latestConfirmed;
    mapping(bytes32 id => Assertion) internal _assertions;
    /// By the commitment of the parent, which fixes where in the chain it is and all that a child can begin with.
    mapping(bytes31 parent => bytes32 id) private _confirmedChild;

    constructor(RollupConfig memory c) {
        if (c.inbox.code.length == 0) revert NoContract(c.inbox);
        if (c.verifier.code.length == 0) revert NoContract(c.verifier);
        if (c.arity < MIN_ARITY || c.arity > MAX_ARITY) revert ArityOutOfRange(c.arity, MIN_ARITY, MAX_ARITY);
        if (c.stride > Checkpoints.MAX_STEPS) revert StrideTooLong(c.stride, Checkpoints.MAX_STEPS);
        if (c.clock == 0) revert ZeroClock();
        if (c.window > MAX_WINDOW) revert WindowTooLong(c.window, MAX_WINDOW);
        // In the last 2 * clock seconds no game can be opened any more; some time must be left before that.
        if (c.clock >= (c.window + 1) / 2) revert WindowTooShort(c.window, c.clock);
        if (c.assertionBond == 0) revert ZeroAssertionBond();
        if (c.challengeBond == 0) revert ZeroChallengeBond();
        if (c.rewardBps > MAX_REWARD_BPS) revert RewardTooHigh(c.rewardBps, MAX_REWARD_BPS);
        if (c.genesisStateRoot == 0 || c.genesisBlockHash == 0) revert ZeroGenesis();
        inbox = IInbox(c.inbox);
        verifier = IStepVerifier(c.verifier);
        (stride, arity, window, clock) = (c.stride, c.arity, c.window, c.clock);
        (assertionBond, challengeBond, rewardBps) = (c.assertionBond, c.challengeBond, c.rewardBps);

        // The genesis assertion: id zero, before batch 0.
        StepState memory state;
        state.stateRoot = c.genesisStateRoot;
        state.blockHash = c.genesisBlockHash;
        Assertion storage genesis = _assertions[0];
        genesis.commitment = Commitment.ofMemory(state);
        genesis.stateRoot = c.genesisStateRoot;
        genesis.blockHash = c.genesisBlockHash;
        genesis.createdAt = uint64(block.timestamp);
        genesis.status = AssertionStatus.Confirmed;
        emit AssertionConfirmed(0, c.genesisStateRoot, c.genesisBlockHash);
    }

    /// @inheritdoc IRollup
    function makeAssertion(
        bytes32 parentId,
        bytes32 batchHash,
        uint64 batchIndex,
        uint64 steps,
        StepState calldata finalState,
        CheckpointOpening calldata ends
    ) external payable nonReentrant returns (bytes32 id) {
        _requireBond(assertionBond);
        Assertion memory a;
        a.parentId = parentId;
        a.batchHash = batchHash;
        a.batchIndex = batchIndex;
        a.steps = steps;
        a.commitment = Commitment.ofCalldata(finalState);
        a.stateRoot = finalState.stateRoot;
        a.blockHash = finalState.blockHash;
        a.asserter = msg.sender;
        a.createdAt = uint64(block.timestamp);
        a.status = AssertionStatus.Pending;

        _requireParent(parentId, batchIndex);
        if (inbox.batchIndex(batchHash) != batchIndex) revert WrongBatch(batchHash, batchIndex);
        if (steps == 0 || steps > Checkpoints.MAX_STEPS) revert StepsOutOfRange(steps, Checkpoints.MAX_STEPS);
        _requireAtBatchEnd(finalState, batchIndex);
        a.checkpointBlobs = _requireCheckpoints(a, ends);

        id = keccak256(abi.encode(parentId, batchHash, steps, a.commitment, a.checkpointBlobs, msg.sender));
        // What died may have been right and only its asserter silent: the same can be asserted again, as another.
        while (_assertions[id].status == AssertionStatus.Killed) {
            id = keccak256(abi.encode(id));
        }
        if (_assertions[id].status != AssertionStatus.None) revert AssertionExists(id);
        _assertions[id] = a;
        emit AssertionMade(
            id, parentId, batchHash, msg.sender, steps, a.commitment, a.stateRoot, a.blockHash, a.checkpointBlobs
        );
    }

    /// @inheritdoc IRollup
    function confirm(bytes32 id) external nonReentrant {
        Assertion storage a = _pending(id);
        if (block.timestamp < a.createdAt + window) revert WindowOpen(a.createdAt + window);
        if (a.openGames != 0) revert GamesOpen(a.openGames);
        // A parent that isn't the latest confirmed one isn't confirmed yet, is dead, or has another child confirmed. A
        // confirmed duplicate of the latest is as good.
        Assertion storage parent = _assertions[a.parentId];
        if (parent.status != AssertionStatus.Confirmed || parent.commitment != _latest().commitment) {
            revert ParentNotLatestConfirmed(a.parentId, _latestConfirmed);
        }
        _confirm(id, a);
        _confirmedChild[parent.commitment] = id;
        _latestConfirmed = id;
        _owe(a.asserter, assertionBond);
    }

    /// @inheritdoc IRollup
    /// @dev A dead parent may have been right and only its asserter silent, and a child of a wrong one can't be
    /// confirmed anyhow: the bond goes back. So it does for a duplicate of what was confirmed. Another rival was wrong.
    ///
    /// A duplicate isn't killed, or whoever confirms a second one, or settles a batch, could undo all that was built on the
    /// first, again and again.
    function killOrphan(bytes32 id) external nonReentrant {
        Assertion storage a = _pending(id);
        Assertion storage parent = _assertions[a.parentId];
        bytes32 rivalId = _confirmedChild[parent.commitment];
        if (parent.status == AssertionStatus.Killed) {
            a.status = AssertionStatus.Killed;
            _owe(a.asserter, assertionBond);
            emit AssertionKilled(id, msg.sender, REASON_DEAD_PARENT, 0, 0);
        } else if (rivalId == 0) {
            revert NotOrphan(id);
        } else if (_assertions[rivalId].commitment == a.commitment) {
            _confirm(id, a);
            _owe(a.asserter, assertionBond);
        } else {
            _kill(id, a, msg.sender, REASON_RIVAL, _reward());
        }
    }

    /// @inheritdoc IRollup
    function assertion(bytes32 id) external view returns (Assertion memory) {
        return _assertions[id];
    }

    /// @inheritdoc IRollup
    function latestConfirmed()
        external
        view
        returns (bytes32 id, uint64 batchCount, bytes32 stateRoot, bytes32 blockHash)
    {
        id = _latestConfirmed;
        Assertion storage a = _assertions[id];
        return (id, _nextBatch(id), a.stateRoot, a.blockHash);
    }

    function _pending(bytes32 id) internal view returns (Assertion storage a) {
        a = _assertions[id];
        if (a.status == AssertionStatus.None) revert UnknownAssertion(id);
        if (a.status != AssertionStatus.Pending) revert NotPending(id, a.status);
    }

    /// Ends an assertion as wrong: `paidTo` gets `claim`, but never more than half of the bond; the rest is burned.
    /// So an asserter that kills itself to save its bond loses at least half of it.
    function _kill(bytes32 id, Assertion storage a, address paidTo, uint8 reason, uint256 claim) internal {
        a.status = AssertionStatus.Killed;
        uint256 half = assertionBond / 2;
        uint256 paid = claim < half ? claim : half;
        _owe(paidTo, paid);
        _burn(assertionBond - paid);
        emit AssertionKilled(id, paidTo, reason, paid, assertionBond - paid);
    }

    /// Wei: the reward of a kill, costs apart.
    function _reward() internal view returns (uint256) {
        return assertionBond * rewardBps / 10000;
    }

    function _confirm(bytes32 id, Assertion storage a) private {
        a.status = AssertionStatus.Confirmed;
        emit AssertionConfirmed(id, a.stateRoot, a.blockHash);
    }

    /// Confirms what was proved: that batch `batchHash`, the one after the latest confirmed assertion, leads to `finalState` in
    /// `steps` steps. Nobody stands for it, so its id doesn't hang on who proved it.
    function _confirmProved(bytes32 batchHash, uint64 batchIndex, uint64 steps, bytes31 commitment, StepState calldata s)
        internal
        returns (bytes32 id)
    {
        bytes32[] memory none;
        bytes32 parentId = _latestConfirmed;
        id = keccak256(abi.encode(parentId, batchHash, steps, commitment, none, address(0)));
        Assertion storage a = _assertions[id];
        (a.parentId, a.batchHash, a.batchIndex, a.steps) = (parentId, batchHash, batchIndex, steps);
        (a.commitment, a.stateRoot, a.blockHash) = (commitment, s.stateRoot, s.blockHash);
        a.createdAt = uint64(block.timestamp);
        emit AssertionMade(id, parentId, batchHash, address(0), steps, commitment, s.stateRoot, s.blockHash, none);
        _confirm(id, a);
        _confirmedChild[_latest().commitment] = id;
        _latestConfirmed = id;
    }

    function _latest() internal view returns (Assertion storage) {
        return _assertions[_latestConfirmed];
    }

    /// Index of the first batch that isn't confirmed.
    function _nextUnconfirmed() internal view returns (uint64) {
        return _nextBatch(_latestConfirmed);
    }

    /// Index of the batch after assertion `id`.
    function _nextBatch(bytes32 id) private view returns (uint64) {
        return id == 0 ? 0 : _assertions[id].batchIndex + 1;
    }

    function _requireParent(bytes32 parentId, uint64 batchIndex) private view {
        Assertion storage parent = _assertions[parentId];
        if (parent.status == AssertionStatus.None) revert UnknownAssertion(parentId);
        if (parent.status == AssertionStatus.Killed) revert ParentKilled(parentId);
        if (_confirmedChild[parent.commitment] != 0) revert ParentHasConfirmedChild(parentId);
        if (batchIndex != _nextBatch(parentId)) revert WrongBatchIndex(batchIndex, _nextBatch(parentId));
    }

    function _requireAtBatchEnd(StepState calldata s, uint64 batchIndex) private pure {
        OpenBlock memory none;
        if (
            s.cursor.batch != batchIndex + 1 || s.cursor.chunk != 0 || s.cursor.item != 0 || s.fragmentsSize != 0
                || s.fragmentsHash != 0 || keccak256(abi.encode(s.open)) != keccak256(abi.encode(none))
        ) revert FinalStateNotAtBatchEnd();
    }

    /// The blobs of this transaction must hold M checkpoints that begin and end as they must.
    function _requireCheckpoints(Assertion memory a, CheckpointOpening calldata ends)
        private
        view
        returns (bytes32[] memory hashes)
    {
        uint64 last = Checkpoints.count(a.steps, stride) - 1;
        uint256 blobs = Checkpoints.blobs(last + 1);
        if (blobhash(blobs - 1) == 0 || blobhash(blobs) != 0) revert WrongBlobCount(blobs);
        hashes = new bytes32[](blobs);
        for (uint256 i = 0; i < blobs; ++i) {
            hashes[i] = blobhash(i);
        }
        (bytes31 first, bytes31 final_) = Checkpoints.open(hashes, 0, last, ends);
        bytes31 expected = _assertions[a.parentId].commitment;
        if (first != expected) revert WrongEnd(0, first, expected);
        if (final_ != a.commitment) revert WrongEnd(last, final_, a.commitment);
    }
}
