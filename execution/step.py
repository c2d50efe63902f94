"""`step : (StepState, Input) -> StepState` (docs/protocol.md, section 1): pure, deterministic, total.

Total on states that a chain with the system contracts in its genesis can reach, and on inputs that derivation
makes. Elsewhere (a made-up state, attributes no client accepts) it raises InvalidBlock, and EXECUTE says false.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from execution.block import BlockBuilder, SealedBlock, WorkBudget
from execution.encoding import keccak
from execution.errors import InvalidTransaction, Rejection
from execution.header import ancestor_hashes, header_by_hash
from execution.receipt import Receipt
from execution.rules import Rules
from execution.trie import NodeSource
from execution.types import (
    ZERO_HASH,
    BatchEnd,
    BlockAttributes,
    BlockStart,
    Fragment,
    Input,
    StepState,
    Transaction,
    Witness,
)
from execution.world import WorldState


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """What a step did besides moving the cursor: included a transaction, refused one, sealed a block."""

    receipt: Receipt | None = None
    rejection: InvalidTransaction | None = None
    sealed: SealedBlock | None = None

    @property
    def gas_used(self) -> int:
        return 0 if self.receipt is None else self.receipt.gas_used


class Machine:
    """Runs many steps and keeps the world in memory in between.

    Roots are computed when `state` is asked for (and at a block's end), not at each step: who wants only the end of
    a segment pays for its roots once and needs no witness for those in between.

    `headers` gives a header's RLP by its hash (InvalidWitness if it can't); those sealed here are remembered.
    After an exception other than from a bad input's decoding the machine is of no more use.
    """

    world_type: type[WorldState] = WorldState  # another one watches what changes (execution/tracing.py)

    def __init__(
        self,
        rules: Rules,
        source: NodeSource,
        state: StepState,
        headers: Callable[[bytes], bytes],
        budget: WorkBudget | None = None,
    ) -> None:
        self.rules = rules
        self._state = state
        self._roots_pending = False
        self.world = self.world_type(source, state.state_root)
        self._source = source
        self._headers = headers
        self._sealed: dict[bytes, bytes] = {}
        self._budget = budget
        self._builder: BlockBuilder | None = None
        if state.open is not None:
            self._builder = BlockBuilder.resume(
                rules,
                self.world,
                state.block_hash,
                state.open,
                source,
                ancestor_hashes(state.block_hash, state.open.number - 1, self.header),
                budget,
            )

    @property
    def state(self) -> StepState:
        """The StepState after the last step."""
        if self._roots_pending:
            assert self._builder is not None
            self._state = replace(self._state, state_root=self.world.root(), open=self._builder.open_block)
            self._roots_pending = False
        return self._state

    @state.setter
    def state(self, state: StepState) -> None:
        self._state = state

    def step(self, item: Input) -> StepOutcome:
        outcome = StepOutcome()
        match item:
            case Transaction(raw=raw):
                outcome = self._transaction(raw)
            case BlockStart(attributes=attributes):
                outcome = StepOutcome(sealed=self._seal())
                self._open(attributes)
            case BatchEnd():
                outcome = StepOutcome(sealed=self._seal())
            case _:
                pass
        if isinstance(item, Fragment):
            state = self._state
            self._state = replace(
                state,
                fragments_hash=keccak(state.fragments_hash + item.data),
                fragments_size=state.fragments_size + len(item.data),
                cursor=item.next,
            )
        else:
            self._state = replace(self._state, fragments_hash=ZERO_HASH, fragments_size=0, cursor=item.next)
        return outcome

    def header(self, block_hash: bytes) -> bytes:
        """RLP of a header: one sealed here, else what `headers` gives."""
        return self._sealed.get(block_hash) or self._headers(block_hash)

    def roots_source(self) -> NodeSource:
        """Everything the current state needs and made so far, and the source behind it: for a witness here."""
        self.state  # noqa: B018 - computes the roots
        nodes = self.world.new_nodes()
        if self._builder is not None:
            nodes.update(self._builder.partial_nodes())
        return OverlaySource(nodes, self.world.new_codes(), self._source)

    def _transaction(self, raw: bytes) -> StepOutcome:
        builder = self._builder
        try:
            if builder is None:
                raise InvalidTransaction(Rejection.NO_OPEN_BLOCK)
            receipt = builder.apply(raw)
        except InvalidTransaction as rejection:
            return StepOutcome(rejection=rejection)
        self._roots_pending = True
        return StepOutcome(receipt=receipt)

    def _seal(self) -> SealedBlock | None:
        if self._builder is None:
            return None
        sealed = self._builder.seal()
        self._builder = None
        self._sealed[sealed.hash] = sealed.header.rlp()
        self._roots_pending = False
        self._state = replace(
            self._state, state_root=sealed.header.state_root, block_hash=sealed.hash, open=None
        )
        return sealed

    def _open(self, attributes: BlockAttributes) -> None:
        parent_hash = self._state.block_hash
        parent = header_by_hash(parent_hash, self.header)
        builder = BlockBuilder.open(
            self.rules,
            self.world,
            parent,
            attributes,
            ancestor_hashes(parent_hash, parent.number, self.header),
            self._budget,
        )
        self._builder = builder
        self._roots_pending = True


class OverlaySource:
    """Nodes and codes in memory before those of another source."""

    def __init__(self, nodes: dict[bytes, bytes], codes: dict[bytes, bytes], behind: NodeSource) -> None:
        self._nodes, self._codes, self._behind = nodes, codes, behind

    def node(self, node_hash: bytes) -> bytes:
        found = self._nodes.get(node_hash)
        return self._behind.node(node_hash) if found is None else found

    def code(self, code_hash: bytes) -> bytes:
        found = self._codes.get(code_hash)
        return self._behind.code(code_hash) if found is None else found


def step(rules: Rules, state: StepState, item: Input, witness: Witness) -> tuple[StepState, int]:
    """One step from a witness alone: the state after it and the gas used. Raises InvalidWitness."""
    from execution.witness import WitnessSource  # it imports Machine

    source = WitnessSource(witness)
    machine = Machine(rules, source, state, source.header)
    outcome = machine.step(item)
    return machine.state, outcome.gas_used
