"""One step, watched: which accounts and slots it changed, and which instructions a transaction executed.

For people who want to know what a step did. Rules are nobody's but the ones that run: what watches only listens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from eth.exceptions import VMError
from eth.vm import opcode_values
from eth.vm.forks.prague.opcodes import PRAGUE_OPCODES

from execution.account import Account
from execution.opcodes import INSTRUCTIONS
from execution.rules import Rules
from execution.step import Machine, StepOutcome
from execution.trie import NodeSource
from execution.types import Input, StepState, Transaction
from execution.vm import Computation
from execution.world import WorldState

_NAMES = {value: name for name, value in vars(opcode_values).items() if name.isupper()} | {0x20: "KECCAK256"}
STACK_SHOWN = 4  # items, the topmost


@dataclass(frozen=True, slots=True)
class AccountChange:
    """None: there is no such account."""

    address: bytes
    before: Account | None
    after: Account | None


@dataclass(frozen=True, slots=True)
class SlotChange:
    address: bytes
    slot: int
    before: int
    after: int


@dataclass(slots=True)
class Opcode:
    """`gas`: left before it; `cost`: what it took, with what calls in it took. `stack`: topmost items before it, the top
    first. `error`: why the frame failed here."""

    address: bytes  # whose storage and balance it works on
    depth: int
    position: int
    name: str
    gas: int
    stack: tuple[int, ...]
    cost: int = 0
    error: str = ""


@dataclass(slots=True)
class OpcodeLog:
    """The first `limit` instructions; `count` of all."""

    limit: int
    count: int = 0
    opcodes: list[Opcode] = field(default_factory=list)

    def begin(self, frame: Computation, position: int, opcode: int) -> Opcode | None:
        self.count += 1
        if len(self.opcodes) >= self.limit:
            return None
        top = frame._stack.values[: -STACK_SHOWN - 1 : -1]
        stack = tuple(each if isinstance(each, int) else int.from_bytes(each, "big") for each in top)
        message, gas = frame.msg, frame._gas_meter.gas_remaining
        entry = Opcode(message.storage_address, message.depth, position, mnemonic(opcode), gas, stack)
        self.opcodes.append(entry)
        return entry


@dataclass(frozen=True, slots=True)
class Watched:
    """What a step did. `opcodes` is empty unless it was a transaction."""

    after: StepState
    outcome: StepOutcome
    accounts: tuple[AccountChange, ...]
    slots: tuple[SlotChange, ...]
    opcodes: OpcodeLog


def mnemonic(opcode: int) -> str:
    """Its number, where it is none of Prague's."""
    return _NAMES[opcode] if opcode in PRAGUE_OPCODES else f"0x{opcode:02x}"


def watch_step(rules: Rules, source: NodeSource, headers: Callable[[bytes], bytes], state: StepState, item: Input,
               limit: int = 0) -> Watched:
    """Takes that step from `state`. `source`, `headers`: as `Machine`'s; `limit`: instructions kept."""
    machine = _WatchedMachine(rules, source, state, headers)
    opcodes = OpcodeLog(limit)
    if isinstance(item, Transaction):  # not to the system calls at a block's end
        machine.listen(opcodes)
    outcome = machine.step(item)
    after = machine.state
    world = machine.world
    assert isinstance(world, _WatchedWorld)
    before = WorldState(source, state.state_root)
    return Watched(after, outcome, tuple(_accounts(before, world)), tuple(_slots(before, world)), opcodes)


class _WatchedWorld(WorldState):
    """Remembers what was written to."""

    def __init__(self, source: NodeSource, root: bytes) -> None:
        super().__init__(source, root)
        self.written: dict[bytes, None] = {}
        self.written_slots: dict[tuple[bytes, int], None] = {}

    def _put(self, address: bytes, old: Account | None, new: Account | None) -> None:
        self.written[address] = None
        super()._put(address, old, new)

    def set_storage(self, address: bytes, slot: int, value: int) -> None:
        self.written_slots[address, slot] = None
        super().set_storage(address, slot, value)


class _WatchedMachine(Machine):
    world_type = _WatchedWorld

    def listen(self, log: OpcodeLog) -> None:
        """To the transactions of the block that is open."""
        if self._builder is not None:
            state = self._builder.state
            state.computation_class = type("Watched", (state.computation_class,), {"_run": _run_telling(log)})


def _run_telling(log: OpcodeLog) -> Callable[[Computation], None]:
    """`Computation._run`, that tells of each instruction."""
    def run(self: Any) -> None:
        meter, code = self._gas_meter, self.code
        raw, end = code.raw, len(code.raw)
        while True:
            position = code.program_counter
            if position >= end:
                return
            code.program_counter = position + 1
            cost, instruction = INSTRUCTIONS[raw[position]]
            entry = log.begin(self, position, raw[position])
            try:
                if cost:
                    self.consume_gas(cost, f"opcode 0x{raw[position]:02x}")
                instruction(self)
            except VMError as error:
                if entry is not None and error.burns_gas:  # a REVERT is none of these
                    entry.error = str(error) or type(error).__name__
                raise
            finally:
                if entry is not None:
                    entry.cost = entry.gas - (0 if entry.error else meter.gas_remaining)

    return run


def _accounts(before: WorldState, after: _WatchedWorld) -> Iterator[AccountChange]:
    changed = {*after.written, *(address for address, _ in after.written_slots)}
    for address in sorted(changed):
        old, new = before.account(address), after.account(address)
        if old != new:
            yield AccountChange(address, old, new)


def _slots(before: WorldState, after: _WatchedWorld) -> Iterator[SlotChange]:
    for address, slot in sorted(after.written_slots):
        old, new = before.get_storage(address, slot), after.get_storage(address, slot)
        if old != new:
            yield SlotChange(address, slot, old, new)
