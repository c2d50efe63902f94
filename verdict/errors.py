"""Which failures are a user's to mend: each has one line that says what to do, and its own exit code."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from dataclasses import dataclass

from verdict.config import ConfigError
from verdict.deployment import DeploymentError
from verdict.dictionary.pages import PageProblem
from verdict.keys import KeyProblem

EXIT_FAILURE = 1  # a bug, or the demo was lost
EXIT_USAGE = 2  # of the command line
EXIT_CONFIG = 3
EXIT_KEY = 4
EXIT_DEPLOYMENT = 5
EXIT_L1 = 6  # can't be reached, or is not the L1 that the configuration says
EXIT_PORT = 7  # in use, or not ours to listen on
EXIT_L2 = 8  # no node of L2 answers, or it is of another chain
EXIT_REFUSED = 9  # not possible: not there, too early, done already, not enough money, or a contract says no
EXIT_DATA = 10  # the data directory: in use, full, damaged, or another rollup's
EXIT_FORCED = 130  # a second SIGINT or SIGTERM


class L1Problem(Exception):
    """L1 does not answer, or is not what the configuration says it is."""


class L2Problem(Exception):
    """No node of L2 answers, or it is not the L2 that the configuration says."""


class NotKnown(Exception):
    """What the user named isn't there (yet)."""


@dataclass(frozen=True, slots=True)
class Failure:
    message: str
    code: int


def failure_of(error: BaseException) -> Failure | None:
    """What to tell the user, if the failure is of a kind that they can mend; None for a bug."""
    from bridge.errors import BridgeError
    from chain.database import ChainStoreError
    from engines.registry import EngineUnavailable
    from l1.candidates import TransactionError
    from l1.client import L1Inconsistent, L1Unavailable  # not at the top: it loads web3
    from l1.journal import JournalProblem, KeyInUse

    for cause in _leaves(error):
        match cause:
            case ConfigError() | EngineUnavailable() | PageProblem():
                return Failure(str(cause), EXIT_CONFIG)
            case KeyProblem() | KeyInUse():
                return Failure(str(cause), EXIT_KEY)
            case DeploymentError():
                return Failure(str(cause), EXIT_DEPLOYMENT)
            case L2Problem():
                return Failure(str(cause), EXIT_L2)
            case BridgeError() | TransactionError() | NotKnown():
                return Failure(str(cause), EXIT_REFUSED)
            case L1Problem() | L1Unavailable() | L1Inconsistent():
                return Failure(str(cause), EXIT_L1)
            case ChainStoreError() | JournalProblem():
                return Failure(str(cause), EXIT_DATA)
            case OSError() if cause.errno in _DISK:
                return Failure(f"can't write: {cause}. Nothing is lost: make room, and start it again", EXIT_DATA)
            case OSError() if cause.errno in (errno.EADDRINUSE, errno.EACCES, errno.EADDRNOTAVAIL) and _binding(cause):
                return Failure(f"can't listen: {cause.strerror or cause}; is it running already?", EXIT_PORT)
            case ConnectionError() | TimeoutError():
                return Failure(f"L1 does not answer: {cause or type(cause).__name__}", EXIT_L1)
    return None


_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO})


def _binding(error: OSError) -> bool:
    return error.errno == errno.EADDRINUSE or "bind" in str(error) or "address" in str(error)


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """The error itself, or what a group of a TaskGroup holds."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error
