"""Looks at the rollup now and then, so that metrics and health checks need to ask nobody."""

from __future__ import annotations

import asyncio
import time

import structlog

from l1.client import L1Client, L1Inconsistent, L1Unavailable
from l1.contracts import Rollup
from l1.rpc_errors import RpcError
from view.rollup_view import RollupView
from view.shapes import Overview

log = structlog.get_logger("observer")

ENTRIES = 200  # of assertions and games; what isn't over comes first
LEAST_INTERVAL = 1.0  # seconds
PATIENCE = 90.0  # seconds without a new L1 block, at least
RESERVE_GAS = 5_000_000
"""L1 gas that an account should be able to pay for: a proof of the dearest kind, or two batches and their assertions."""


class Observer:
    """`account`: whose money is watched, and `bond`: what it must be able to put down, wei. `slot`: L1's, seconds."""

    def __init__(self, view: RollupView, l1: L1Client, slot: float, account: bytes | None = None, bond: int = 0) -> None:
        self.view = view
        self.l1 = l1
        self.account = account
        self.bond = bond
        self.overview: Overview | None = None
        self.balance: int | None = None
        self.credit = 0
        self.failure: str | None = None
        self._rollup = Rollup(l1, view.deployment.rollup)
        self._interval = max(LEAST_INTERVAL, slot)
        self._patience = max(PATIENCE, 10 * slot)
        self._new_head = time.monotonic()

    async def run(self) -> None:
        """Until cancelled. An L1 that doesn't answer is told of once."""
        while True:
            try:
                await self.look()
                self.failure = None
            except (L1Unavailable, L1Inconsistent, RpcError) as error:
                if self.failure is None:
                    log.warning("L1 can't be observed", reason=str(error))
                self.failure = str(error)
            await asyncio.sleep(self._interval)

    async def look(self) -> None:
        """Raises what L1Client raises."""
        seen = await self.view.overview(ENTRIES)
        if self.overview is None or seen["l1"]["hash"] != self.overview["l1"]["hash"]:
            self._new_head = time.monotonic()
        self.overview = seen
        if self.account is not None:
            self.balance = await self.l1.balance(self.account)
            self.credit = await self._rollup.credit(self.account)

    @property
    def head_age(self) -> float:
        """Seconds since L1 had a new block."""
        return time.monotonic() - self._new_head

    def l1_trouble(self) -> str | None:
        """A health check."""
        if self.failure is not None:
            return f"L1 can't be read: {self.failure}"
        if self.overview is None:
            return "not yet read"
        if self.head_age > self._patience:
            return f"L1 has had no new block for {self.head_age:.0f} s"
        return None

    def funds_trouble(self) -> str | None:
        """A health check: can the account pay its next bond and the gas of defending it?"""
        if self.balance is None or self.overview is None:
            return None
        gas = RESERVE_GAS * int(self.overview["l1"]["base_fee"])
        if self.balance >= self.bond + gas:
            return None
        return (f"the account has {self.balance / 1e18:.4f} ether, and a bond of {self.bond / 1e18:g} ether with "
                f"{RESERVE_GAS:,} gas takes {(self.bond + gas) / 1e18:.4f} ether")
