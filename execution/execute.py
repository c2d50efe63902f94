"""EXECUTE's verdict (docs/protocol.md, section 8): true for a trace that proves itself, false for anything else."""

from __future__ import annotations

from collections.abc import Callable

from execution.abi import decode_trace
from execution.block import WorkBudget
from execution.errors import InvalidBlock, InvalidTrace, InvalidWitness, WorkLimitExceeded
from execution.rules import Rules
from execution.step import Machine
from execution.types import BlockStart, StepState, Trace, Witness
from execution.verdict import Verdict
from execution.witness import WitnessSource

# EIP-8025's limits, sizes in bytes; but codes may be smaller only, as what a call costs to prepare grows with its code and
# the price does not. EIP-170 allows 24,576; states that Ethereum's tests begin with have codes of up to 60,012.
MAX_NODES, MAX_NODE_SIZE = 1 << 20, 1 << 20
MAX_CODES, MAX_CODE_SIZE = 1 << 16, 1 << 16
MAX_HEADERS, MAX_HEADER_SIZE = 256, 1 << 10

# Nobody pays for system calls, and in a made-up state they may use 30M gas each. The genuine contracts stay below this at
# a block's start and end together.
_SYSTEM_GAS_PER_BLOCK = 500_000


def rules_of_trace(trace: Trace) -> Rules:
    """The rules of an L2: no blobs, no extra precompiles, the gas cap the trace names (0: none)."""
    return Rules(chain_id=trace.chain_id, fork=trace.fork, tx_gas_cap=trace.tx_gas_cap or None)


def execute(
    pre_root: bytes,
    post_root: bytes,
    gas_used: int,
    trace: bytes,
    *,
    rules_of: Callable[[Trace], Rules] = rules_of_trace,
    minimal_witness: bool = False,
    unpaid_gas: int = 0,
) -> Verdict:
    """True iff executing `trace` from `pre_root` ends exactly at `post_root` and uses exactly `gas_used`.

    Never raises: whatever goes wrong makes it false. Work is bounded by `gas_used` and the trace's size.
    `unpaid_gas`: what system calls may use in all, beyond what the genuine contracts need; L1's EXECUTE gives them none.
    `minimal_witness`: as in `WitnessSource`. No weaker a proof, but not what L1's EXECUTE asks for.
    """
    try:
        return _execute(pre_root, post_root, gas_used, decode_trace(trace), rules_of, minimal_witness, unpaid_gas)
    except (InvalidTrace, InvalidWitness, InvalidBlock, WorkLimitExceeded) as error:
        return Verdict(False, f"{type(error).__name__}: {error}", None)
    except Exception as error:  # noqa: BLE001 - an engine that fails on an input does not prove it
        return Verdict(False, f"engine failure: {type(error).__name__}: {error}", None)


def _execute(
    pre_root: bytes,
    post_root: bytes,
    gas_used: int,
    trace: Trace,
    rules_of: Callable[[Trace], Rules],
    minimal_witness: bool,
    unpaid_gas: int,
) -> Verdict:
    if trace.fork != "prague":
        return Verdict(False, f"unknown fork {trace.fork!r}", None)
    if trace.pre.state_root != pre_root:
        return Verdict(False, "the trace begins at another state root", None)
    if trace.post.state_root != post_root:
        return Verdict(False, "the trace ends at another state root", None)
    _check_sizes(trace.witness)
    source = WitnessSource(trace.witness, minimal=minimal_witness)
    blocks = sum(isinstance(item, BlockStart) for item in trace.inputs)
    budget = WorkBudget(gas_used, unpaid_gas + _SYSTEM_GAS_PER_BLOCK * (blocks + 1))
    machine = Machine(rules_of(trace), source, trace.pre, source.header, budget)
    used, no_ops = 0, ""
    for item in trace.inputs:
        outcome = machine.step(item)
        used += outcome.gas_used
        if outcome.rejection is not None and not no_ops:
            no_ops = f" (a transaction is a no-op: {outcome.rejection})"
    if used != gas_used:
        return Verdict(False, f"{used} gas used, not {gas_used}{no_ops}", used)
    if machine.state != trace.post:
        return Verdict(False, f"ends elsewhere: {_difference(machine.state, trace.post)}{no_ops}", used)
    return Verdict(True, "proved", used)


def _check_sizes(witness: Witness) -> None:
    for items, count, size, what in (
        (witness.state, MAX_NODES, MAX_NODE_SIZE, "nodes"),
        (witness.codes, MAX_CODES, MAX_CODE_SIZE, "codes"),
        (witness.headers, MAX_HEADERS, MAX_HEADER_SIZE, "headers"),
    ):
        if len(items) > count or any(len(item) > size for item in items):
            raise InvalidWitness(f"too many or too large {what}")


def _difference(found: StepState, claimed: StepState) -> str:
    names = [
        name for name in StepState.__dataclass_fields__ if getattr(found, name) != getattr(claimed, name)
    ]
    if names == ["open"] and found.open is not None and claimed.open is not None:
        one, other = found.open, claimed.open
        names = [
            f"open.{name}"
            for name in type(one).__dataclass_fields__
            if getattr(one, name) != getattr(other, name)
        ]
    return ", ".join(names)
