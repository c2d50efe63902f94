"""Reads a TOML file into a Config, or says everything that is wrong with it."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from verdict.config.checks import check
from verdict.config.errors import ConfigError, Problem
from verdict.config.models import Config

_PRIVATE_KEY = re.compile(r"(0x)?[0-9a-fA-F]{64}")
_SECRET_NAME = re.compile(r"(^|_)(key|secret|mnemonic|password|passphrase|seed)$", re.IGNORECASE)
_KEY_ADVICE = (
    "keys never lie in the TOML; set VERDICT_SEQUENCER_KEY, VERDICT_CHALLENGER_KEY or VERDICT_DEPLOYER_KEY in the "
    "environment, or ..._KEY_FILE to a file that only you can read"
)


def load_config(path: Path | str, overrides: Mapping[str, object] | None = None) -> Config:
    """The configuration in the file `path`; `overrides` maps dotted keys ("dispute.clock") to values as they
    would stand in the TOML. Raises ConfigError."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(str(path), [Problem("", "there is no such file; `verdict init NAME` writes one")]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), [Problem("", f"can't be read: {error}")]) from None
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(str(path), [Problem("", _syntax_problem(text, str(error)))]) from None
    return parse_config(data, base=path.resolve().parent, source=str(path), overrides=overrides)


def parse_config(
    data: Mapping[str, Any],
    *,
    base: Path | None = None,
    source: str = "configuration",
    overrides: Mapping[str, object] | None = None,
) -> Config:
    """As `load_config`, from a mapping; relative paths are relative to `base` (default: the working directory)."""
    tree = _copy(data)
    for key, value in (overrides or {}).items():
        _override(tree, key, value)
    secrets = list(_secrets(tree))
    if secrets:
        raise ConfigError(source, secrets)
    try:
        config = Config.model_validate(tree, context={"base": base or Path.cwd()})
    except ValidationError as error:
        problems = dict.fromkeys(_problem(detail) for detail in error.errors(include_url=False))
        raise ConfigError(source, list(problems)) from None
    problems = check(config)
    if problems:
        raise ConfigError(source, problems)
    return config


def _copy(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copy(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_copy(item) for item in value]
    return value


def _override(tree: dict[str, Any], dotted: str, value: object) -> None:
    *tables, key = dotted.split(".")
    for name in tables:
        tree = tree.setdefault(name, {})
    if value is None:
        tree.pop(key, None)
    else:
        tree[key] = value


def _syntax_problem(text: str, message: str) -> str:
    problem = f"is not TOML: {message}"
    where = re.search(r"line (\d+)", message)
    lines = text.splitlines()
    if where and 1 <= int(where.group(1)) <= len(lines):
        line = lines[int(where.group(1)) - 1].strip()
        if not _PRIVATE_KEY.search(line):
            problem += f"\n    {line}"
    return problem


def _secrets(value: Any, path: str = "", name: str = "") -> Iterator[Problem]:
    """Anything that looks like a private key. Its value is never repeated."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _secrets(item, f"{path}.{key}" if path else key, key)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _secrets(item, f"{path}[{index}]", name)
    elif isinstance(value, str) and (_PRIVATE_KEY.fullmatch(value.strip()) or _SECRET_NAME.search(name)):
        yield Problem(path, f"looks like a private key: {_KEY_ADVICE}")


def _path(location: tuple[int | str, ...]) -> str:
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path


def _problem(detail: ErrorDetails) -> Problem:
    """One of pydantic's errors in words of ours."""
    location, kind, context = detail["loc"], detail["type"], detail.get("ctx", {})
    value, path = detail["input"], _path(detail["loc"])
    if kind == "extra_forbidden":
        return Problem(path, _unknown(location))
    if kind == "missing":
        return Problem(path, f"is missing{_meaning(location)}")
    if kind == "value_error":
        return Problem(path, str(context["error"]))
    if kind in ("int_type", "int_from_float", "int_parsing"):
        return Problem(path, f"{value!r} is not a whole number; write it without quotes, as in 42")
    if kind in ("bool_type", "bool_parsing"):
        return Problem(path, f"{value!r} is neither true nor false")
    if kind in ("greater_than_equal", "greater_than"):
        return Problem(path, f"is {value}, and must be at least {context.get('ge', context.get('gt'))}")
    if kind in ("less_than_equal", "less_than"):
        return Problem(path, f"is {value}, and must be at most {context.get('le', context.get('lt'))}")
    if kind == "literal_error":
        return Problem(path, f"is {value!r}, and must be {context['expected']}")
    if kind in ("model_type", "dict_type", "model_attributes_type"):
        return Problem(path, f"must be a table, as in [{path}]")
    if kind == "string_pattern_mismatch":
        return Problem(path, f"{value!r} may only have lower-case letters, digits and dashes, at most 63")
    return Problem(path, detail["msg"][:1].lower() + detail["msg"][1:])


def _model_at(location: tuple[int | str, ...]) -> type[BaseModel] | None:
    model: type[BaseModel] | None = Config
    for part in location:
        if isinstance(part, int):
            continue
        field = model.model_fields.get(part) if model else None
        model = table_of(field.annotation) if field else None
    return model


def table_of(annotation: Any) -> type[BaseModel] | None:
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def _tables(model: type[BaseModel] = Config, path: str = "") -> Iterator[tuple[str, type[BaseModel]]]:
    yield path, model
    for name, field in model.model_fields.items():
        table = table_of(field.annotation)
        if table is not None:
            yield from _tables(table, f"{path}.{name}" if path else name)


def _unknown(location: tuple[int | str, ...]) -> str:
    name = str(location[-1])
    model = _model_at(location[:-1])
    siblings = list(model.model_fields) if model else []
    near = difflib.get_close_matches(name, siblings, n=1, cutoff=0.6)
    if near:
        return f"is not a key; did you mean {near[0]}?"
    elsewhere = [path for path, table in _tables() if name in table.model_fields]
    if elsewhere:
        places = " or ".join(f"[{path}]" if path else "the top of the file" for path in elsewhere)
        return f"is not a key here; it belongs in {places}"
    return f"is not a key; there are {', '.join(siblings)}" if siblings else "is not a key"


def _meaning(location: tuple[int | str, ...]) -> str:
    model = _model_at(location[:-1])
    field = model.model_fields.get(str(location[-1])) if model else None
    if field is None:
        return ""
    if table_of(field.annotation) is not None:
        return f": write a table [{_path(location)}]"
    return f": {field.description}" if field.description else ""
