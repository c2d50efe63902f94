"""What a scenario is, and where they are found.

    @scenario(slow=True)
    async def all_zero_claim(stage: Stage) -> None:
        \"\"\"A claim of zeros dies by one proof.\"\"\"
        async with Devnet(stage, {"dispute.stride": 1}) as net, net.sequencer(), net.challenger() as honest: ...

The docstring's first paragraph is the scenario's promise. It is kept if the function returns. Anything it leaves to chance comes
from `stage.rng`, so that a seed tells which attack it was.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
import random
import sys
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TypeAlias

PACKAGE = "tests.adversarial.scenarios"
TIMEOUT = 300.0  # seconds


@dataclass(frozen=True)
class Stage:
    """Where one run of a scenario takes place: its files, its chance, and where its story is told."""

    directory: Path
    seed: int = 0
    tell: Callable[[str, str], None] = lambda who, text: None

    @property
    def rng(self) -> random.Random:
        """Always begins with the seed: keep it."""
        return random.Random(self.seed)

    def say(self, who: str, text: str) -> None:
        """A line of the timeline."""
        self.tell(who, text)


Play: TypeAlias = Callable[[Stage], Awaitable[None]]


@dataclass(frozen=True)
class Scenario:
    """`timeout` in seconds. `slow`: not part of `make test`."""

    name: str
    group: str
    text: str
    play: Play
    slow: bool
    timeout: float

    @property
    def promise(self) -> str:
        """One line."""
        return " ".join(self.text.split("\n\n")[0].split())


class DuplicateScenario(Exception):
    """Two scenarios of one name."""


class ScenarioNotFound(Exception):
    """No scenario of that name, or no file to find any in."""


_MARK = "__scenario__"


def scenario(*, slow: bool = False, timeout: float = TIMEOUT) -> Callable[[Play], Play]:
    """Makes an async function of a Stage a scenario, named after it, with dashes."""

    def mark(play: Play) -> Play:
        text = inspect.getdoc(play)
        if not text:
            raise ValueError(f"scenario {play.__name__} promises nothing: give it a docstring")
        module = sys.modules[play.__module__]
        group = module.__name__.rsplit(".", 1)[-1]
        name = play.__name__.strip("_").replace("_", "-")
        setattr(play, _MARK, Scenario(name, group, text, play, slow, timeout))
        return play

    return mark


def all_scenarios(files: Iterable[Path] = ()) -> dict[str, Scenario]:
    """Ours by name, then those of `files` (Python files that anybody wrote). DuplicateScenario, ScenarioNotFound."""
    found: dict[str, Scenario] = {}
    for module in [*_ours(), *map(_load, files)]:
        for each in vars(module).values():
            marked = getattr(each, _MARK, None)
            if not isinstance(marked, Scenario) or marked.play.__module__ != module.__name__:
                continue
            if marked.name in found:
                raise DuplicateScenario(f"two scenarios are called {marked.name}")
            found[marked.name] = marked
    return found


def _ours() -> list[ModuleType]:
    try:
        package = importlib.import_module(PACKAGE)
    except ModuleNotFoundError as error:
        raise ScenarioNotFound(
            f"the scenarios are part of the repository, not of an installed package ({error}): run this in a clone") from None
    return [importlib.import_module(f"{PACKAGE}.{each.name}") for each in pkgutil.iter_modules(package.__path__)]


def _load(file: Path) -> ModuleType:
    name = f"scenarios_of_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None or not file.exists():
        raise ScenarioNotFound(f"{file} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
