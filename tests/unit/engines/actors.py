"""Engines that misbehave, as real processes: `python actors.py NAME PART [FILE]`. Needs the standard library only,
except for the part "opposite".

Frames are spoken by hand, so that they can be wrong.
"""

from __future__ import annotations

import json
import os
import signal
import struct
import sys
import time
from pathlib import Path


def write(payload: bytes) -> None:
    sys.stdout.buffer.write(struct.pack(">I", len(payload)) + payload)
    sys.stdout.buffer.flush()


def read() -> bytes:
    """The next request. Ends on EOF."""
    head = sys.stdin.buffer.read(4)
    if len(head) < 4:
        sys.exit(0)
    return sys.stdin.buffer.read(struct.unpack(">I", head)[0])


def say(result: bool, reason: str = "an actor says so", gas_used: int | None = None) -> bytes:
    return json.dumps({"result": result, "reason": reason, "gas_used": gas_used}).encode()


def opposite(request: bytes) -> bytes:
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
    from execution.execute import execute

    found = execute(request[:32], request[32:64], int.from_bytes(request[64:72], "big"), request[72:])
    return say(not found.result)


def wait_for(file: str) -> None:
    while not os.path.exists(file):
        time.sleep(0.01)


def main() -> None:
    name, part, *rest = sys.argv[1:]
    if part == "stillborn":
        sys.exit(3)
    if part == "mute":
        signal.pause()
    if part == "babbler":
        while True:
            sys.stdout.buffer.write(b"\x00\x00\x00\x05garbage" * 1000)
    write(json.dumps({"engine": "somebody else" if part == "impostor" else name, "version": "1"}).encode())
    if part == "deaf":
        signal.pause()
    if part == "asked-never":
        write(say(True))
    while True:
        request = read()
        match part:
            case "yes" | "no":
                write(say(part == "yes", f"{name} says {part}", 7))
            case "opposite":
                write(opposite(request))
            case "slow":
                signal.pause()
            case "crash":
                os._exit(1)
            case "crash-once":
                if not os.path.exists(rest[0]):
                    Path(rest[0]).touch()
                    os._exit(1)
                write(say(True))
            case "yes-when":
                wait_for(rest[0])
                write(say(True))
            case "no-when":
                wait_for(rest[0])
                write(say(False))
            case "twice":
                write(say(True))
                write(say(True))
            case "garbage":
                write(bytes(range(256)))
            case "list":
                write(b"[" * 8000)
            case "number":
                write(b'{"result": 1, "reason": "", "gas_used": null}')
            case "huge":
                sys.stdout.buffer.write(b"\xff" * 4 + b"x" * 100_000)
                sys.stdout.buffer.flush()
            case "half":
                sys.stdout.buffer.write(b"\x00\x00\x00\x64{")
                sys.stdout.buffer.flush()
                os._exit(0)
            case "no-vote":
                write(say(False, "engine failure: out of order"))
            case "moody":  # as the trace's first byte wants it
                mood = request[72] % 4
                if mood == 0:
                    os._exit(1)
                write((say(True), b"garbage", say(False, "engine failure: a mood"))[mood - 1])
            case "pid":
                write(say(True, str(os.getpid())))
            case _:
                sys.exit(f"no such part: {part}")


if __name__ == "__main__":
    main()
