"""Several L1 sources: the challenger acts only on what all that answer agree about.

* Another hash for the same block, or another head batch at it: unknown, with an alarm.
* A source that hasn't got the block yet: unknown, until it has.
* A source that doesn't answer is left out, but if none of the further ones answers: unknown, with an alarm.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from challenger.claims import Unknown
from l1.client import L1Block, L1Client, L1Inconsistent, L1Unavailable
from l1.contracts import Inbox
from l1.rpc_errors import RpcError


class L1Sources:
    """`others`: clients of further L1 nodes; with none of them, the one is believed."""

    def __init__(self, primary: L1Client, others: Sequence[L1Client], inbox: bytes) -> None:
        self._inboxes = [Inbox(client, inbox) for client in (primary, *others)]
        self._checked: tuple[bytes, Unknown | None] | None = None

    async def doubt(self, block: L1Block) -> Unknown | None:
        """Why what the first source says as of `block` isn't to be acted on; None if it is."""
        if len(self._inboxes) == 1:
            return None
        if self._checked is not None and self._checked[0] == block.hash and self._checked[1] is None:
            return None
        found = await self._compare(block)
        self._checked = block.hash, found
        return found

    async def _compare(self, block: L1Block) -> Unknown | None:
        try:
            ours = await self._inboxes[0].head_batch(block.hash)
        except (L1Unavailable, RpcError) as error:
            return Unknown(f"our L1 source doesn't answer at block {block.number}: {error}")
        answers = await asyncio.gather(*(self._ask(inbox, block, ours) for inbox in self._inboxes[1:]))
        heard = [answer for answer in answers if answer is not _SILENT]
        if not heard:
            return Unknown("none of the further L1 sources answers", alarm=True)
        doubts = [answer for answer in heard if isinstance(answer, Unknown)]
        return max(doubts, key=lambda each: each.alarm, default=None)

    async def _ask(self, inbox: Inbox, block: L1Block, ours: tuple[bytes, int]) -> Unknown | str | None:
        try:
            found = await inbox.l1.block(block.number)
            if found is None:
                return Unknown(f"another L1 source hasn't got block {block.number} yet")
            if found.hash != block.hash:
                return Unknown(f"two L1 sources have different blocks {block.number}", alarm=True)
            theirs = await inbox.head_batch(block.hash)
        except (L1Unavailable, L1Inconsistent, RpcError):
            return _SILENT
        if theirs != ours:
            return Unknown(f"two L1 sources have different batches at block {block.number}", alarm=True)
        return None


_SILENT = "no answer"
