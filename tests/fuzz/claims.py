"""Real claims to EXECUTE, each true: the corpora begin with them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from execution.abi import encode_trace
from execution.rules import L2_TX_GAS_CAP
from execution.step import Machine
from execution.types import (
    BatchEnd,
    BlockStart,
    Cursor,
    Fragment,
    Input,
    Skip,
    Trace,
    Transaction,
    Withdrawal,
)
from execution.witness import build_witness
from tests.unit.execution.small_rollup import (
    ANCESTOR_AT,
    CHAIN_ID,
    FACTORY_AT,
    HEADERS,
    MORTAL_INIT,
    READER_AT,
    REVERT_AT,
    RULES,
    SOURCE,
    START,
    STORE_AT,
    WALLETS,
    attributes,
    word,
)


@dataclass(frozen=True)
class Claim:
    trace: Trace
    gas: int

    @property
    def encoded(self) -> bytes:
        return encode_trace(self.trace)


@cache
def claims() -> tuple[Claim, ...]:
    """One for each input of a small chain, and one for all of them."""
    machine = Machine(RULES, SOURCE, START, HEADERS.__getitem__)
    found = []
    inputs = _inputs()
    for item in inputs:
        found.append(_claim(machine, [item]))
        machine.step(item)
    return (*found, _claim(Machine(RULES, SOURCE, START, HEADERS.__getitem__), inputs))


def _claim(machine: Machine, inputs: list[Input]) -> Claim:
    pre = machine.state
    post, gas, witness = build_witness(RULES, pre, inputs, machine.roots_source(), machine.header)
    return Claim(Trace(CHAIN_ID, "prague", L2_TX_GAS_CAP, pre, post, tuple(inputs), witness), gas)


def _inputs() -> list[Input]:
    deposits = (Withdrawal(1, 0, b"\x77" * 20, 5), Withdrawal(2, 0, b"\x78" * 20, 0))
    common = {"chain_id": CHAIN_ID, "gas": 300_000}
    authorize = WALLETS[1].authorize(STORE_AT, 0, CHAIN_ID)
    sends = [
        WALLETS[0].typed(to=STORE_AT, data=word(7) + word(0), **common),
        WALLETS[0].legacy(nonce=1, to=FACTORY_AT, data=MORTAL_INIT, gas_price=2 * 10**9, **common),
        WALLETS[0].typed(kind=1, nonce=2, to=READER_AT, data=STORE_AT.rjust(32, b"\0"), **common),
        WALLETS[0].typed(kind=4, nonce=3, to=WALLETS[1].address, data=word(1) * 2, authorizations=[authorize], **common),
        WALLETS[2].typed(to=REVERT_AT, **common),
        WALLETS[2].typed(nonce=1, to=ANCESTOR_AT, data=word(2), **common),
        WALLETS[2].typed(nonce=9, to=STORE_AT, **common),
        b"\x02\xc0",
    ]
    inputs: list[Input] = [BlockStart(attributes(1_002, deposits)), BlockStart(attributes(1_004))]
    inputs += [Transaction(raw) for raw in sends]
    inputs += [Fragment(b"piece"), Skip(), BatchEnd()]
    return [type(item)(*(getattr(item, n) for n in item.__dataclass_fields__ if n != "next"), Cursor(0, 1, i))
            for i, item in enumerate(inputs)]  # fmt: skip
