"""Compiled contracts: ABI and bytecode from solidity/artifacts/*.json, and calls, answers and errors in bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from eth_abi import decode as abi_decode
from eth_abi import encode as abi_encode
from eth_abi.exceptions import DecodingError

from execution.encoding import keccak
from l1.answers import L1Inconsistent
from l1.reverts import describe_revert

_ROOT = Path(__file__).resolve().parents[1]
_PLACES = (_ROOT / "solidity" / "artifacts", Path(__file__).with_name("artifacts"))


class ArtifactError(Exception):
    """A contract's artifact is missing or unreadable, or has no such function."""


class AnswerMalformed(L1Inconsistent):
    """What a contract returned, or a log's data, isn't what the ABI says. Usually: nothing is deployed there."""


@dataclass(frozen=True, slots=True)
class EventShape:
    """`indexed` and `plain`: (name, ABI type) of the parameters, in order."""

    name: str
    topic: bytes
    indexed: tuple[tuple[str, str], ...]
    plain: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class FunctionShape:
    selector: bytes
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class Artifact:
    """A contract as compiled. Values are in eth-abi's shapes: bytes, integers, tuples; addresses 20 bytes or hex.
    `deployed`: its code on L1, where each of `immutables` has its value in all of its (start, length)."""

    name: str
    abi: Sequence[Mapping[str, Any]]
    bytecode: bytes
    functions: Mapping[str, FunctionShape]
    events: Mapping[bytes, EventShape]  # by topic
    constructor: tuple[str, ...]
    deployed: bytes = b""
    immutables: tuple[tuple[tuple[int, int], ...], ...] = ()

    def function(self, name: str) -> FunctionShape:
        try:
            return self.functions[name]
        except KeyError:
            raise ArtifactError(f"{self.name} has no function {name}") from None

    def call(self, name: str, *arguments: Any) -> bytes:
        """Calldata. eth_abi.exceptions.EncodingError for values of another type."""
        shape = self.function(name)
        return shape.selector + abi_encode(shape.inputs, arguments)

    def answer(self, name: str, data: bytes) -> tuple[Any, ...]:
        """The values a call returned. AnswerMalformed."""
        return _decode(self.function(name).outputs, data, f"{self.name}.{name}")

    def deployment(self, *arguments: Any) -> bytes:
        """Creation code with its constructor's arguments."""
        return self.bytecode + abi_encode(self.constructor, arguments)

    def constructor_arguments(self, creation: bytes) -> tuple[Any, ...]:
        """Of creation code that begins with `bytecode`. AnswerMalformed if what follows isn't just the arguments."""
        given = creation[len(self.bytecode):]
        values = _decode(self.constructor, given, f"constructor of {self.name}")
        if abi_encode(self.constructor, values) != given:
            raise AnswerMalformed(f"constructor of {self.name}: {len(given)} bytes of arguments that are not canonical")
        return values

    def event(self, topics: Sequence[bytes], data: bytes) -> tuple[str, dict[str, Any]] | None:
        """Name and parameters of a log of this contract, addresses as 20 bytes; None if it isn't one of its events."""
        shape = self.events.get(topics[0]) if topics else None
        if shape is None or len(topics) != 1 + len(shape.indexed):
            return None
        where = f"event {self.name}.{shape.name}"
        found = {
            name: _decode((kind,), topic, where)[0] for (name, kind), topic in zip(shape.indexed, topics[1:])
        }
        values = _decode(tuple(kind for _, kind in shape.plain), data, where)
        found.update((name, value) for (name, _), value in zip(shape.plain, values))
        kinds = dict(shape.indexed + shape.plain)
        return shape.name, {
            name: address_bytes(value) if kinds[name] == "address" else value for name, value in found.items()
        }


def address_bytes(value: str | bytes) -> bytes:
    """20 bytes of an address in either form."""
    return value if isinstance(value, bytes) else bytes.fromhex(value.removeprefix("0x"))


@cache
def artifact(name: str) -> Artifact:
    """The compiled contract of that name. ArtifactError."""
    raw = _read(name)
    try:
        abi, code = raw["abi"], raw["bytecode"]
        code = code["object"] if isinstance(code, Mapping) else code
        functions = {entry["name"]: _function(entry) for entry in abi if entry["type"] == "function"}
        events = {shape.topic: shape for shape in map(_event, (e for e in abi if e["type"] == "event"))}
        constructor = next((_types(e["inputs"]) for e in abi if e["type"] == "constructor"), ())
        immutables = tuple(
            tuple((place["start"], place["length"]) for place in places) for places in raw.get("immutables", ()))
        return Artifact(name, abi, bytes.fromhex(code.removeprefix("0x")), functions, events, constructor,
                        bytes.fromhex(raw.get("deployedBytecode", "").removeprefix("0x")), immutables)
    except (KeyError, ValueError, AttributeError, TypeError) as error:
        raise ArtifactError(f"the artifact of {name} is unreadable: {error!r}") from error


@cache
def error_names() -> Mapping[bytes, str]:
    """Names of the contracts' custom errors by selector, for `describe_revert`."""
    return {bytes.fromhex(selector[2:]): entry["name"] for selector, entry in _errors().items()}


def describe_error(data: bytes) -> str:
    """Revert data as text: "WrongBond(given=1, expected=2)". Total: what isn't known is shown as hex."""
    entry = _errors().get("0x" + data[:4].hex())
    if entry is not None:
        inputs = entry["inputs"]
        try:
            values = _decode(_types(inputs), data[4:], entry["name"])
        except AnswerMalformed:
            return f"{entry['name']}(unreadable: 0x{data[4:164].hex()})"
        named = [f"{each['name'] or 'value'}={_shown(value)}" for each, value in zip(inputs, values)]
        return f"{entry['name']}({', '.join(named)})"
    return describe_revert(data)


def _shown(value: Any) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)


@cache
def _errors() -> Mapping[str, Any]:
    try:
        return _read("errors")
    except ArtifactError:
        return {}


def _read(name: str) -> Mapping[str, Any]:
    for place in _PLACES:
        try:
            return json.loads((place / f"{name}.json").read_text())
        except FileNotFoundError:
            continue
        except ValueError as error:
            raise ArtifactError(f"{place / name}.json is not JSON: {error}") from error
    raise ArtifactError(f"no {name}.json in {' or '.join(map(str, _PLACES))}; build the contracts first")


def _type(entry: Mapping[str, Any]) -> str:
    kind = entry["type"]
    if kind.startswith("tuple"):
        return f"({','.join(_types(entry['components']))}){kind[len('tuple') :]}"
    return kind


def _types(entries: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(_type(entry) for entry in entries)


def _selector(entry: Mapping[str, Any]) -> bytes:
    return keccak(f"{entry['name']}({','.join(_types(entry['inputs']))})".encode())


def _function(entry: Mapping[str, Any]) -> FunctionShape:
    return FunctionShape(_selector(entry)[:4], _types(entry["inputs"]), _types(entry["outputs"]))


def _event(entry: Mapping[str, Any]) -> EventShape:
    named = [(each["name"], _type(each), each["indexed"]) for each in entry["inputs"]]
    return EventShape(
        entry["name"],
        _selector(entry),
        tuple((name, kind) for name, kind, indexed in named if indexed),
        tuple((name, kind) for name, kind, indexed in named if not indexed),
    )


def _decode(types: Sequence[str], data: bytes, where: str) -> tuple[Any, ...]:
    try:
        return tuple(abi_decode(types, data))
    except (DecodingError, OverflowError, UnicodeDecodeError) as error:
        raise AnswerMalformed(f"{where}: {error}") from error
