"""A private instance of EELS's Prague: its modules, unchanged, as `execution.eels.prague.*`.

Python finds the submodules of whatever has a `__path__` there; this one is that of `ethereum.forks.prague`. So the
few names that are bound anew here are bound for this engine alone, and whoever else uses EELS has it as it is:

* the functions of `state` that touch its dictionary of all accounts (`world`);
* the tracer, EELS's own hook, which is told of every operation: it stops work that nobody paid for;
* system transactions, so that their gas is counted;
* the analysis of jump destinations and the price of blob gas, which EELS computes anew for every frame or opcode:
  a transaction of 2^24 gas could make it do so for hours.
"""

from __future__ import annotations

import importlib
from functools import lru_cache
from typing import Any

import ethereum.forks.prague as stock
from ethereum.trace import GasAndRefund, OpStart, PrecompileStart
from ethereum_types.numeric import Uint

from execution.errors import WorkLimitExceeded

__path__ = list(stock.__path__)

SYSTEM_TRANSACTION_GAS = 30_000_000  # EIP-4788 and others


class JumpDestinations:
    """Every JUMPDEST of a code that is not the data of a PUSH."""

    def __init__(self, code: bytes) -> None:
        self._is_destination = bytearray(len(code))
        at = 0
        while at < len(code):
            opcode = code[at]
            if opcode == 0x5B:
                self._is_destination[at] = 1
            at += opcode - 0x5E if 0x60 <= opcode <= 0x7F else 1

    def __contains__(self, position: Uint) -> bool:
        at = int(position)
        return at < len(self._is_destination) and self._is_destination[at] == 1


# Of at most 48 KB each, initcode (EIP-3860).
jump_destinations = lru_cache(maxsize=128)(JumpDestinations)


def _trace(evm: Any, event: object) -> None:
    """Raises WorkLimitExceeded when all frames together have less gas left than `Work.floor`.

    Looked at before each opcode, when nothing is on its way into a new frame, and when a precompile is paid: there
    one payment may buy much work.
    """
    kind = type(event)
    if kind is OpStart:
        if evm.gas_left < _floor(evm):
            raise WorkLimitExceeded("more gas used than was paid for")
    elif kind is PrecompileStart:
        evm.is_precompile = True
    elif kind is GasAndRefund and getattr(evm, "is_precompile", False):
        left = int(evm.gas_left) - event.gas_cost  # type: ignore[attr-defined]
        if 0 <= left < int(_floor(evm)):
            raise WorkLimitExceeded("more gas used than was paid for")


def _floor(evm: Any) -> Uint:
    """What this frame must have left. The frames around it don't change while it runs, so it is computed once."""
    floor = getattr(evm, "floor", None)
    if floor is None:
        parent = evm.message.parent_evm
        if parent is None:
            floor = Uint(evm.message.block_env.state.work.floor)
        else:
            outer = _floor(parent)
            floor = outer - parent.gas_left if outer > parent.gas_left else Uint(0)
        evm.floor = floor
    return floor


def _counted(process_system_transaction: Any) -> Any:
    def process(block_env: Any, *arguments: Any) -> Any:
        work = block_env.state.work
        work.floor = max(SYSTEM_TRANSACTION_GAS - work.system_calls, 0)
        output = process_system_transaction(block_env, *arguments)
        work.system_calls = max(work.system_calls - (SYSTEM_TRANSACTION_GAS - int(output.gas_left)), 0)
        return output

    return process


def _module(name: str) -> Any:
    return importlib.import_module(f"{__name__}.{name}")


def _bind() -> None:
    # In this order: other modules take over what a module names at the time that they are loaded.
    state, world = _module("state"), importlib.import_module("execution.eels.world")
    for name in (
        "TransientStorage",
        "account_has_storage",
        "begin_transaction",
        "commit_transaction",
        "destroy_storage",
        "get_account_optional",
        "get_storage",
        "get_storage_original",
        "get_transient_storage",
        "rollback_transaction",
        "set_account",
        "set_storage",
        "set_transient_storage",
    ):
        assert hasattr(state, name), name
        setattr(state, name, getattr(world, name))
    gas = _module("vm.gas")
    gas.evm_trace = _trace
    gas.calculate_blob_gas_price = lru_cache(maxsize=64)(gas.calculate_blob_gas_price)
    interpreter, fork = _module("vm.interpreter"), _module("fork")
    interpreter.evm_trace = _trace
    interpreter.get_valid_jump_destinations = jump_destinations
    fork.process_system_transaction = _counted(fork.process_system_transaction)


_bind()
