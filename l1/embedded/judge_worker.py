"""The process in which EXECUTE's verdicts are computed: `python -m l1.embedded.judge_worker FD MEMORY SECONDS`.

Reads requests from the inherited socket FD and answers in order. It limits its own memory (bytes of address
space) and dies by SIGALRM when one verdict takes longer than SECONDS, even if the parent is gone by then.
"""

from __future__ import annotations

import json
import resource
import signal
import sys
from multiprocessing.connection import Connection


def encode_request(pre_root: bytes, post_root: bytes, gas_used: int, trace: bytes) -> bytes:
    return pre_root + post_root + gas_used.to_bytes(8, "big") + trace


def serve(connection: Connection, seconds: float) -> None:
    """Until the other end closes."""
    from execution.execute import execute

    connection.send_bytes(b"ready")
    while True:
        try:
            request = connection.recv_bytes()
        except (EOFError, ConnectionError):
            return
        signal.setitimer(signal.ITIMER_REAL, seconds)
        verdict = execute(request[:32], request[32:64], int.from_bytes(request[64:72], "big"), request[72:])
        signal.setitimer(signal.ITIMER_REAL, 0)
        answer = {"result": verdict.result, "reason": verdict.reason, "gas_used": verdict.gas_used}
        connection.send_bytes(json.dumps(answer).encode())


def main() -> None:
    descriptor, memory, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then closes the socket
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    serve(Connection(descriptor), seconds)


if __name__ == "__main__":
    main()
