"""The wallets: one process that drives a JSON-RPC node and says when what happened. Knows nothing of whose node it is.

    echo '{"mode": "send", "url": ..., ...}' | python benchmarks/load/client.py

A job and its result are JSON (benchmarks/load/jobs.py). Modes: `send`, as fast as the node takes it; `paced`, so many transactions
a second, each with the reads that a wallet makes around it; `reads`, one method at a time as fast as it is answered.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.load.wire import Connection, HttpFailure, RpcFailure, request

BACK_OFF = 0.05  # seconds after a refusal
LOOK = 0.03  # seconds between two looks at the node's head
RECEIPT_POLL = 0.25  # seconds, as impatient wallets do


class Heads:
    """When each block was first seen."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.seen: dict[int, float] = {}

    async def follow(self) -> None:
        async with Connection(self.url) as connection:
            last = int(await connection.call("eth_blockNumber"), 16)
            while True:
                head = int(await connection.call("eth_blockNumber"), 16)
                now = time.time()
                for number in range(last + 1, head + 1):
                    self.seen[number] = now
                last = max(last, head)
                await asyncio.sleep(LOOK)


class Sending:
    """`sent[i]`: [0x hash, when its request began, seconds until its answer]."""

    def __init__(self, job: dict[str, Any]) -> None:
        self.job = job
        self.url: str = job["url"]
        self.lists = [line.split() for line in Path(job["transactions"]).read_text().splitlines()]
        self.sent: list[tuple[str, float, float]] = []
        self.refused: dict[str, int] = {}

    async def run(self) -> dict[str, Any]:
        heads = Heads(self.url)
        following = asyncio.create_task(heads.follow())
        began = time.time()
        count = min(self.job["connections"], len(self.lists))
        await asyncio.gather(*(self._one(self.lists[index::count], began + self.job["seconds"]) for index in range(count)))
        sent_until = time.time()
        blocks = await self._included(heads, following, self.job["patience"])
        return {"began": began, "sent_until": sent_until, "sent": self.sent, "refused": self.refused, "blocks": blocks}

    async def _one(self, lists: Sequence[Sequence[str]], until: float) -> None:
        """One connection and its wallets, which take turns. A batch holds one wallet's next ones."""
        batch = self.job["batch"]
        async with Connection(self.url) as connection:
            for first in range(0, len(lists[0]), batch):
                for each in lists:
                    left = each[first : first + batch]
                    while left:
                        if time.time() >= until:
                            return
                        left = await self._send(connection, left)

    async def _send(self, connection: Connection, raws: Sequence[str]) -> Sequence[str]:
        """Those that were refused."""
        bodies = [request("eth_sendRawTransaction", raw, number=index) for index, raw in enumerate(raws)]
        began = time.time()
        text = await connection.post(bodies[0] if self.job["batch"] == 1 else b"[" + b",".join(bodies) + b"]")
        took = time.time() - began
        answers = json.loads(text)
        left = []
        for answer in [answers] if isinstance(answers, dict) else answers:
            if "result" in answer:
                self.sent.append((answer["result"], began, took))
            else:
                reason = str(answer["error"].get("message"))[:60]
                self.refused[reason] = self.refused.get(reason, 0) + 1
                left.append(raws[answer.get("id") or 0])
        if left:
            await asyncio.sleep(BACK_OFF)
        return left

    async def _included(self, heads: Heads, following: asyncio.Task[None], patience: float) -> dict[str, Any]:
        """Waits until the blocks hold all that was taken. number -> [hash, when seen, hashes of ours in it]."""
        wanted = {hash_ for hash_, _, _ in self.sent}
        found: dict[str, Any] = {}
        deadline = time.time() + patience
        try:
            async with Connection(self.url) as connection:
                while wanted and time.time() < deadline:
                    if following.done():
                        following.result()
                    for number in sorted(heads.seen.keys() - set(map(int, found))):
                        block = await connection.call("eth_getBlockByNumber", hex(number), False)
                        ours = wanted.intersection(block["transactions"])
                        wanted -= ours
                        found[str(number)] = [block["hash"], heads.seen[number], sorted(ours)]
                    await asyncio.sleep(LOOK)
        finally:
            following.cancel()
        return found


class Pool:
    """As many connections as are needed at a time. Times of each method's calls, in seconds."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._idle: list[Connection] = []
        self.took: dict[str, list[float]] = {}
        self.failed: dict[str, int] = {}

    async def call(self, method: str, *params: Any) -> Any:
        """None if it fails, which is counted."""
        connection = self._idle.pop() if self._idle else await Connection(self.url).__aenter__()
        began = time.time()
        try:
            result = await connection.call(method, *params)
        except HttpFailure as error:
            await connection.__aexit__()
            self.failed[f"{method}: {error}"[:90]] = self.failed.get(f"{method}: {error}"[:90], 0) + 1
            return None
        except RpcFailure as error:
            self.failed[str(error)[:90]] = self.failed.get(str(error)[:90], 0) + 1
            result = None
        self._idle.append(connection)
        self.took.setdefault(method, []).append(time.time() - began)
        return result

    async def close(self) -> None:
        for connection in self._idle:
            await connection.__aexit__()


class Paced:
    """`rate` transactions a second whether the node keeps up or not, each by a wallet that asks before and after."""

    def __init__(self, job: dict[str, Any]) -> None:
        self.job = job
        self.pool = Pool(job["url"])
        self.sent: list[tuple[str, float, float]] = []
        self.to_receipt: list[float] = []
        self.reads = job["reads"]

    async def run(self) -> dict[str, Any]:
        heads = Heads(self.job["url"])
        following = asyncio.create_task(heads.follow())
        lists = [line.split() for line in Path(self.job["transactions"]).read_text().splitlines()]
        began, rate, count = time.time(), self.job["rate"], int(self.job["rate"] * self.job["seconds"])
        turns = [asyncio.Event() for _ in range(count + len(lists))]  # a wallet sends one at a time, in order
        for first in range(len(lists)):
            turns[first].set()
        wallets = []
        for index in range(count):
            await asyncio.sleep(max(0.0, began + index / rate - time.time()))
            nonce, sender = divmod(index, len(lists))
            wallets.append(asyncio.create_task(
                self._wallet(index, lists[sender][nonce], self.reads["senders"][sender], turns, len(lists))))
        await asyncio.gather(*wallets)
        sending = Sending.__new__(Sending)
        sending.url, sending.sent = self.job["url"], self.sent
        blocks = await sending._included(heads, following, self.job["patience"])
        await self.pool.close()
        return {"began": began, "sent_until": time.time(), "sent": self.sent, "refused": self.pool.failed, "blocks": blocks,
                "to_receipt": self.to_receipt, "took": self.pool.took}

    async def _wallet(self, index: int, raw: str, sender: str, turns: list[asyncio.Event], wallets: int) -> None:
        call, reads = self.pool.call, self.reads
        await call("eth_getTransactionCount", sender, "pending")
        await call("eth_estimateGas", {"from": sender, **reads["estimate"]})
        if index % 4 == 0:
            await call("eth_call", reads["call"], "latest")
        if index % 20 == 0 and (head := await call("eth_blockNumber")):
            await call("eth_getLogs", {**reads["logs"], "fromBlock": hex(max(0, int(head, 16) - 5)), "toBlock": "latest"})
        await turns[index].wait()
        began = time.time()
        hash_ = await call("eth_sendRawTransaction", raw)
        took = time.time() - began
        turns[index + wallets].set()
        if hash_ is None:
            return
        self.sent.append((hash_, began, took))
        while time.time() < began + self.job["patience"]:
            if await call("eth_getTransactionReceipt", hash_) is not None:
                self.to_receipt.append(time.time() - began)
                return
            await asyncio.sleep(RECEIPT_POLL)


async def read_as_fast_as_it_goes(job: dict[str, Any]) -> dict[str, Any]:
    """{method: [calls a second, of them failed]}."""
    result = {}
    for method, params in job["calls"].items():
        done, failed = 0, 0
        until = time.time() + job["seconds"]
        began = time.time()

        async def one(method: str = method, params: list[Any] = params, until: float = until) -> None:
            nonlocal done, failed
            async with Connection(job["url"]) as connection:
                while time.time() < until:
                    try:
                        await connection.call(method, *params)
                    except RpcFailure:
                        failed += 1
                    done += 1

        await asyncio.gather(*(one() for _ in range(job["connections"])))
        result[method] = [done / (time.time() - began), failed]
    return result


async def main() -> None:
    job = json.load(sys.stdin)
    mode = job["mode"]
    result = await (Sending(job).run() if mode == "send" else Paced(job).run() if mode == "paced" else read_as_fast_as_it_goes(job))
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    asyncio.run(main())
