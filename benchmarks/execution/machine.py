"""What every benchmark says about where it ran, and how it keeps to one core."""

from __future__ import annotations

import os
import platform


def one_core() -> None:
    """This process and its children run on one core from now on."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def say(title: str, what: str) -> None:
    load = os.getloadavg()[0]
    print(f"\n{title}: {what}")
    print(f"  (Python {platform.python_version()}, {os.cpu_count()} cores, load {load:.1f} when it began)")
