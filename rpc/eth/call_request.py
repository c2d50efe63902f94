"""What eth_call and its kin are given: the transaction object, state overrides and block overrides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from execution.simulation import AccountOverride
from execution.transactions import Authorization
from rpc.codec import (
    Decoder,
    json_type,
    parse_address,
    parse_data,
    parse_hash,
    parse_object,
    parse_quantity,
    parse_slot,
    parse_uint64,
)
from rpc.errors import InvalidParams

_MAX_ENTRIES = 10_000  # of an access list, authorization list or override set
AccessList = tuple[tuple[bytes, tuple[int, ...]], ...]


@dataclass(frozen=True, slots=True)
class CallRequest:
    """Fees in wei; None where the caller said nothing."""

    sender: bytes = bytes(20)
    to: bytes | None = None
    data: bytes = b""
    value: int = 0
    gas: int | None = None
    gas_price: int | None = None
    max_fee_per_gas: int | None = None
    max_priority_fee_per_gas: int | None = None
    access_list: AccessList = ()
    authorization_list: tuple[Authorization, ...] = ()
    blob_versioned_hashes: tuple[bytes, ...] = ()
    chain_id: int | None = None


@dataclass(frozen=True, slots=True)
class StateOverride:
    """`state` replaces the whole storage, `changes` adds to it."""

    changes: AccountOverride
    state: dict[int, int] | None = None


@dataclass(frozen=True, slots=True)
class BlockOverride:
    number: int | None = None
    timestamp: int | None = None
    gas_limit: int | None = None
    fee_recipient: bytes | None = None
    prev_randao: bytes | None = None
    base_fee_per_gas: int | None = None
    blob_base_fee: int | None = None


def _get(fields: dict[str, Any], name: str, parse: Callable[[Any], Any], default: Any = None) -> Any:
    value = fields.get(name)
    if value is None:
        return default
    try:
        return parse(value)
    except InvalidParams as error:
        raise InvalidParams(f"{name}: {error.message}") from None


def _items(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise InvalidParams(f"expected an array, got {json_type(value)}")
    if len(value) > _MAX_ENTRIES:
        raise InvalidParams(f"more than {_MAX_ENTRIES} entries")
    return value


def parse_call(value: Any) -> CallRequest:
    fields = parse_object(value)
    data, called_input = _get(fields, "data", parse_data), _get(fields, "input", parse_data)
    if data is not None and called_input is not None and data != called_input:
        raise InvalidParams(
            'both "data" and "input" are set and not equal. Please use "input" to pass call data'
        )
    gas_price, max_fee = (
        _get(fields, "gasPrice", parse_quantity),
        _get(fields, "maxFeePerGas", parse_quantity),
    )
    tip = _get(fields, "maxPriorityFeePerGas", parse_quantity)
    if gas_price is not None and (max_fee is not None or tip is not None):
        raise InvalidParams("both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified")
    if max_fee is not None and tip is not None and max_fee < tip:
        raise InvalidParams(f"maxFeePerGas ({max_fee}) < maxPriorityFeePerGas ({tip})")
    return CallRequest(
        sender=_get(fields, "from", parse_address, bytes(20)),
        to=_get(fields, "to", parse_address),
        data=called_input if called_input is not None else data or b"",
        value=_get(fields, "value", parse_quantity, 0),
        gas=_get(fields, "gas", parse_uint64),
        gas_price=gas_price,
        max_fee_per_gas=max_fee,
        max_priority_fee_per_gas=tip,
        access_list=_get(fields, "accessList", _parse_access_list, ()),
        authorization_list=_get(fields, "authorizationList", _parse_authorizations, ()),
        blob_versioned_hashes=tuple(
            parse_hash(each) for each in _get(fields, "blobVersionedHashes", _items, [])
        ),
        chain_id=_get(fields, "chainId", parse_quantity),
    )


def _parse_access_list(value: Any) -> AccessList:
    entries = []
    for entry in _items(value):
        fields = parse_object(entry)
        if fields.get("address") is None:
            raise InvalidParams("address is missing")
        slots = tuple(
            int.from_bytes(parse_hash(slot), "big") for slot in _get(fields, "storageKeys", _items, [])
        )
        entries.append((parse_address(fields["address"]), slots))
    return tuple(entries)


def _parse_authorizations(value: Any) -> tuple[Authorization, ...]:
    found = []
    for entry in _items(value):
        fields = parse_object(entry)
        found.append(
            Authorization(
                _get(fields, "chainId", parse_quantity, 0),
                _get(fields, "address", parse_address, bytes(20)),
                _get(fields, "nonce", parse_uint64, 0),
                _get(fields, "yParity", parse_uint64, 0),
                _get(fields, "r", parse_quantity, 0),
                _get(fields, "s", parse_quantity, 0),
            )
        )
    return tuple(found)


def _parse_slots(value: Any) -> dict[int, int]:
    return {
        int.from_bytes(parse_slot(slot), "big"): int.from_bytes(parse_slot(word), "big")
        for slot, word in parse_object(value).items()
    }


def parse_state_overrides(value: Any) -> dict[bytes, StateOverride]:
    overrides: dict[bytes, StateOverride] = {}
    for address, entry in parse_object(value).items():
        fields = parse_object(entry)
        if fields.get("movePrecompileToAddress") is not None:
            raise InvalidParams("movePrecompileToAddress is not supported")
        state, diff = _get(fields, "state", _parse_slots), _get(fields, "stateDiff", _parse_slots)
        if state is not None and diff is not None:
            raise InvalidParams(f'account {address} has both "state" and "stateDiff"')
        overrides[parse_address(address)] = StateOverride(
            AccountOverride(
                balance=_get(fields, "balance", parse_quantity),
                nonce=_get(fields, "nonce", parse_uint64),
                code=_get(fields, "code", parse_data),
                storage=diff,
            ),
            state,
        )
    return overrides


def parse_block_overrides(value: Any) -> BlockOverride:
    fields = parse_object(value)
    base_fee = "baseFeePerGas" if "baseFeePerGas" in fields else "baseFee"
    recipient = "feeRecipient" if "feeRecipient" in fields else "coinbase"
    randao = "prevRandao" if "prevRandao" in fields else "random"
    return BlockOverride(
        number=_get(fields, "number", parse_uint64),
        timestamp=_get(fields, "time", parse_uint64),
        gas_limit=_get(fields, "gasLimit", parse_uint64),
        fee_recipient=_get(fields, recipient, parse_address),
        prev_randao=_get(fields, randao, parse_hash),
        base_fee_per_gas=_get(fields, base_fee, parse_quantity),
        blob_base_fee=_get(fields, "blobBaseFee", parse_quantity),
    )


Call = Annotated[CallRequest, Decoder(parse_call)]
StateOverrides = Annotated[dict[bytes, StateOverride], Decoder(parse_state_overrides)]
BlockOverrides = Annotated[BlockOverride, Decoder(parse_block_overrides)]
