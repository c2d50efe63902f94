"""eth_call and its kin: a message run on the state of a block under construction, and undone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from execution.calls import contract_address
from execution.errors import InvalidTransaction, Rejection
from execution.processing import call_message, check_gas, gas_after_refund, warm_up
from execution.receipt import Log
from execution.transactions import Authorization, intrinsic_gas
from execution.vm import State, TransactionContext


@dataclass(frozen=True)
class CallFields:
    """A transaction without signature. `gas` None: the block's gas limit. `gas_price` in wei, 0: gas is free."""

    sender: bytes = bytes(20)
    to: bytes | None = None
    data: bytes = b""
    value: int = 0
    gas: int | None = None
    gas_price: int = 0
    access_list: tuple[tuple[bytes, tuple[int, ...]], ...] = ()
    authorization_list: tuple[Authorization, ...] = ()
    blob_versioned_hashes: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class CallResult:
    """`output` is the return data, or the revert data when `reverted`. `error` None means success.

    `gas_used` is after refunds (and EIP-7623's floor), `max_gas_used` before them. `access_list` is what was
    touched besides sender, coinbase, target and precompiles, for eth_createAccessList.
    """

    output: bytes
    gas_used: int
    max_gas_used: int
    logs: tuple[Log, ...]
    error: str | None
    reverted: bool
    contract_address: bytes | None
    access_list: tuple[tuple[bytes, tuple[int, ...]], ...]


@dataclass(frozen=True)
class AccountOverride:
    """As in eth_call's state override set; None leaves a thing as it is. `storage` changes single slots."""

    balance: int | None = None
    nonce: int | None = None
    code: bytes | None = None
    storage: Mapping[int, int] | None = None


def simulate(
    state: State, call: CallFields, gas_limit: int, overrides: Mapping[bytes, AccountOverride]
) -> CallResult:
    world = state.world
    gas = gas_limit if call.gas is None else call.gas
    needed, floor = intrinsic_gas(call.data, call.to is None, call.access_list, len(call.authorization_list))
    check_gas(gas, needed, floor)
    world.begin_transaction()
    try:
        _override(state, overrides)
        world.settle_originals()
        nonce, balance = world.get_nonce(call.sender), world.get_balance(call.sender)
        cost = gas * call.gas_price + call.value
        if balance < cost:
            raise InvalidTransaction(Rejection.INSUFFICIENT_FUNDS, f"balance {balance} wei, cost {cost}")
        world.set_nonce_and_balance(call.sender, nonce + 1, balance - gas * call.gas_price)
        warm_up(state, call.sender, call.access_list)
        target = contract_address(call.sender, nonce) if call.to is None else call.to
        outcome = call_message(
            state,
            TransactionContext(call.sender, call.gas_price, call.blob_versioned_hashes),
            target=target,
            is_creation=call.to is None,
            value=call.value,
            data=call.data,
            gas=gas - needed,
            authorizations=call.authorization_list,
            chain_id=state.execution_context.chain_id,
        )
        error = outcome.error
        return CallResult(
            output=outcome.output,
            gas_used=gas_after_refund(gas, outcome, floor),
            max_gas_used=max(gas - outcome.gas_left, floor),
            logs=outcome.logs,
            error=None if error is None else f"{type(error).__name__}: {error}",
            reverted=type(error).__name__ == "Revert",
            contract_address=target if call.to is None else None,
            access_list=_touched(state, {call.sender, target, state.execution_context.coinbase}),
        )
    finally:
        state.outer_gas = 0
        world.revert(0)
        world.begin_transaction()


def _override(state: State, overrides: Mapping[bytes, AccountOverride]) -> None:
    world = state.world
    for address, override in overrides.items():
        if override.balance is not None:
            world.set_balance(address, override.balance)
        if override.nonce is not None:
            world.set_nonce(address, override.nonce)
        if override.code is not None:
            world.set_code(address, override.code)
        for slot, value in (override.storage or {}).items():
            world.set_storage(address, slot, value)


def _touched(state: State, implied: set[bytes]) -> tuple[tuple[bytes, tuple[int, ...]], ...]:
    slots: dict[bytes, list[int]] = {}
    for entry in state.world.warm():
        if isinstance(entry, tuple):
            slots.setdefault(entry[0], []).append(entry[1])
        elif entry not in implied and entry not in state.precompile_addresses:
            slots.setdefault(entry, [])
    return tuple((address, tuple(sorted(found))) for address, found in sorted(slots.items()))
