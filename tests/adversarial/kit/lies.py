"""False claims about a batch, made from the true ones. Independent of the challenger.

A plausible lie changes the StepState after one step and executes the rest of the batch honestly from there, on state that
really has the false accounts; where that can't go on (a root without its trie), what follows is made up. Every lie ends in
a final StepState that the contract takes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from derivation.batch import BatchData
from derivation.deriver import Deriver, GrowingSource
from derivation.inputs import CursorOutOfBatch
from derivation.node import RollupNode
from derivation.records import DerivedRecord
from execution.abi import commitment
from execution.errors import InvalidWitness
from execution.step import StepOutcome
from execution.transactions import decode_transaction
from execution.trie import NodeSource
from execution.types import BatchEnd, BlockStart, Input, StepState, Transaction
from execution.world import WorldState
from sequencer.claims import BatchClaims

THIEF = b"\x66" * 20
LOOT = 1_000_000 * 10**18


@dataclass(frozen=True)
class Truth:
    """A batch with all that an asserter knows of it: N + 1 states, N inputs and what became of them."""

    record: DerivedRecord
    data: BatchData
    node: RollupNode
    start: StepState
    states: tuple[StepState, ...]
    inputs: tuple[Input, ...]
    outcomes: tuple[StepOutcome, ...]

    @property
    def steps(self) -> int:
        return len(self.inputs)

    @property
    def commitments(self) -> list[bytes]:
        return [commitment(state) for state in self.states]

    def steps_of(self, kind: type[Input], *, included: bool | None = None) -> list[int]:
        """Indices k of inputs of that kind, so that state k + 1 is the one after. `included`: only transactions that
        were (not) included."""
        return [
            k for k, each in enumerate(self.inputs)
            if isinstance(each, kind) and (included is None or (self.outcomes[k].receipt is not None) is included)
        ]  # fmt: skip

    def claims(self, commitments: Sequence[bytes], final: StepState) -> BatchClaims:
        assert commitments[-1] == commitment(final) and commitments[0] == commitment(self.start)
        return BatchClaims(self.record.index, self.record.hash, list(commitments), final)


async def truth_of(node: RollupNode, index: int) -> Truth:
    """Of a batch the node has derived."""
    record = node.derived(index)
    assert record is not None
    data = await node.data_of(record)
    start = node.state_before(record)
    assert start is not None
    return await node.in_thread(_replay, node, record, data, start)


def _replay(node: RollupNode, record: DerivedRecord, data: BatchData, start: StepState) -> Truth:
    deriver = node.deriver(data, start)
    states, inputs, outcomes = [start], [], []
    while not deriver.ended:
        inputs.append(deriver.next_input())
        outcomes.append(deriver.step())
        states.append(deriver.state)
    return Truth(record, data, node, start, tuple(states), tuple(inputs), tuple(outcomes))


# ---- false states


Forgery: TypeAlias = Callable[[Truth, int, NodeSource], tuple[StepState, dict[bytes, bytes]]]
"""(truth, k, source) -> the false state after the step from k, and trie nodes it needs."""


def _account(change: Callable[[WorldState], None]) -> Forgery:
    def forge(truth: Truth, k: int, source: NodeSource) -> tuple[StepState, dict[bytes, bytes]]:
        world = WorldState(source, truth.states[k + 1].state_root)
        change(world)
        root = world.root()
        return replace(truth.states[k + 1], state_root=root), world.new_nodes()

    return forge


def _open_block(**changes: Callable[[object], object]) -> Forgery:
    def forge(truth: Truth, k: int, source: NodeSource) -> tuple[StepState, dict[bytes, bytes]]:
        state = truth.states[k + 1]
        assert state.open is not None
        fields = {name: change(getattr(state.open, name)) for name, change in changes.items()}
        return replace(state, open=replace(state.open, **fields)), {}  # type: ignore[arg-type]

    return forge


def _skipped(truth: Truth, k: int, source: NodeSource) -> tuple[StepState, dict[bytes, bytes]]:
    return truth.states[k].at(truth.inputs[k].next), {}


def made_up(*parts: object) -> bytes:
    """31 bytes nobody has a state for."""
    return hashlib.sha256(repr(parts).encode()).digest()[:31]


def lie_at(truth: Truth, k: int, forge: Forgery) -> BatchClaims:
    """Right up to step k; its outcome is forged; the rest is executed from there as far as that goes."""
    honest = truth.node.deriver(truth.data, truth.start)
    for _ in range(k + 1):
        honest.step()
    source = GrowingSource(honest.machine.roots_source())
    false, nodes = forge(truth, k, source)
    source.add(nodes, {})
    assert false != truth.states[k + 1]
    settings = truth.node.settings
    deriver = Deriver(settings.rules, source, honest.machine.header, false, truth.data, settings.params)
    states = [false]
    try:
        while not deriver.ended and len(states) < truth.steps - k:
            deriver.step()
            states.append(deriver.state)
    except (InvalidWitness, CursorOutOfBatch):
        pass
    claimed = [*truth.commitments[: k + 1], *map(commitment, states)]
    if len(claimed) == truth.steps + 1 and states[-1].cursor == truth.states[-1].cursor:
        return truth.claims(claimed, states[-1])
    while len(claimed) < truth.steps:
        claimed.append(made_up("after", k, len(claimed)))
    final = replace(truth.states[-1], state_root=hashlib.sha256(b"false").digest())
    return truth.claims([*claimed[: truth.steps], commitment(final)], final)


def random_from(truth: Truth, first: int) -> BatchClaims:
    """Made up from the commitment after `first` steps on."""
    final = replace(truth.states[-1], state_root=hashlib.sha256(f"random {first}".encode()).digest())
    between = [made_up("random", first, step) for step in range(first, truth.steps)]
    return truth.claims([*truth.commitments[:first], *between, commitment(final)], final)


def false_from(truth: Truth, step: int, name: str) -> BatchClaims:
    """Right up to `step` steps, made up after that: another lie for each name, and each is refuted by the same step."""
    final = replace(truth.states[-1], state_root=hashlib.sha256(name.encode()).digest())
    between = [made_up(name, each) for each in range(step + 1, truth.steps)]
    return truth.claims([*truth.commitments[: step + 1], *between, commitment(final)], final)


def step_count(truth: Truth, steps: int) -> BatchClaims:
    """The right end, after too few or too many steps."""
    right = truth.commitments
    claimed = [right[step] if step <= truth.steps else made_up("extra", step) for step in range(steps)]
    return truth.claims([*claimed, right[-1]], truth.states[-1])


def garbage_between(truth: Truth) -> BatchClaims:
    """The right end, everything between made up."""
    right = truth.commitments
    between = [made_up("garbage", step) for step in range(1, truth.steps)]
    return truth.claims([right[0], *between, right[-1]], truth.states[-1])


def all_zero(truth: Truth) -> BatchClaims:
    """Zeros between the ends, which the contract makes everybody compute itself."""
    final = replace(truth.states[-1], state_root=bytes(32))
    return truth.claims([truth.commitments[0], *[bytes(31)] * (truth.steps - 1), commitment(final)], final)


# ---- the lies

Lie: TypeAlias = Callable[[Truth], BatchClaims]


def enriches(thief: bytes) -> Forgery:
    """A forgery for any step: they have a million ether from there on."""
    return _account(lambda world: world.set_balance(thief, LOOT))


steal: Forgery = enriches(THIEF)


def steal_more(wei: int) -> Forgery:
    """As `steal`, for another lie with every amount."""
    return _account(lambda world: world.set_balance(THIEF, LOOT + wei))


def _miscounts(truth: Truth) -> BatchClaims:
    """The step that calls the contract made just before it: the contract is said to have counted further."""
    counter = next(each.receipt.contract_address for each in truth.outcomes if each.receipt and each.receipt.contract_address)
    calls = (
        k for k, each in enumerate(truth.inputs)
        if isinstance(each, Transaction) and truth.outcomes[k].receipt and decode_transaction(each.raw).to == counter
    )  # fmt: skip
    return lie_at(truth, next(calls), _account(lambda world: world.set_storage(counter, 0, 1_000_000)))


def _middle(steps: Sequence[int]) -> int:
    return steps[len(steps) // 2]


LIES: dict[str, Lie] = {
    "steals in the first step": lambda t: lie_at(t, 0, steal),
    "steals in a transaction": lambda t: lie_at(t, _middle(t.steps_of(Transaction, included=True)), steal),
    "steals in the last step": lambda t: lie_at(t, t.steps - 1, steal),
    "miscounts in a contract call": _miscounts,
    "gas used": lambda t: lie_at(
        t, _middle(t.steps_of(Transaction, included=True)), _open_block(gas_used=lambda gas: gas + 1)),  # type: ignore[operator]
    "receipts root": lambda t: lie_at(
        t, t.steps_of(Transaction, included=True)[-1], _open_block(receipts_root=lambda root: bytes(reversed(root)))),  # type: ignore[call-overload]
    "block start": lambda t: lie_at(
        t, t.steps_of(BlockStart)[-1], _open_block(base_fee_per_gas=lambda fee: fee + 1)),  # type: ignore[operator]
    "batch end": lambda t: lie_at(
        t, t.steps_of(BatchEnd)[-1], lambda truth, k, source: (replace(truth.states[k + 1], block_hash=b"\xbb" * 32), {})),
    "runs an invalid transaction": lambda t: lie_at(
        t, t.steps_of(Transaction, included=False)[0],
        _open_block(gas_used=lambda gas: gas + 21_000, transaction_count=lambda count: count + 1)),  # type: ignore[operator]
    "skips a valid transaction": lambda t: lie_at(t, t.steps_of(Transaction, included=True)[-1], _skipped),
    "random from the start": lambda t: random_from(t, 1),
    "random from the middle": lambda t: random_from(t, t.steps // 2),
    "one step too few": lambda t: step_count(t, t.steps - 1),
    "one step only": lambda t: step_count(t, 1),
    "one step too many": lambda t: step_count(t, t.steps + 1),
    "far too many steps": lambda t: step_count(t, t.steps + 100),
    "garbage between right ends": garbage_between,
}  # fmt: skip
"""Each makes false claims of any batch that has included and refused transactions. The last is none if stride is 0."""


class Liar:
    """A sequencer ClaimSource that claims one thing of each of some batches, and nothing of others."""

    def __init__(self, *claims: BatchClaims) -> None:
        self._claims = {each.batch_index: each for each in claims}

    def batch_hash(self, index: int) -> bytes | None:
        return self._claims[index].batch_hash if index in self._claims else None

    async def claims(self, index: int) -> BatchClaims | None:
        return self._claims.get(index)


def built_on(lie: BatchClaims, following: DerivedRecord) -> BatchClaims:
    """The truth about the batch after the one lied about, except that it starts where the lie ends."""
    return BatchClaims(following.index, following.hash, [lie.commitments[-1], *following.commitments[1:]],
                       following.final_state)
