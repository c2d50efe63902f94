"""An L1 of canned events: blocks that can be reorganised, and a Rollup contract that reads as of any of them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from l1.client import L1Block, L1Log
from l1.contracts import EXECUTE_ADDRESS, AssertionRecord, GameRecord, artifact
from l1.events import AssertionMade, AssertionStatus, RollupEvent

ROLLUP = b"\x52" * 20
SOME_BLOOM = b"\xff" * 256


@dataclass
class FakeChain:
    """The L1Client and the Rollup binding in one. Block timestamps are 12 seconds apart."""

    blocks: list[L1Block] = field(default_factory=list)
    events: dict[bytes, list[RollupEvent]] = field(default_factory=dict)
    credits: dict[bytes, int] = field(default_factory=dict)  # by block hash
    games: dict[tuple[bytes, bytes], GameRecord] = field(default_factory=dict)  # by game and block hash
    range_limit: int = 10**9
    congestion: dict[bytes, int] = field(default_factory=dict)  # by block hash
    asked: list[str] = field(default_factory=list)
    address = ROLLUP

    def mine(self, *events: RollupEvent, salt: str = "") -> L1Block:
        parent = self.blocks[-1].hash if self.blocks else bytes(32)
        number = len(self.blocks)
        name = hashlib.sha256(parent + salt.encode() + repr(events).encode()).digest()
        block = L1Block(number, name, parent, 1000 + 12 * number, b"", SOME_BLOOM if events else bytes(256), 0, 0, 0, 0,
                        0, b"", b"")
        self.blocks.append(block)
        self.events[name] = list(events)
        return block

    def drop(self, count: int) -> None:
        del self.blocks[-count:]

    # ---- the client

    async def head(self) -> L1Block:
        return self.blocks[-1]

    async def block(self, block: int | bytes) -> L1Block | None:
        self.asked.append(f"block {block if isinstance(block, int) else block.hex()[:6]}")
        if isinstance(block, int):
            return self.blocks[block] if 0 <= block < len(self.blocks) else None
        return next((each for each in self.blocks if each.hash == block), None)

    async def logs(self, block_hash: bytes, addresses: Sequence[bytes]) -> list[L1Log]:
        block = next(each for each in self.blocks if each.hash == block_hash)
        return [
            L1Log(ROLLUP, (), repr((block_hash.hex(), index)).encode(), block.number, block_hash, bytes(32), index)
            for index in range(len(self.events[block_hash]))
        ]

    async def logs_in_range(self, first: int, last: int, addresses: Sequence[bytes]) -> list[L1Log]:
        from l1.rpc_errors import RpcError

        self.asked.append(f"range {first} {last}")
        if last - first + 1 > self.range_limit:
            raise RpcError(-32005, "too many results")
        return [log for block in self.blocks[first : last + 1] for log in await self.logs(block.hash, addresses)]

    def event_in(self, log: L1Log) -> RollupEvent:
        return self.events[log.block_hash][log.log_index]

    async def call(self, to: bytes, data: bytes, block: bytes) -> bytes:
        assert (to, data) == (EXECUTE_ADDRESS, artifact("IExecute").call("congestedSeconds"))
        return self.congestion[block].to_bytes(32, "big")

    # ---- the contract

    async def assertion(self, assertion_id: bytes, block: bytes) -> AssertionRecord:
        at = next(each for each in self.blocks if any(
            isinstance(event, AssertionMade) and event.id == assertion_id for event in self.events[each.hash]))
        made = next(event for event in self.events[at.hash] if isinstance(event, AssertionMade) and event.id == assertion_id)
        return AssertionRecord(made.parent_id, made.batch_hash, 0, made.steps, made.commitment, made.state_root,
                               made.block_hash, made.checkpoint_blobs, made.asserter, at.timestamp, 0,
                               AssertionStatus.PENDING)

    async def game(self, game_id: bytes, block: bytes) -> GameRecord:
        return self.games[game_id, block]

    async def credit(self, who: bytes, block: bytes) -> int:
        return self.credits.get(block, 0)


def made(number: int, parent: bytes = bytes(32)) -> AssertionMade:
    return AssertionMade(bytes([number]) * 32, parent, b"\xba" * 32, b"\x0a" * 20, 40, b"\x01" * 31, b"", b"", (b"\x02",))


