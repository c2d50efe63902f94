"""The engines that there are: how each is started, and where it is not installed. Loads nothing of them."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

_HERE = Path(__file__).resolve().parent
_GRACE = 5.0  # seconds after which a Python engine ends itself, if nobody has ended it at its limit
OPTIONAL = "?"  # behind a name: only where it is installed


class EngineUnavailable(Exception):
    """Not known, or not installed here."""


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """An engine's process greets with this name. `command`: its command line, given seconds for one verdict and bytes of
    memory. `missing`: why it can't be started here, or None. `start_limit`: seconds for it to come up."""

    name: str
    command: Callable[[float, int], tuple[str, ...]]
    missing: Callable[[], str | None] = lambda: None
    start_limit: float = 60.0


def _python(name: str) -> EngineSpec:
    def command(time_limit: float, memory_limit: int) -> tuple[str, ...]:
        limits = ("--memory", str(memory_limit), "--seconds", f"{time_limit + _GRACE:f}")
        return (sys.executable, "-m", "engines.worker", name, *limits)

    return EngineSpec(name, command)


def _ethereumjs_command(_time_limit: float, memory_limit: int) -> tuple[str, ...]:
    """V8 reserves far more address space than it ever uses, so RLIMIT_AS would end it at once. --max-old-space-size does
    not count buffers, but those are the request and what it is cut into."""
    return (
        shutil.which("node") or "node",
        f"--max-old-space-size={max(memory_limit >> 20, 1)}",
        "--require",
        str(_HERE / "orphan.cjs"),
        str(_HERE / "ethereumjs" / "main.mjs"),
    )


def _ethereumjs_missing() -> str | None:
    if shutil.which("node") is None:
        return "Node is not on the PATH"
    if not (_HERE / "ethereumjs" / "node_modules").is_dir():
        return "`make ethereumjs` installs it"
    return None


ENGINES = {
    "py-evm": _python("py-evm"),
    "eels": _python("eels"),
    "ethereumjs": EngineSpec("ethereumjs", _ethereumjs_command, _ethereumjs_missing),
}


def select(names: Iterable[str]) -> tuple[tuple[EngineSpec, ...], list[str]]:
    """The engines of these names, and why optional ones are left out. Raises EngineUnavailable."""
    found: list[EngineSpec] = []
    left_out: list[str] = []
    for written in names:
        name = written.removesuffix(OPTIONAL)
        spec = ENGINES.get(name)
        if spec is None:
            raise EngineUnavailable(f"there is no engine {name}; there are {', '.join(ENGINES)}")
        problem = spec.missing()
        if problem is None:
            found.append(spec)
        elif name == written:
            raise EngineUnavailable(f"the engine {name} is not installed: {problem}. As {name}{OPTIONAL} it may be missing")
        else:
            left_out.append(f"{name} is not installed: {problem}")
    return tuple(found), left_out
