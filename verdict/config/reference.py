"""The tables of docs/configuration.md, made from the models: `verdict config reference`."""

from __future__ import annotations

import json
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from verdict.config import models, units
from verdict.config.load import table_of
from verdict.config.models import Config

_UNITS = {
    units.parse_whole_seconds: "duration, whole seconds",
    units.parse_interval: "duration",
    units.parse_amount: "amount",
    units.parse_percent: "percentage",
    units.parse_size: "size",
    units.parse_address: "address",
    units.parse_url: "URL",
    units.parse_host: "host",
    models._path: "path",
    models._page: "address or path",
}


def reference_tables() -> str:
    """Markdown: one table for each TOML table."""
    return "\n\n".join(_tables(Config, ""))


def _tables(model: type[BaseModel], path: str) -> Iterator[str]:
    plain = [(name, field) for name, field in model.model_fields.items() if table_of(field.annotation) is None]
    nested = [(name, field) for name, field in model.model_fields.items() if table_of(field.annotation) is not None]
    lines = [f"### {_title(model, path)}", "", "| key | type | default | meaning |", "|---|---|---|---|"]
    lines += [f"| `{name}` | {_type(field)} | {_default(field)} | {field.description} |" for name, field in plain]
    yield "\n".join(lines)
    for name, field in nested:
        table = table_of(field.annotation)
        assert table is not None
        inner = f"{path}.{name}" if path else name
        yield from _tables(table, inner if "tuple" not in str(field.annotation) else f"[{inner}]")


def _title(model: type[BaseModel], path: str) -> str:
    return f"`[{path}]`" if path else "Top of the file"


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "**required**"
    value = field.default
    if value is None:
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, str):
        return f'`"{value}"`'
    if isinstance(value, tuple):
        return f"`{json.dumps(value)}`"
    return f"`{value}`"


def _type(field: FieldInfo) -> str:
    return _name(field.annotation, tuple(field.metadata))


def _name(annotation: Any, metadata: tuple[Any, ...] = ()) -> str:
    if get_origin(annotation) is Annotated:
        annotation, *inner = get_args(annotation)
        metadata = (*metadata, *inner)
    for item in metadata:
        unit = _UNITS.get(getattr(item, "func", None))  # type: ignore[arg-type]
        if unit:
            return unit
    origin = get_origin(annotation)
    if origin is Literal:
        return " or ".join(f'`"{value}"`' for value in get_args(annotation))
    if origin in (Union, types.UnionType):
        return _name(next(item for item in get_args(annotation) if item is not type(None)))
    if origin is tuple:
        return f"list of {_plural(_name(get_args(annotation)[0]))}"
    if annotation is bool:
        return "true or false"
    if annotation is int:
        low = next((item.ge for item in metadata if hasattr(item, "ge")), None)
        high = next((item.le for item in metadata if hasattr(item, "le")), None)
        return f"number, {low} to {high}" if low is not None and high is not None else (
            f"number, at least {low}" if low is not None else "number")
    return "text" if annotation in (str, Path) else str(annotation)


def _plural(noun: str) -> str:
    first, alternative, second = noun.partition(" or ")
    plural = first + ("es" if first.endswith("s") else "s")
    return f"{plural} or {_plural(second)}" if alternative else plural
