"""The chain of a node that only derives: JSON-RPC reads it, nobody writes transactions into it."""

from __future__ import annotations

import structlog

from chain.canonical import Switch
from chain.events import NewHead
from chain.mempool import PoolError, PoolLimits
from chain.store import ChainStore
from chain.store_view import StoreView
from derivation.inputs import DerivationParams
from execution.rules import Rules
from node.forward import Forwarder

log = structlog.get_logger("node")

NOT_SUPPORTED = -32004
"""JSON-RPC: method not supported (EIP-1474)."""


class DerivedChain(StoreView):
    """A ChainView whose head is what L1 says; its pool stays empty. `forwarder`: who takes transactions, if anyone."""

    def __init__(
        self, store: ChainStore, rules: Rules, params: DerivationParams, forwarder: Forwarder | None = None
    ) -> None:
        super().__init__(store, rules, params.fee_recipient, params.gas_limit, PoolLimits())
        self._forwarder = forwarder

    async def submit(self, raw: bytes) -> bytes:
        if self._forwarder is None:
            raise PoolError(
                "this node derives the chain from L1 and takes no transactions: send them to the sequencer, or set "
                "node.sequencer_url",
                NOT_SUPPORTED,
            )
        return await self._forwarder.send(raw, self.pool.decode(raw).hash)

    def announce(self, switch: Switch) -> None:
        """Derivation has moved the head."""
        if switch.removed:
            log.warning("L1 was reorganised: the chain goes back", removed=len(switch.removed), added=len(switch.added),
                        head=self.store.head.number)  # fmt: skip
        if switch.removed or switch.added:
            self.events.publish(NewHead(self.store.head, switch.removed, switch.added))
