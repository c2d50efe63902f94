"""Liars about deposits: who got what, in which batch, in batches whose data is garbage, where nothing else happens.

Two batches of bytes that mean nothing take in as many deposits as a batch may, and the rest. (Lies about all deposits at once,
and about their order, are misreadings.py's and changed_lines.py's.)
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from derivation.batch import Deposit
from l1.contracts import Portal
from tests.adversarial.misreadings import Misreading, Read
from tests.adversarial.rich_batch import Posts
from tests.e2e.devnet import Devnet

MOST = 16
"""Inbox.MAX_DEPOSITS_PER_BATCH."""
LEFT = 3
THIEF = b"\x66" * 20
GWEI = 10**9
GARBAGE = bytes.fromhex("00ff") * 1024  # 64 field elements of no meaning

Lie = Callable[[Sequence[Deposit], Sequence[Deposit]], Sequence[Deposit]]
"""(the batch's deposits, the other batch's) -> those that the liar takes."""


async def queue(net: Devnet) -> None:
    """Each with a recipient and an amount of its own."""
    payer = net.account(9)
    await asyncio.gather(*(
        net.send(net.w3, payer, to=net.deployment.portal, data=Portal.deposit(bytes([0xD0 + number % 16, number]) * 10),
                 value=(number + 1) * GWEI, gas=200_000, nonce=number)
        for number in range(MOST + LEFT)))
    await net.mine(2)  # the batches' origin is not the newest block


def posts(net: Devnet) -> Posts:
    return Posts((), (), [[GARBAGE, GARBAGE], [GARBAGE]])


def _with(place: int, deposit: Deposit, deposits: Sequence[Deposit]) -> list[Deposit]:
    return [*deposits[:place], deposit, *deposits[place + 1 :]]


def _swapped(name: str, deposits: Sequence[Deposit]) -> list[Deposit]:
    """Two of them with each other's `name`."""
    first, second, *rest = deposits
    ours, theirs = {name: getattr(first, name)}, {name: getattr(second, name)}
    return [replace(first, **theirs), replace(second, **ours), *rest]


OF_A_BATCH: dict[str, Lie] = {
    "the first one skipped": lambda own, other: own[1:],
    "one in the middle skipped": lambda own, other: [*own[:1], *own[2:]],
    "the last one skipped": lambda own, other: own[:-1],
    "one twice": lambda own, other: [*own, own[-1]],
    "one twice instead of another": lambda own, other: _with(1, own[0], own),
    "one of the other batch's": lambda own, other: [*own, other[0]],
    "one of the other batch's instead": lambda own, other: _with(0, other[0], own),
    "one gwei more": lambda own, other: _with(1, replace(own[1], amount_gwei=own[1].amount_gwei + 1), own),
    "one gwei less": lambda own, other: _with(1, replace(own[1], amount_gwei=own[1].amount_gwei - 1), own),
    "wei for gwei": lambda own, other: _with(0, replace(own[0], amount_gwei=own[0].amount_gwei * GWEI), own),
    "one for a thief": lambda own, other: _with(2, replace(own[2], recipient=THIEF), own),
    "recipients exchanged": lambda own, other: _swapped("recipient", own),
    "amounts exchanged": lambda own, other: _swapped("amount_gwei", own),
    "two swapped": lambda own, other: [own[1], own[0], *own[2:]],
    "indices exchanged": lambda own, other: _swapped("index", own),
    "one from nowhere": lambda own, other: [*own, Deposit(own[-1].index + 1, THIEF, 10**9, own[-1].l1_block)],
}
"""Of the first batch, where `other` are those left for the second one, or of the second, where they were in the first."""

def misreading_of(lie: Lie) -> Misreading:
    def read_wrong(read: Read) -> Read:
        false = replace(read.batch)  # decodes anew
        object.__setattr__(false, "deposits", tuple(lie(read.batch.deposits, read.other.deposits)))  # nobody checks a liar's
        return replace(read, batch=false)

    return read_wrong
