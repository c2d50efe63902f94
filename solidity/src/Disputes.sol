// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";
import {Assertions} from "./Assertions.sol";
import {Assertion, AssertionStatus, CheckpointOpening, Game, GameStatus, IRollup, StepProof} from "./IRollup.sol";
import {Checkpoints} from "./lib/Checkpoints.sol";
import {Execute} from "./lib/Execute.sol";

/// docs/protocol.md sections 6 and 7: step proofs, and the game that finds the step.
///
/// Whose move it is in an open game on [lo, hi]:
///
///     hi - lo > 1, no split    the asserter's: split
///     hi - lo > 1, split       the challenger's: pick
///     hi - lo = 1              the challenger's: proveStepInGame; its clock stands still while EXECUTE is full
///
/// A game never outlives its assertion: when that is killed in another way, or confirmed since its batch was settled, its
/// open games are void. (A right end doesn't say who is right about what lies between.)
abstract contract Disputes is Assertions {
    error IntervalNotOneStep(uint64 lo, uint64 hi);
    error IntervalIsOneStep(uint64 lo);
    error TooLateToOpen(uint64 until);
    error GameExists(bytes32 gameId);
    error GameNotOpen(bytes32 gameId, GameStatus status);
    error GameNotVoid(bytes32 gameId);
    error NotAsserter(address caller, address asserter);
    error NotChallenger(address caller, address challenger);
    error NotYourMove();
    error ClockRunOut(uint64 elapsed, uint64 left);
    error WrongInterval(uint64 lo, uint64 hi);
    error WrongCommitmentCount(uint256 given, uint256 expected);
    error SplitMismatch();
    error NoSuchSegment(uint64 segment, uint64 segments);
    error OnlyVerifier(address caller);

    /// L1 gas of a kill that is not measured: the transaction itself and what comes after measuring.
    uint256 internal constant UNMEASURED_GAS = 21000 + 60000;
    /// L1 gas per byte of calldata, nearly all of which is not zero.
    uint256 internal constant CALLDATA_GAS = 16;

    mapping(bytes32 gameId => Game) private _games;

    /// What EXECUTE did not take comes back from the verifier.
    receive() external payable {
        if (msg.sender != address(verifier)) revert OnlyVerifier(msg.sender);
    }

    /// @inheritdoc IRollup
    function proveStep(bytes32 id, uint64 j, CheckpointOpening calldata opening, StepProof calldata proof)
        external
        payable
        nonReentrant
    {
        uint256 gasBefore = gasleft();
        Assertion storage a = _pending(id);
        (uint64 lo, uint64 hi) = Checkpoints.interval(a.steps, stride, j);
        if (hi - lo != 1) revert IntervalNotOneStep(lo, hi);
        (bytes31 pre, bytes31 claimed) = Checkpoints.open(a.checkpointBlobs, j, j + 1, opening);
        _proveAndKill(gasBefore, id, a, lo, pre, claimed, proof);
    }

    /// @inheritdoc IRollup
    function openGame(bytes32 id, uint64 j, CheckpointOpening calldata opening)
        external
        payable
        nonReentrant
        returns (bytes32 gameId)
    {
        _requireBond(challengeBond);
        Assertion storage a = _pending(id);
        uint64 until = a.createdAt + window - 2 * clock;
        if (block.timestamp > until) revert TooLateToOpen(until);
        // One game per challenger and interval: a transaction sent twice can't bond twice, a reorg can't rename it.
        gameId = keccak256(abi.encode(id, msg.sender, j));
        Game storage g = _games[gameId];
        if (g.status != GameStatus.None) revert GameExists(gameId);
        (g.lo, g.hi) = Checkpoints.interval(a.steps, stride, j);
        if (g.hi - g.lo == 1) revert IntervalIsOneStep(g.lo);
        (g.loCommitment, g.hiCommitment) = Checkpoints.open(a.checkpointBlobs, j, j + 1, opening);
        g.assertionId = id;
        g.challenger = msg.sender;
        g.asserterClock = clock;
        g.challengerClock = clock;
        g.movedAt = uint64(block.timestamp);
        g.status = GameStatus.Open;
        ++a.openGames;
        emit GameOpened(gameId, id, msg.sender, g.lo, g.hi);
    }

    /// @inheritdoc IRollup
    function split(bytes32 gameId, uint64 lo, uint64 hi, bytes31[] calldata commitments) external nonReentrant {
        (Game storage g, Assertion storage a) = _openGame(gameId, lo, hi);
        if (msg.sender != a.asserter) revert NotAsserter(msg.sender, a.asserter);
        if (g.splitHash != 0 || hi - lo == 1) revert NotYourMove();
        uint64 inner = Checkpoints.parts(lo, hi, arity) - 1;
        if (commitments.length != inner) revert WrongCommitmentCount(commitments.length, inner);
        g.asserterClock = _move(g, a, g.asserterClock);
        g.splitHash = keccak256(abi.encode(commitments));
        emit Split(gameId, lo, hi, commitments);
    }

    /// @inheritdoc IRollup
    function pick(bytes32 gameId, uint64 lo, uint64 hi, bytes31[] calldata commitments, uint64 segment)
        external
        nonReentrant
    {
        (Game storage g, Assertion storage a) = _openGame(gameId, lo, hi);
        if (msg.sender != g.challenger) revert NotChallenger(msg.sender, g.challenger);
        if (g.splitHash == 0) revert NotYourMove();
        if (keccak256(abi.encode(commitments)) != g.splitHash) revert SplitMismatch();
        uint64 segments = Checkpoints.parts(lo, hi, arity);
        if (segment >= segments) revert NoSuchSegment(segment, segments);
        g.challengerClock = _move(g, a, g.challengerClock);
        g.lo = Checkpoints.boundary(lo, hi, segments, segment);
        g.hi = Checkpoints.boundary(lo, hi, segments, segment + 1);
        if (segment != 0) g.loCommitment = commitments[segment - 1];
        if (segment + 1 != segments) g.hiCommitment = commitments[segment];
        g.splitHash = 0;
        if (g.hi - g.lo == 1) g.congestion = Execute.congestedSeconds();
        emit Picked(gameId, g.lo, g.hi);
    }

    /// @inheritdoc IRollup
    function proveStepInGame(bytes32 gameId, StepProof calldata proof) external payable nonReentrant {
        uint256 gasBefore = gasleft();
        Game storage g = _games[gameId];
        (uint64 lo, uint64 hi) = (g.lo, g.hi);
        (, Assertion storage a) = _openGame(gameId, lo, hi);
        if (msg.sender != g.challenger) revert NotChallenger(msg.sender, g.challenger);
        if (hi - lo != 1) revert IntervalNotOneStep(lo, hi);
        g.challengerClock = _move(g, a, g.challengerClock);
        _winGame(gameId, g, GameStatus.ChallengerWon, msg.sender);
        _proveAndKill(gasBefore, g.assertionId, a, lo, g.loCommitment, g.hiCommitment, proof);
    }

    /// @inheritdoc IRollup
    /// @dev Games that can't be ended (unknown, over, void, time left) are skipped: one can't block the others.
    function timeout(bytes32[] calldata gameIds) external nonReentrant {
        for (uint256 i = 0; i < gameIds.length; ++i) {
            Game storage g = _games[gameIds[i]];
            if (g.status != GameStatus.Open) continue;
            bytes32 id = g.assertionId;
            Assertion storage a = _assertions[id];
            if (a.status != AssertionStatus.Pending || _elapsed(g) < _left(g, a)) continue;
            if (_challengersMove(g)) {
                --a.openGames;
                _winGame(gameIds[i], g, GameStatus.AsserterWon, a.asserter);
            } else {
                _winGame(gameIds[i], g, GameStatus.ChallengerWon, g.challenger);
                _kill(id, a, g.challenger, REASON_TIMEOUT, _reward());
            }
        }
    }

    /// @inheritdoc IRollup
    function reclaim(bytes32 gameId) external nonReentrant {
        Game storage g = _games[gameId];
        if (_status(g) != GameStatus.Void || g.status == GameStatus.Void) revert GameNotVoid(gameId);
        _winGame(gameId, g, GameStatus.Void, g.challenger);
    }

    /// @inheritdoc IRollup
    function game(bytes32 gameId) external view returns (Game memory g) {
        g = _games[gameId];
        g.status = _status(_games[gameId]);
    }

    /// @inheritdoc IRollup
    function deadline(bytes32 gameId) external view returns (uint64) {
        Game storage g = _games[gameId];
        if (_status(g) != GameStatus.Open) revert GameNotOpen(gameId, _status(g));
        return g.movedAt + _left(g, _assertions[g.assertionId]);
    }

    /// Has the verifier prove that the step at `lo` doesn't lead to `claimed`, kills and pays the prover.
    /// @param gasBefore gas left at the beginning of the call
    function _proveAndKill(
        uint256 gasBefore,
        bytes32 id,
        Assertion storage a,
        uint64 lo,
        bytes31 pre,
        bytes31 claimed,
        StepProof calldata proof
    ) private {
        (bytes31 proved, uint64 gasUsed, uint256 fee) =
            verifier.refute{value: msg.value}(inbox, a.batchHash, pre, claimed, proof);
        emit StepProved(id, lo, claimed, proved, gasUsed, fee);
        uint256 gas = gasBefore - gasleft() + msg.data.length * CALLDATA_GAS + UNMEASURED_GAS;
        _kill(id, a, msg.sender, REASON_STEP_PROOF, fee + gas * block.basefee + _reward());
        if (msg.value > fee) SafeTransferLib.safeTransferETH(msg.sender, msg.value - fee);
    }

    /// Ends a game; its bond goes to `winner`.
    function _winGame(bytes32 gameId, Game storage g, GameStatus status, address winner) private {
        g.status = status;
        _owe(winner, challengeBond);
        emit GameEnded(gameId, status);
    }

    /// Stops the mover's clock, which stands at `clock_`, and starts the other's.
    function _move(Game storage g, Assertion storage a, uint64 clock_) private returns (uint64) {
        uint64 elapsed = _elapsed(g);
        uint64 left = _left(g, a);
        if (elapsed >= left) revert ClockRunOut(elapsed, left);
        g.movedAt = uint64(block.timestamp);
        return elapsed < clock_ ? clock_ - elapsed : 0;
    }

    /// Seconds that the mover has, from `movedAt`: what its clock says, and while its move is a call of EXECUTE those in
    /// which EXECUTE was full, within the window. So nobody loses a game for want of room in EXECUTE, and a full EXECUTE
    /// never puts confirmation off beyond the window.
    function _left(Game storage g, Assertion storage a) private view returns (uint64 left) {
        left = _challengersMove(g) ? g.challengerClock : g.asserterClock;
        if (g.hi - g.lo != 1) return left;
        uint64 stopped = left + (Execute.congestedSeconds() - g.congestion);
        uint64 untilClose = a.createdAt + window - g.movedAt;
        if (stopped > untilClose) stopped = untilClose;
        if (stopped > left) left = stopped;
    }

    function _challengersMove(Game storage g) private view returns (bool) {
        return g.splitHash != 0 || g.hi - g.lo == 1;
    }

    /// The game, which must be open and at the interval that the mover thinks it is.
    function _openGame(bytes32 gameId, uint64 lo, uint64 hi)
        private
        view
        returns (Game storage g, Assertion storage a)
    {
        g = _games[gameId];
        a = _assertions[g.assertionId];
        if (_status(g) != GameStatus.Open) revert GameNotOpen(gameId, _status(g));
        if (g.lo != lo || g.hi != hi) revert WrongInterval(g.lo, g.hi);
    }

    /// Void from the moment the assertion is over otherwise, before the bond is reclaimed and after.
    function _status(Game storage g) private view returns (GameStatus) {
        bool over = g.status == GameStatus.Open && _assertions[g.assertionId].status != AssertionStatus.Pending;
        return over ? GameStatus.Void : g.status;
    }

    function _elapsed(Game storage g) private view returns (uint64) {
        return uint64(block.timestamp) - g.movedAt;
    }
}
