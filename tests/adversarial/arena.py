"""A devnet whose first batch has something of everything, for tests that begin there."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from tests.adversarial.kit.arena import CLOCK, TRANSFERS, WINDOW, Arena
from tests.adversarial.kit.devnet import Devnet
from tests.adversarial.kit.scenario import Stage


@contextlib.asynccontextmanager
async def arena(directory: Path, stride: int, arity: int, *, window: int = WINDOW, clock: int = CLOCK,
                honest_asserts: bool = True) -> AsyncIterator[Arena]:
    """The sequencer has posted batch 0 and (if `honest_asserts`) asserts it; nobody else runs yet."""
    overrides = {
        "dispute.stride": stride, "dispute.arity": arity, "dispute.window": f"{window}s", "dispute.clock": f"{clock}s",
        "sequencer.assert_batches": honest_asserts,
    }  # fmt: skip
    async with Devnet(Stage(directory), overrides) as net, net.sequencer():
        truth = await net.batch()
        assert truth.steps >= TRANSFERS and len(truth.data.forced) == 3 and truth.data.deposits
        yield net.arena
