"""Many at once."""

from __future__ import annotations

import contextlib
import random
from collections.abc import AsyncIterator, Sequence

from sequencer.claims import BatchClaims
from tests.adversarial.kit.arena import Party
from tests.adversarial.kit.devnet import Devnet
from tests.adversarial.kit.lies import Truth, enriches, lie_at

TOGETHER = 5
"""How many make their blobs and proofs at a time."""


async def different_lies(truth: Truth, count: int, rng: random.Random) -> list[BatchClaims]:
    """Each credits another thief at a step of its own choice: no two are the same, and what comes after it is executed."""
    lies = []
    for thief in range(count):
        step = rng.randrange(truth.steps)
        lies.append(await truth.node.in_thread(lie_at, truth, step, enriches(bytes([0x60, thief]) * 10)))
    return lies


@contextlib.asynccontextmanager
async def crowd(net: Devnet, lies: Sequence[BatchClaims]) -> AsyncIterator[list[Party]]:
    """An asserter for each of these. They share this process, and look at L1 every few seconds; if they are many, some begin
    when those before them have asserted."""
    async with contextlib.AsyncExitStack() as stack:
        parties: list[Party] = []
        for each in lies:
            if len(parties) >= TOGETHER:
                await net.arena.assertion_of(parties[-TOGETHER].address)
            parties.append(await stack.enter_async_context(net.asserter(each, poll=1 + len(lies) / 5)))
        yield parties


async def asserted(net: Devnet, parties: Sequence[Party]) -> list[bytes]:
    """Their assertions, when all are on L1."""
    return [await net.arena.assertion_of(each.address) for each in parties]
