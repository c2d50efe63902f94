"""EXECUTE: it never raises, and two engines with nothing in common but the claim say the same.

Mutations know what a trace is made of: they bend fields, inputs and witness items, and the bytes too.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace

from execution.abi import decode_trace, encode_trace
from execution.abi_codec import AbiError
from execution.block import WorkBudget
from execution.eels.engine import execute as execute_by_eels
from execution.encoding import keccak
from execution.errors import InvalidTrace
from execution.execute import execute, rules_of_trace
from execution.step import Machine
from execution.types import Trace, Witness
from execution.witness import WitnessSource
from tests.fuzz.claims import claims

_GAS = 8  # bytes, before the trace
_MOST_GAS = 2_000_000  # EELS needs seconds for more
_ROOTS = ("transactions_root", "receipts_root")
_MOST_REHASHED = 100  # items
INTERESTING = (0, 1, 2, 32, 255, 2**16, 2**32, 2**63, 2**64 - 1, 2**255, 2**256 - 1)


def seeds() -> list[bytes]:
    return [claim.gas.to_bytes(_GAS, "big") + claim.encoded for claim in claims()]


def one(data: bytes) -> None:
    gas, encoded = int.from_bytes(data[:_GAS], "big") % _MOST_GAS, data[_GAS:]
    try:
        trace = decode_trace(encoded)
        pre, post = trace.pre.state_root, trace.post.state_root
    except InvalidTrace:
        pre = post = bytes(32)
    ours = execute(pre, post, gas, encoded)
    assert not ours.reason.startswith("engine failure"), ours
    theirs = execute_by_eels(pre, post, gas, encoded)
    assert ours.result == theirs.result, (ours, theirs)


def mutate(data: bytes, max_size: int, seed: int, mutate_bytes: Callable[[bytes, int], bytes]) -> bytes:
    rng = random.Random(seed)
    if rng.random() < 0.15:
        return mutate_bytes(data, max_size)
    try:
        trace = decode_trace(data[_GAS:])
    except InvalidTrace:
        trace, data = rng.choice(claims()).trace, data[:_GAS].ljust(_GAS, b"\0")
    gas = int.from_bytes(data[:_GAS], "big")
    for _ in range(rng.choice((1, 1, 2, 4))):
        kind = rng.randrange(8)
        if kind > 4:
            trace = rehashed(trace, rng, mutate_bytes)
        elif kind == 0:
            gas = rng.choice((gas, gas + 1, max(gas - 1, 0), rng.choice(claims()).gas, 0))
        elif kind == 1:
            trace = replace(trace, witness=_items(trace.witness, rng, mutate_bytes))
        elif kind == 2:
            trace = replace(trace, inputs=_sequence(trace.inputs, rng, mutate_bytes, [c.trace.inputs for c in claims()]))
        else:
            name = rng.choice(("pre", "post", "pre", "chain_id", "tx_gas_cap"))
            trace = replace(trace, **{name: bent(getattr(trace, name), rng, mutate_bytes)})
        if rng.random() < 0.4:
            trace, gas = settled(trace, gas)
    try:
        made = gas.to_bytes(_GAS, "big") + encode_trace(trace)
    except (AbiError, OverflowError):
        return data
    return made if len(made) <= max_size else data


def rehashed(trace: Trace, rng: random.Random, mutate_bytes: Callable[[bytes, int], bytes]) -> Trace:
    """Another node, code or header, and all that holds its hash with the hash of the new one: a made-up state."""
    lists = {name: list(getattr(trace.witness, name)) for name in ("state", "codes", "headers")}
    name = rng.choice([name for name, items in lists.items() if items] or ["none"])
    if name == "none":
        return trace
    at = rng.randrange(len(lists[name]))
    old = lists[name][at]
    changed = {keccak(old): mutate_bytes(old, len(old) + 64)}
    hashes = {}
    for _ in range(_MOST_REHASHED):  # a mutation may put an item's own former hash into it
        if not changed:
            break
        former, new = changed.popitem()
        hashes[former] = keccak(new)
        for items in lists.values():
            for i, item in enumerate(items):
                if keccak(item) == former:
                    items[i] = new
                elif former in item:
                    items[i] = item.replace(former, hashes[former])
                    changed[keccak(item)] = items[i]
    pre = trace.pre
    if pre.open is not None:
        roots = {key: hashes.get(getattr(pre.open, key), getattr(pre.open, key)) for key in _ROOTS}
        pre = replace(pre, open=replace(pre.open, **roots))
    pre = replace(
        pre, state_root=hashes.get(pre.state_root, pre.state_root), block_hash=hashes.get(pre.block_hash, pre.block_hash)
    )
    witness = Witness(*(tuple(items) for items in lists.values()))
    return replace(trace, pre=pre, witness=witness)


def settled(trace: Trace, gas: int) -> tuple[Trace, int]:
    """With the post-state and gas that executing it gives, where it gives any: so that mutants can be true as well."""
    source = WitnessSource(trace.witness)
    try:
        machine = Machine(rules_of_trace(trace), source, trace.pre, source.header, WorkBudget(_MOST_GAS, _MOST_GAS))
        used = sum(machine.step(item).gas_used for item in trace.inputs)
        return replace(trace, post=machine.state), used
    except Exception:  # noqa: BLE001 - what can't be executed is judged as it is
        return trace, gas


def bent(value, rng: random.Random, mutate_bytes: Callable[[bytes, int], bytes]):
    """The same kind of value, another one; of a structure, one field."""
    if isinstance(value, int):
        return rng.choice((value + 1, max(value - 1, 0), rng.choice(INTERESTING), value ^ 1 << rng.randrange(64)))
    if isinstance(value, bytes):
        fixed = len(value) in (20, 32, 256)
        changed = mutate_bytes(value, max(len(value), 1) if fixed else len(value) + 64)
        return changed[: len(value)].ljust(len(value), b"\0") if fixed else changed
    if isinstance(value, tuple):
        return _sequence(value, rng, mutate_bytes, [])
    if is_dataclass(value):
        name = rng.choice([field.name for field in fields(value)])
        return replace(value, **{name: bent(getattr(value, name), rng, mutate_bytes)})
    return None if value is not None and rng.random() < 0.5 else value


def _sequence(items: tuple, rng: random.Random, mutate_bytes, others: list[tuple]) -> tuple:
    kind = rng.randrange(5)
    at = rng.randrange(len(items) + 1)
    if others and (kind == 0 or not items):
        return (*items[:at], *rng.choice(others), *items[at:])
    if not items:
        return items
    at %= len(items)
    if kind == 1:
        return (*items[:at], *items[at + 1 :])
    if kind == 2:
        return (*items, items[at])
    if kind == 3:
        return tuple(rng.sample(items, len(items)))
    return (*items[:at], bent(items[at], rng, mutate_bytes), *items[at + 1 :])


def _items(witness, rng: random.Random, mutate_bytes):
    name = rng.choice(("state", "state", "state", "codes", "headers"))
    others = [getattr(claim.trace.witness, name) for claim in claims()]
    return replace(witness, **{name: _sequence(getattr(witness, name), rng, mutate_bytes, others)})
