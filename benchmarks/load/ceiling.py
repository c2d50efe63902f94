"""What the client could do at most: its rate against a server that answers at once and does nothing."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

SECONDS = 2.0


async def ceiling(client: Callable[[dict[str, Any]], Awaitable[dict[str, Any]]], transactions: Path, batch: int) -> float:
    """Transactions a second."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    try:
        url = f"http://127.0.0.1:{await asyncio.to_thread(ours.recv)}"
        result = await client({"mode": "send", "url": url, "transactions": str(transactions), "seconds": SECONDS, "batch": batch,
                               "connections": 32, "patience": 0.0})
    finally:
        process.kill()
        process.join()
    rate: float = len(result["sent"]) / (result["sent_until"] - result["began"])
    return rate


def _serve(pipe: Pipe) -> None:
    asyncio.run(_answer(pipe))


async def _answer(pipe: Pipe) -> None:
    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
                body = json.loads(await reader.readexactly(length))
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            calls = body if isinstance(body, list) else [body]
            answers = [b'{"jsonrpc":"2.0","id":%d,"result":"0x1"}' % call["id"] for call in calls]
            answer = b"[" + b",".join(answers) + b"]" if isinstance(body, list) else answers[0]
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer)

    server = await asyncio.start_server(one, "127.0.0.1", 0, limit=1 << 20)
    pipe.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()
