"""The JSON that the view gives. Times are seconds since the epoch, amounts wei as decimal strings, hashes and commitments
0x hex, addresses checksummed. Gas, steps, blocks and sizes (bytes) are numbers."""

from __future__ import annotations

from typing import Literal, TypedDict

Side = Literal["asserter", "challenger"]


class Daemon(TypedDict):
    """Who answers. `started`: when."""

    role: str
    version: str
    started: int


class ExecuteMeter(TypedDict):
    """`gas_price`: wei for one L2 gas; `gas_left`: L2 gas that a block still takes."""

    gas_price: str
    gas_left: int
    congested_seconds: int


class L1(TypedDict):
    """As of `block`. `reorgs`: seen since the start."""

    chain_id: int
    block: int
    hash: str
    timestamp: int
    base_fee: str
    blob_base_fee: str | None  # None: an L1 without blobs
    finalized: int | None  # number of the block
    reorgs: int
    last_reorg_depth: int
    execute: ExecuteMeter


class Head(TypedDict):
    number: int
    hash: str
    timestamp: int


class L2(TypedDict):
    unsafe: Head | None
    safe: Head | None
    finalized: Head | None


class DisputeRules(TypedDict):
    stride: int
    arity: int
    window: int
    clock: int
    assertion_bond: str
    challenge_bond: str


class Batch(TypedDict):
    """`deposits`, `forced`: how many the batch takes. `origin`: number of an L1 block. `assertions`: ids of
    the newest 64."""

    index: int
    hash: str
    l1_block: int
    timestamp: int
    transaction: str
    poster: str
    data: Literal["blobs", "calldata"]
    blobs: int
    chunks: int
    origin: int
    deposits: int
    forced: int
    assertions: list[str]
    status: Literal["posted", "asserted", "confirmed"]


class Kill(TypedDict):
    """`paid` to `by`, `burned`: out of the bond."""

    reason: Literal["step proof", "timeout", "dead parent", "rival"]
    by: str
    paid: str
    burned: str
    at: int
    transaction: str


class Proof(TypedDict):
    """The call of EXECUTE that settled a dispute. What couldn't be read of the transaction (a contract of somebody's made the
    call) is None. `step`: the one it is about, from 0. `kind`: of its Input; "no step": the batch has none there."""

    step: int
    batch: int
    place: str | None
    kind: Literal["block start", "transaction", "fragment", "skip", "batch end", "no step"] | None
    l2_transaction: str | None
    sender: str | None
    to: str | None
    witness_bytes: int | None
    calldata_bytes: int | None
    l2_gas: int
    l1_gas: int
    execute_fee: str
    claimed: str
    proved: str
    transaction: str
    l1_block: int


class Assertion(TypedDict):
    """`asserter` is zero where the batch was settled instead of asserted: then there is no window either. `games`: ids of the
    newest 64 of `game_count`. `forecast`: whether what it says is what was derived here."""

    id: str
    parent: str
    batch: int
    steps: int
    asserter: str
    status: Literal["pending", "confirmed", "killed"]
    created_at: int
    window_ends: int
    confirmed_at: int | None
    open_games: int
    games: list[str]
    game_count: int
    state_root: str
    block_hash: str
    commitment: str
    l1_block: int
    transaction: str
    forecast: Literal["right", "wrong"] | None
    killed: Kill | None
    proof: Proof | None


class Clocks(TypedDict):
    """Seconds left."""

    asserter: int
    challenger: int


class Forecast(TypedDict):
    winner: Side
    why: str


class Game(TypedDict):
    """`lo`, `hi`: the interval now, `steps`: hi - lo; `opened_lo`, `opened_hi`: at first. `rounds`: splits, picks and proofs so
    far. `deadline`: when the mover's clock has run out, None if the game is over."""

    id: str
    assertion: str
    batch: int
    challenger: str
    asserter: str
    status: Literal["open", "challenger won", "asserter won", "void"]
    stage: Literal["split", "pick", "prove", "over"]
    mover: Side | None
    lo: int
    hi: int
    opened_lo: int
    opened_hi: int
    steps: int
    rounds: int
    clocks: Clocks
    deadline: int | None
    moved_at: int
    opened_at: int
    forecast: Forecast | None


class Move(TypedDict):
    """`commitments`: of a split, those at the inner boundaries; of a proof, the claimed and the proved one. `lo`, `hi`: the
    interval after an open or a pick, the one that a split or proof is about. `by` is None where it can't be told."""

    kind: Literal["open", "split", "pick", "prove", "timeout", "void"]
    by: str | None
    lo: int
    hi: int
    commitments: list[str]
    l1_block: int
    timestamp: int
    transaction: str
    gas_used: int | None


class GameDetail(Game):
    moves: list[Move]
    proof: Proof | None


class AssertionDetail(Assertion):
    """`moves`: of its games (the newest 64), oldest first."""

    moves: list[Move]


class Account(TypedDict):
    """`credit`: what the Rollup owes it."""

    address: str
    role: str
    balance: str
    credit: str


class Money(TypedDict):
    """`accounts`: at most ACCOUNTS_SHOWN, the newest players."""

    rollup_balance: str
    accounts: list[Account]


class Overview(TypedDict):
    """`time`: of L1's newest block. Lists are newest first, and what isn't over comes into them first."""

    name: str
    time: int
    daemon: Daemon | None
    l1: L1
    l2: L2
    rules: DisputeRules
    contracts: dict[str, str]
    batches: list[Batch]
    batch_count: int
    assertions: list[Assertion]
    assertion_count: int
    pending_count: int
    games: list[Game]
    game_count: int
    open_game_count: int
    money: Money
