"""Hex as the Ethereum JSON-RPC writes it, parsed strictly: quantities, data, addresses, hashes, block references.

Decoders take a decoded JSON value and raise `InvalidParams` with a message that says what is wrong with it;
encoders return strings. The `Annotated` aliases at the end are the types that RPC methods declare.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

from rpc.errors import InvalidParams

TAGS = ("latest", "pending", "safe", "finalized", "earliest")
Tag = Literal["latest", "pending", "safe", "finalized", "earliest"]

_HEX = re.compile(r"[0-9a-fA-F]*", re.ASCII)
_UINT64_MAX = 2**64 - 1
_UINT256_MAX = 2**256 - 1


def quantity(value: int) -> str:
    """0x-hex without leading zeros."""
    return hex(value)


def data(value: bytes) -> str:
    """0x-hex, two digits for each byte."""
    return "0x" + value.hex()


def _hex_digits(value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidParams(f"expected a hex string, got {json_type(value)}")
    if not value:
        raise InvalidParams("empty hex string")
    if value[:2] not in ("0x", "0X"):
        raise InvalidParams("hex string without 0x prefix")
    digits = value[2:]
    if not _HEX.fullmatch(digits):
        raise InvalidParams("invalid hex string")
    return digits


def json_type(value: Any) -> str:
    """The JSON name of a value's type, for messages."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, (int, float)):
        return "a number"
    if isinstance(value, str):
        return "a string"
    return "an array" if isinstance(value, list) else "an object"


def parse_quantity(value: Any, maximum: int = _UINT256_MAX) -> int:
    digits = _hex_digits(value)
    if not digits:
        raise InvalidParams('hex string "0x"')
    if len(digits) > 1 and digits[0] == "0":
        raise InvalidParams("hex number with leading zero digits")
    if len(digits) > 64:
        raise InvalidParams("hex number larger than 256 bits")
    number = int(digits, 16)
    if number > maximum:
        raise InvalidParams(f"hex number larger than {maximum.bit_length()} bits")
    return number


def parse_uint64(value: Any) -> int:
    return parse_quantity(value, _UINT64_MAX)


def parse_data(value: Any) -> bytes:
    digits = _hex_digits(value)
    if len(digits) % 2:
        raise InvalidParams("hex string of odd length")
    return bytes.fromhex(digits)


def parse_fixed(value: Any, size: int) -> bytes:
    digits = _hex_digits(value)
    if len(digits) != 2 * size:
        raise InvalidParams(f"hex string has length {len(digits)}, want {2 * size} for {size} bytes")
    return bytes.fromhex(digits)


def parse_address(value: Any) -> bytes:
    return parse_fixed(value, 20)


def parse_hash(value: Any) -> bytes:
    return parse_fixed(value, 32)


def parse_slot(value: Any) -> bytes:
    """A storage key: any hex of up to 32 bytes, as clients accept it (`0x0` as well as the padded form)."""
    digits = _hex_digits(value)
    if len(digits) > 64:
        raise InvalidParams(f"storage key too long (want at most 32 bytes, have {(len(digits) + 1) // 2})")
    return int(digits or "0", 16).to_bytes(32, "big")


def parse_bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise InvalidParams(f"expected a boolean, got {json_type(value)}")
    return value


def parse_string(value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidParams(f"expected a string, got {json_type(value)}")
    return value


def parse_object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidParams(f"expected an object, got {json_type(value)}")
    return value


def parse_any(value: Any) -> Any:
    return value


def parse_number_or_quantity(value: Any) -> int:
    """eth_feeHistory's block count: a quantity, or a plain JSON number as early clients sent it."""
    if isinstance(value, int) and not isinstance(value, bool):
        if not 0 <= value <= _UINT64_MAX:
            raise InvalidParams("number out of range")
        return value
    return parse_uint64(value)


@dataclass(frozen=True, slots=True)
class BlockId:
    """A block by number, tag or hash (EIP-1898)."""

    ref: int | bytes | Tag
    require_canonical: bool = False

    def __str__(self) -> str:
        return data(self.ref) if isinstance(self.ref, bytes) else str(self.ref)


LATEST = BlockId("latest")


def parse_block_number_or_tag(value: Any) -> BlockId:
    if isinstance(value, str) and value in TAGS:
        return BlockId(value)  # type: ignore[arg-type]
    if not isinstance(value, str):
        raise InvalidParams(f"expected a block number or tag, got {json_type(value)}")
    return BlockId(parse_uint64(value))


def parse_block_id(value: Any) -> BlockId:
    """A number, a tag, a 32-byte hash, or EIP-1898's `{blockNumber}` or `{blockHash, requireCanonical}`."""
    if isinstance(value, dict):
        if "blockHash" in value and "blockNumber" in value:
            raise InvalidParams("cannot specify both blockHash and blockNumber, choose one or the other")
        if value.get("blockHash") is not None:
            canonical = value.get("requireCanonical")
            return BlockId(
                parse_hash(value["blockHash"]), False if canonical is None else parse_bool(canonical)
            )
        if value.get("blockNumber") is not None:
            return parse_block_number_or_tag(value["blockNumber"])
        raise InvalidParams("expected blockHash or blockNumber")
    if isinstance(value, str) and len(value) == 66:
        return BlockId(parse_hash(value))
    return parse_block_number_or_tag(value)


@dataclass(frozen=True, slots=True)
class Decoder:
    """How to read a parameter of an RPC method: put it into `Annotated`."""

    decode: Callable[[Any], Any]


Quantity: TypeAlias = Annotated[int, Decoder(parse_quantity)]
Uint64: TypeAlias = Annotated[int, Decoder(parse_uint64)]
Count: TypeAlias = Annotated[int, Decoder(parse_number_or_quantity)]
Data: TypeAlias = Annotated[bytes, Decoder(parse_data)]
Address: TypeAlias = Annotated[bytes, Decoder(parse_address)]
Hash: TypeAlias = Annotated[bytes, Decoder(parse_hash)]
Slot: TypeAlias = Annotated[bytes, Decoder(parse_slot)]
Bool: TypeAlias = Annotated[bool, Decoder(parse_bool)]
Text: TypeAlias = Annotated[str, Decoder(parse_string)]
Object: TypeAlias = Annotated[dict[str, Any], Decoder(parse_object)]
Anything: TypeAlias = Annotated[Any, Decoder(parse_any)]
Block: TypeAlias = Annotated[BlockId, Decoder(parse_block_id)]
BlockNumber: TypeAlias = Annotated[BlockId, Decoder(parse_block_number_or_tag)]
