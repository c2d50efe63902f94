"""CALL and its kin, CREATE and CREATE2, SELFDESTRUCT, as execution-specs (Prague) have them.

py-evm's own are not used: they check EIP-3860's size after the balance, know no EIP-7610 collisions, charge initcode
twice below a delegated sender, count gas lent to a child frame as used (GasMeter.floor), and charge before they read
state where execution-specs reads first, so that witnesses would differ.
"""

from __future__ import annotations

from typing import Any

from eth.exceptions import Halt, InsufficientStack, OutOfGas, WriteProtection

from execution.encoding import encode_bytes, encode_int, keccak, wrap_list

MAX_INITCODE_SIZE = 49_152  # bytes (EIP-3860)
CALL_DEPTH_LIMIT = 1024
COLD_ACCOUNT_ACCESS, WARM_ACCESS = 2600, 100  # EIP-2929
DELEGATION_MARKER = b"\xef\x01\x00"  # EIP-7702
_U64_MAX = (1 << 64) - 1
CALL, CALLCODE, DELEGATECALL, STATICCALL = "CALL", "CALLCODE", "DELEGATECALL", "STATICCALL"


def contract_address(sender: bytes, nonce: int) -> bytes:
    return keccak(wrap_list(encode_bytes(sender) + encode_int(nonce)))[12:]


def delegated_address(code: bytes) -> bytes | None:
    """EIP-7702: where `code` delegates to, if it is a delegation."""
    return code[3:] if len(code) == 23 and code.startswith(DELEGATION_MARKER) else None


def pop_int(values: list[Any]) -> int:
    try:
        value = values.pop()
    except IndexError:
        raise InsufficientStack("stack is empty") from None
    return value if type(value) is int else int.from_bytes(value, "big")


def as_address(value: int) -> bytes:
    return value.to_bytes(32, "big")[12:]


def forbid_static(computation: Any) -> None:
    if computation.msg.is_static:
        raise WriteProtection("state change inside a STATICCALL")


# -- contract creation and destruction --


def _initcode(computation: Any, start: int, size: int, gas: int) -> bytes:
    forbid_static(computation)
    computation.consume_gas(gas, "CREATE")
    computation.extend_memory(start, size)
    if size > MAX_INITCODE_SIZE:
        raise OutOfGas("initcode over the limit of EIP-3860")
    return computation.memory_read_bytes(start, size)


def create(computation: Any) -> None:
    values = computation._stack.values
    endowment, start, size = pop_int(values), pop_int(values), pop_int(values)
    initcode = _initcode(computation, start, size, 32_000 + 2 * ((size + 31) // 32))
    sender = computation.msg.storage_address
    address = contract_address(sender, computation.state.world.get_nonce(sender))
    _create_at(computation, endowment, address, initcode)


def create2(computation: Any) -> None:
    """EIP-1014."""
    values = computation._stack.values
    endowment, start, size, salt = pop_int(values), pop_int(values), pop_int(values), pop_int(values)
    initcode = _initcode(computation, start, size, 32_000 + 8 * ((size + 31) // 32))
    preimage = b"\xff" + computation.msg.storage_address + salt.to_bytes(32, "big") + keccak(initcode)
    _create_at(computation, endowment, keccak(preimage)[12:], initcode)


def _create_at(computation: Any, endowment: int, address: bytes, initcode: bytes) -> None:
    world, values, sender = (
        computation.state.world,
        computation._stack.values,
        computation.msg.storage_address,
    )
    meter = computation._gas_meter
    gas = meter.gas_remaining - meter.gas_remaining // 64
    meter.gas_remaining -= gas
    computation.return_data = b""
    nonce = world.get_nonce(sender)
    if (
        world.get_balance(sender) < endowment
        or nonce == _U64_MAX
        or computation.msg.depth + 1 > CALL_DEPTH_LIMIT
    ):
        meter.return_gas(gas)
        values.append(0)
        return
    world.mark_address_warm(address)
    world.set_nonce(sender, nonce + 1)
    if world.has_code_or_nonce(address) or world.has_storage(address):
        values.append(0)
        return
    child = computation.apply_child_computation(
        computation.prepare_child_message(
            gas=gas, to=b"", value=endowment, data=b"", code=initcode, create_address=address
        )
    )
    values.append(0 if child.is_error else int.from_bytes(address, "big"))
    meter.return_gas(child.get_gas_remaining())


# -- calls --


def call(computation: Any) -> None:
    values = computation._stack.values
    gas, to, value = pop_int(values), as_address(pop_int(values)), pop_int(values)
    _message(computation, gas, to, to, value, CALL)


def callcode(computation: Any) -> None:
    values = computation._stack.values
    gas, code_address, value = pop_int(values), as_address(pop_int(values)), pop_int(values)
    _message(computation, gas, computation.msg.storage_address, code_address, value, CALLCODE)


def delegatecall(computation: Any) -> None:
    values = computation._stack.values
    gas, code_address = pop_int(values), as_address(pop_int(values))
    _message(
        computation, gas, computation.msg.storage_address, code_address, computation.msg.value, DELEGATECALL
    )


def staticcall(computation: Any) -> None:
    values = computation._stack.values
    gas, to = pop_int(values), as_address(pop_int(values))
    _message(computation, gas, to, to, 0, STATICCALL)


def access(computation: Any, address: bytes) -> int:
    """EIP-2929: marks the account warm; its price."""
    if computation.state.is_address_warm(address):
        return WARM_ACCESS
    computation.state.world.mark_address_warm(address)
    return COLD_ACCOUNT_ACCESS


def _code(computation: Any, address: bytes, cost: int) -> bytes:
    """The code of an account that `cost` gas will be charged for."""
    world = computation.state.world
    if not world.reads_unpaid and computation._gas_meter.gas_remaining < cost:
        raise OutOfGas("the account's code can't be paid for")
    return world.get_code(address)


def _message(computation: Any, gas: int, to: bytes, code_address: bytes, value: int, kind: str) -> None:
    """The CALLs once they have taken what differs from the stack (EIP-150, EIP-161, EIP-2929, EIP-7702).

    execution-specs reads the accounts before it charges for anything. geth and reth read what they can pay for, so a
    witness of theirs holds no more: see WorldState.reads_unpaid.
    """
    values, msg, world = computation._stack.values, computation.msg, computation.state.world
    input_start, input_size, output_start, output_size = (
        pop_int(values), pop_int(values), pop_int(values), pop_int(values)
    )  # fmt: skip
    meter = computation._gas_meter
    if not world.reads_unpaid:
        if value and kind == CALL:
            forbid_static(computation)
        computation.extend_memory(input_start, input_size)
        computation.extend_memory(output_start, output_size)
    cost = access(computation, code_address)
    code = _code(computation, code_address, cost)
    delegate = delegated_address(code)
    if delegate is not None:
        code_address = delegate
        cost += access(computation, code_address)
        code = _code(computation, code_address, cost)
    pays = value and kind in (CALL, CALLCODE)
    if pays:
        cost += 9_000
        if kind == CALL and world.account_is_empty(to):
            cost += 25_000
    computation.extend_memory(input_start, input_size)
    computation.extend_memory(output_start, output_size)
    computation.consume_gas(cost, kind)
    if value and kind == CALL:
        forbid_static(computation)
    gas = min(gas, meter.gas_remaining - meter.gas_remaining // 64)
    meter.gas_remaining -= gas
    if pays:
        gas += 2_300
    computation.return_data = b""
    if msg.depth + 1 > CALL_DEPTH_LIMIT or (pays and world.get_balance(msg.storage_address) < value):
        meter.return_gas(gas)
        values.append(0)
        return
    child = computation.apply_child_computation(
        computation.prepare_child_message(
            gas=gas,
            to=to,
            value=value,
            data=computation.memory_read_bytes(input_start, input_size),
            code=code,
            code_address=code_address,
            sender=msg.sender if kind == DELEGATECALL else msg.storage_address,
            should_transfer_value=kind in (CALL, CALLCODE),
            is_static=msg.is_static or kind == STATICCALL,
            is_delegation=delegate is not None,
        )
    )
    values.append(0 if child.is_error else 1)
    output = child.output[:output_size]
    if output:
        computation._memory._bytes[output_start : output_start + len(output)] = output
    meter.return_gas(child.get_gas_remaining())


def selfdestruct(computation: Any) -> None:
    """EIP-6780. What is read before it is paid for: as in `_message`."""
    beneficiary = as_address(pop_int(computation._stack.values))
    state, this = computation.state, computation.msg.storage_address
    world = state.world
    cost = 5_000
    if not state.is_address_warm(beneficiary):
        world.mark_address_warm(beneficiary)
        cost += COLD_ACCOUNT_ACCESS
    if not world.reads_unpaid:
        forbid_static(computation)
        if computation._gas_meter.gas_remaining < cost:
            raise OutOfGas("SELFDESTRUCT")
    balance = world.get_balance(this)
    if world.account_is_empty(beneficiary) and balance:
        cost += 25_000
    computation.consume_gas(cost, "SELFDESTRUCT")
    forbid_static(computation)
    world.set_balance(this, 0)
    world.delta_balance(beneficiary, balance)
    if this in world.created:
        world.set_balance(this, 0)
        computation.accounts_to_delete.add(this)
    raise Halt("SELFDESTRUCT")
