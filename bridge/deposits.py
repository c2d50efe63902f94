"""Deposits: queued by the Portal in L1's Inbox, credited in the first block of a batch of L2 (EIP-4895)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridge.errors import BridgeError, ProofError
from l1.artifacts import AnswerMalformed
from l1.client import L1Client, L1Inconsistent, read_log
from l1.events import Deposited, InboxEvent, read_inbox_event

GWEI = 10**9


@dataclass(frozen=True, slots=True)
class Credit:
    """A deposit as L2 has it. `amount` in wei."""

    l2_block: int
    recipient: bytes
    amount: int


def inbox_events_in(receipt: Mapping[str, Any], inbox: bytes) -> list[InboxEvent]:
    """What the Inbox (20 bytes) says in a receipt of L1, as its JSON-RPC gives it."""
    try:
        logs = [log for each in receipt["logs"] if (log := read_log(each)).address == inbox]
        return [event for log in logs if (event := read_inbox_event(log)) is not None]
    except (L1Inconsistent, AnswerMalformed) as error:
        raise ProofError(f"the L1 node's receipt has a malformed log: {error}") from None


def deposited_in(receipt: Mapping[str, Any], inbox: bytes) -> Deposited:
    """The deposit that a transaction made. BridgeError if it made none, or several."""
    found = [event for event in inbox_events_in(receipt, inbox) if isinstance(event, Deposited)]
    if len(found) != 1:
        raise BridgeError(f"the transaction made {len(found)} deposits")
    return found[0]


class CreditWatch:
    """Looks for a deposit (its index in the queue) in L2's blocks, from block `first` on."""

    def __init__(self, l2: L1Client, index: int, first: int) -> None:
        self._l2 = l2
        self._index = index
        self._first = self._next = first
        self._last_hash = ""

    async def look(self) -> Credit | None:
        """None until a block has it. When L2 was reorganised, it begins anew."""
        head = (await self._l2.head()).number
        while self._next <= head:
            block = await self._l2.request("eth_getBlockByNumber", [hex(self._next), False])
            if block is None:
                return None
            if self._last_hash and block["parentHash"] != self._last_hash:
                self._next, self._last_hash = self._first, ""
                continue
            for each in block.get("withdrawals") or ():
                if int(each["index"], 16) == self._index:
                    recipient = bytes.fromhex(each["address"][2:])
                    return Credit(self._next, recipient, int(each["amount"], 16) * GWEI)
            self._next, self._last_hash = self._next + 1, block["hash"]
        return None
