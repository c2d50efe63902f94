"""The process of an engine in Python: `python -m engines.worker NAME --memory BYTES --seconds S`.

It limits its own address space and dies by SIGALRM when one verdict takes longer than S, even if its parent is gone.
Nothing but frames gets to its stdout: whatever prints there goes to stderr.
"""

from __future__ import annotations

import argparse
import os
import resource
import signal
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from typing import BinaryIO

from engines.wire import (
    LENGTH_SIZE,
    MAX_REQUEST,
    Greeting,
    decode_request,
    encode_greeting,
    encode_verdict,
    frame_head,
    frame_length,
    is_failure,
)
from execution.verdict import Verdict

Execute = Callable[[bytes, bytes, int, bytes], Verdict]
PACKAGES = {"py-evm": "py-evm", "eels": "ethereum-execution"}  # engine -> what its version is of


def load(name: str, unpaid_gas: int = 0) -> Execute:
    """Loading takes a second or two."""
    if name == "eels":
        from execution.eels import execute as eels

        return partial(eels, unpaid_gas=unpaid_gas)
    from execution.execute import execute as py_evm

    return partial(py_evm, unpaid_gas=unpaid_gas)


def serve(execute: Execute, requests: BinaryIO, answers: BinaryIO, seconds: float) -> None:
    """Until `requests` ends, or an engine has failed: nobody knows what is left of its caches and its memory."""
    while len(head := requests.read(LENGTH_SIZE)) == LENGTH_SIZE:
        length = frame_length(head, MAX_REQUEST)
        request = requests.read(length)
        if len(request) < length:
            return
        signal.setitimer(signal.ITIMER_REAL, seconds)
        verdict = execute(*decode_request(request))
        signal.setitimer(signal.ITIMER_REAL, 0)
        send(answers, encode_verdict(verdict))
        if is_failure(verdict):
            return


def send(stream: BinaryIO, payload: bytes) -> None:
    stream.write(frame_head(payload) + payload)
    stream.flush()


def take_streams() -> tuple[BinaryIO, BinaryIO]:
    """stdin and stdout, which from now on are empty and stderr to everybody else."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return requests, answers


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m engines.worker")
    parser.add_argument("name", choices=sorted(PACKAGES))
    parser.add_argument("--memory", type=int, required=True, help="bytes of address space")
    parser.add_argument("--seconds", type=float, required=True, help="for one verdict")
    parser.add_argument("--unpaid-gas", type=int, default=0, help="of system calls, beyond what the genuine ones need")
    arguments = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then closes stdin
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    requests, answers = take_streams()
    resource.setrlimit(resource.RLIMIT_AS, (arguments.memory, arguments.memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    execute = load(arguments.name, arguments.unpaid_gas)
    send(answers, encode_greeting(Greeting(arguments.name, version(PACKAGES[arguments.name]))))
    try:
        serve(execute, requests, answers, arguments.seconds)
    except BrokenPipeError:
        pass  # nobody wants the answer any more


if __name__ == "__main__":
    main()
