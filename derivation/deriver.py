"""A batch to its steps, their commitments, and L2 blocks. Pure: reads state through a NodeSource, writes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from derivation.batch import BatchData
from derivation.inputs import DerivationParams, next_input
from execution.abi import commitment
from execution.block import SealedBlock
from execution.errors import InvalidWitness
from execution.header import Header, decode_header
from execution.rules import Rules
from execution.step import Machine, StepOutcome
from execution.transactions import decode_transaction
from execution.trie import NodeSource
from execution.types import BatchEnd, BlockStart, Input, StepState


@dataclass(frozen=True, slots=True)
class DerivedBlock:
    """A block with what it takes to keep it: trie nodes and codes by hash, and its transactions' senders."""

    sealed: SealedBlock
    nodes: dict[bytes, bytes]
    codes: dict[bytes, bytes]
    senders: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class DerivedBatch:
    """`steps` is N; `commitments` has N + 1 of 31 bytes, the first one of the state before."""

    steps: int
    commitments: tuple[bytes, ...]
    final_state: StepState
    blocks: tuple[DerivedBlock, ...]


class GrowingSource:
    """A NodeSource that finds what was made here before what lies behind."""

    def __init__(self, behind: NodeSource) -> None:
        self._behind = behind
        self._nodes: dict[bytes, bytes] = {}
        self._codes: dict[bytes, bytes] = {}

    def add(self, nodes: dict[bytes, bytes], codes: dict[bytes, bytes]) -> None:
        self._nodes.update(nodes)
        self._codes.update(codes)

    def node(self, node_hash: bytes) -> bytes:
        found = self._nodes.get(node_hash)
        return self._behind.node(node_hash) if found is None else found

    def code(self, code_hash: bytes) -> bytes:
        found = self._codes.get(code_hash)
        return self._behind.code(code_hash) if found is None else found


class Deriver:
    """Steps through one batch. `headers` gives a header's RLP by its hash (InvalidWitness if it can't)."""

    def __init__(
        self,
        rules: Rules,
        source: NodeSource,
        headers: Callable[[bytes], bytes],
        state: StepState,
        batch: BatchData,
        params: DerivationParams,
    ) -> None:
        self._source = GrowingSource(source)
        self.machine = Machine(rules, self._source, state, headers)
        self._batch = batch
        self._params = params
        self.blocks: list[DerivedBlock] = []

    @property
    def state(self) -> StepState:
        return self.machine.state

    @property
    def ended(self) -> bool:
        """Whether the cursor has left the batch."""
        return self.state.cursor.batch != self._batch.header.index

    def next_input(self) -> Input:
        """The Input of the next step. CursorOutOfBatch after the last one."""
        state, timestamp = self.state, None
        if state.cursor.chunk == 0 and state.cursor.item == 0:
            timestamp = decode_header(self.machine.header(state.block_hash)).timestamp
        return next_input(self._batch, self._params, state, timestamp)

    def step(self) -> StepOutcome:
        """Takes the next step."""
        chosen = self.next_input()
        sealed = None
        if isinstance(chosen, BlockStart) and self.state.open is not None:
            # The same in two moves: the state at the seal, which is kept, lies between them.
            sealed = self._seal(self.machine.step(BatchEnd(self.state.cursor)))
        outcome = self.machine.step(chosen)
        if isinstance(chosen, BatchEnd):
            self._seal(outcome)
        return outcome if sealed is None else StepOutcome(sealed=sealed)

    def _seal(self, outcome: StepOutcome) -> SealedBlock | None:
        sealed = outcome.sealed
        if sealed is not None:
            world = self.machine.world
            nodes, codes = world.new_nodes(stored=True), world.new_codes(stored=True)
            self._source.add(nodes, codes)
            senders = tuple(decode_transaction(raw).sender for raw in sealed.transactions)
            self.blocks.append(DerivedBlock(sealed, nodes, codes, senders))
        return sealed


def derive_batch(deriver: Deriver) -> DerivedBatch:
    """Takes every step of the batch, from its first."""
    commitments = [commitment(deriver.state)]
    while not deriver.ended:
        deriver.step()
        commitments.append(commitment(deriver.state))
    return DerivedBatch(len(commitments) - 1, tuple(commitments), deriver.state, tuple(deriver.blocks))


def stored_headers(header_by_hash: Callable[[bytes], Header | None]) -> Callable[[bytes], bytes]:
    """RLP by hash out of a chain's headers, as Machine and witnesses want it."""

    def headers(block_hash: bytes) -> bytes:
        header = header_by_hash(block_hash)
        if header is None:
            raise InvalidWitness(f"no header 0x{block_hash.hex()}")
        return header.rlp()

    return headers
