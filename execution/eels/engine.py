"""EXECUTE's verdict (docs/protocol.md, sections 1 and 8) by EELS."""

from __future__ import annotations

from dataclasses import replace

from ethereum.crypto.hash import keccak256
from ethereum.exceptions import EthereumException
from ethereum_rlp import rlp

from execution.eels.block import Block, child_of, decode_header, header_hash
from execution.eels.prague import jump_destinations
from execution.eels.prague.blocks import Header
from execution.eels.trace import decode_trace
from execution.eels.transactions import NotIncluded
from execution.eels.witness import Hashed
from execution.eels.world import State, Work
from execution.errors import InvalidBlock, InvalidTrace, InvalidWitness, WorkLimitExceeded
from execution.types import (
    ZERO_HASH,
    BatchEnd,
    BlockAttributes,
    BlockStart,
    Fragment,
    Input,
    OpenBlock,
    StepState,
    Trace,
    Transaction,
)
from execution.verdict import Verdict

_FORK = "prague"
_SYSTEM_GAS_PER_BLOCK = 500_000  # nobody pays for system calls, and the genuine contracts stay below this


def execute(
    pre_root: bytes, post_root: bytes, gas_used: int, trace: bytes, *, unpaid_gas: int = 0
) -> Verdict:
    """True iff executing `trace` from `pre_root` ends exactly at `post_root` and uses exactly `gas_used`.

    Never raises: whatever goes wrong makes it false. Work is bounded in gas by `gas_used`; but EELS is slow (0.7 Mgas/s,
    its pairings are in pure Python), so whoever asks must set this process a limit of time as well. `unpaid_gas`: what
    system calls may use in all, beyond what the genuine contracts need.
    """
    try:
        return _execute(pre_root, post_root, gas_used, decode_trace(trace), unpaid_gas)
    except (InvalidTrace, InvalidWitness, InvalidBlock, WorkLimitExceeded) as error:
        return Verdict(False, f"{type(error).__name__}: {error}", None)
    except EthereumException as error:
        return Verdict(False, f"InvalidBlock: {type(error).__name__}: {error}", None)
    except Exception as error:  # noqa: BLE001 - an engine that fails on an input does not prove it
        return Verdict(False, f"engine failure: {type(error).__name__}: {error}", None)
    finally:
        jump_destinations.cache_clear()


def _execute(pre_root: bytes, post_root: bytes, gas_used: int, trace: Trace, unpaid_gas: int) -> Verdict:
    if trace.fork != _FORK:
        return Verdict(False, f"fork {trace.fork!r} is not known", None)
    if trace.pre.state_root != pre_root or trace.post.state_root != post_root:
        return Verdict(False, "the trace is about other state roots", None)
    blocks = sum(isinstance(item, BlockStart) for item in trace.inputs)
    machine = Machine(trace, Work(gas_used, unpaid_gas + _SYSTEM_GAS_PER_BLOCK * (blocks + 1)))
    for item in trace.inputs:
        machine.step(item)
    if machine.gas_used != gas_used:
        return Verdict(False, f"{machine.gas_used} gas used, not {gas_used}", machine.gas_used)
    reached = machine.state()
    if reached != trace.post:
        return Verdict(False, f"ends elsewhere: {_differences(reached, trace.post)}", machine.gas_used)
    return Verdict(True, "proved", machine.gas_used)


class Machine:
    """Goes through a trace's inputs. After an exception it is of no more use."""

    def __init__(self, trace: Trace, work: Work) -> None:
        self.gas_used = 0
        self._chain_id, self._tx_gas_cap = trace.chain_id, trace.tx_gas_cap
        self._witness = Hashed(trace.witness)
        self._step_state = trace.pre
        self._state = State(self._witness, trace.pre.state_root, work)
        self._sealed: dict[bytes, bytes] = {}  # RLP by hash
        self._block: Block | None = None
        if trace.pre.open is not None:
            self._block = self._block_from(trace.pre.open)

    def step(self, item: Input) -> None:
        if isinstance(item, Transaction):
            self._apply(item.raw)
        elif isinstance(item, BlockStart):
            self._seal()
            self._open(item.attributes)
        elif isinstance(item, BatchEnd):
            self._seal()
        before = self._step_state
        chain, size = ZERO_HASH, 0
        if isinstance(item, Fragment):
            chain = bytes(keccak256(before.fragments_hash + item.data))
            size = before.fragments_size + len(item.data)
        self._step_state = replace(before, fragments_hash=chain, fragments_size=size, cursor=item.next)

    def state(self) -> StepState:
        """Ends the run: the roots are computed."""
        opened = None if self._block is None else self._block.opened()
        return replace(self._step_state, state_root=self._state.root(), open=opened)

    def _apply(self, raw: bytes) -> None:
        if self._block is None:
            return
        try:
            self.gas_used += self._block.apply(raw)
        except NotIncluded:
            pass

    def _open(self, attributes: BlockAttributes) -> None:
        self._block = self._block_from(child_of(self._header(self._step_state.block_hash), attributes))
        self._block.begin()

    def _block_from(self, opened: OpenBlock) -> Block:
        return Block(
            self._chain_id,
            self._tx_gas_cap,
            self._state,
            self._witness,
            opened,
            self._step_state.block_hash,
            self._header,
        )

    def _seal(self) -> None:
        if self._block is None:
            return
        header = self._block.seal()
        block_hash = header_hash(header)
        self._sealed[block_hash] = rlp.encode(header)
        self._block = None
        self._step_state = replace(self._step_state, block_hash=block_hash)

    def _header(self, block_hash: bytes) -> Header:
        sealed = self._sealed.get(block_hash)
        return decode_header(self._witness.header(block_hash) if sealed is None else sealed)


def _differences(found: StepState, claimed: StepState) -> str:
    names = [name for name in StepState.__slots__ if getattr(found, name) != getattr(claimed, name)]
    if "open" in names and found.open is not None and claimed.open is not None:
        names += [
            f"open.{name}"
            for name in type(found.open).__slots__
            if getattr(found.open, name) != getattr(claimed.open, name)
        ]
    return ", ".join(names)
