"""Prague's instructions: py-evm's, with those replaced that are inexact, and the hottest written for speed.

Each entry is (constant gas, function of the computation). py-evm's stack holds ints and big-endian bytes mixed.
Replaced for exactness: CREATE and CREATE2 (EIP-3860 size check before the balance check, EIP-7610 collisions),
SELFDESTRUCT (EIP-6780). The CALLs, so that gas lent to a child frame does not count as used (GasMeter.floor), and
so that they read state in the order of execution-specs, before they charge for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from eth.exceptions import (
    FullStack,
    Halt,
    InsufficientStack,
    InvalidInstruction,
    InvalidJumpDestination,
    OutOfGas,
    WriteProtection,
)
from eth.vm.forks.prague.opcodes import PRAGUE_OPCODES
from eth.vm.opcode import _FastOpcode

from execution.encoding import encode_bytes, encode_int, keccak, wrap_list

Instruction = Callable[[Any], None]

MAX_INITCODE_SIZE = 49_152  # bytes (EIP-3860)
CALL_DEPTH_LIMIT = 1024
COLD_ACCOUNT_ACCESS, COLD_SLOAD, WARM_ACCESS = 2600, 2100, 100
_MASK = (1 << 256) - 1
_U64_MAX = (1 << 64) - 1
CALL, CALLCODE, DELEGATECALL, STATICCALL = "CALL", "CALLCODE", "DELEGATECALL", "STATICCALL"


def contract_address(sender: bytes, nonce: int) -> bytes:
    return keccak(wrap_list(encode_bytes(sender) + encode_int(nonce)))[12:]


def _pop(values: list[Any]) -> int:
    try:
        value = values.pop()
    except IndexError:
        raise InsufficientStack("stack is empty") from None
    return value if type(value) is int else int.from_bytes(value, "big")


def _as_address(value: int) -> bytes:
    return value.to_bytes(32, "big")[12:]


def _forbid_static(computation: Any) -> None:
    if computation.msg.is_static:
        raise WriteProtection("state change inside a STATICCALL")


# -- hot ones --


def _push(size: int) -> Instruction:
    def push(computation: Any) -> None:
        values = computation._stack.values
        if len(values) > 1023:
            raise FullStack("stack limit reached")
        code = computation.code
        start = code.program_counter
        code.program_counter = end = start + size
        data = code.raw[start:end]
        value = int.from_bytes(data, "big")
        if len(data) < size:
            value <<= 8 * (size - len(data))
        values.append(value)

    return push


def _dup(position: int) -> Instruction:
    def dup(computation: Any) -> None:
        values = computation._stack.values
        if len(values) > 1023:
            raise FullStack("stack limit reached")
        try:
            values.append(values[-position])
        except IndexError:
            raise InsufficientStack(f"DUP{position}") from None

    return dup


def _swap(position: int) -> Instruction:
    below = -position - 1

    def swap(computation: Any) -> None:
        values = computation._stack.values
        try:
            values[-1], values[below] = values[below], values[-1]
        except IndexError:
            raise InsufficientStack(f"SWAP{position}") from None

    return swap


def _binary(function: Callable[[int, int], int]) -> Instruction:
    def binary(computation: Any) -> None:
        values = computation._stack.values
        try:
            left, right = values.pop(), values.pop()
        except IndexError:
            raise InsufficientStack("two items wanted") from None
        if type(left) is not int:
            left = int.from_bytes(left, "big")
        if type(right) is not int:
            right = int.from_bytes(right, "big")
        values.append(function(left, right))

    return binary


def _iszero(computation: Any) -> None:
    values = computation._stack.values
    values.append(0 if _pop(values) else 1)


def _pop_instruction(computation: Any) -> None:
    try:
        computation._stack.values.pop()
    except IndexError:
        raise InsufficientStack("POP") from None


def _jump_to(computation: Any, destination: int) -> None:
    code = computation.code
    if destination >= len(code.raw) or not code.jump_destinations()[destination]:
        raise InvalidJumpDestination("not a JUMPDEST")
    code.program_counter = destination


def _jump(computation: Any) -> None:
    _jump_to(computation, _pop(computation._stack.values))


def _jumpi(computation: Any) -> None:
    values = computation._stack.values
    destination, condition = _pop(values), _pop(values)
    if condition:
        _jump_to(computation, destination)


def _jumpdest(computation: Any) -> None:
    pass


def _mload(computation: Any) -> None:
    values = computation._stack.values
    start = _pop(values)
    computation.extend_memory(start, 32)
    values.append(int.from_bytes(computation._memory._bytes[start : start + 32], "big"))


def _mstore(computation: Any) -> None:
    values = computation._stack.values
    start, value = _pop(values), _pop(values)
    computation.extend_memory(start, 32)
    computation._memory._bytes[start : start + 32] = value.to_bytes(32, "big")


def _sload(computation: Any) -> None:
    values = computation._stack.values
    slot = _pop(values)
    world, address = computation.state.world, computation.msg.storage_address
    if world.is_storage_warm(address, slot):
        computation.consume_gas(WARM_ACCESS, "SLOAD")
    else:
        world.mark_storage_warm(address, slot)
        computation.consume_gas(COLD_SLOAD, "SLOAD")
    values.append(world.get_storage(address, slot))


def _sstore(computation: Any) -> None:
    """EIP-2200, EIP-2929 and EIP-3529."""
    values = computation._stack.values
    slot, new = _pop(values), _pop(values)
    if computation._gas_meter.gas_remaining <= 2300:
        raise OutOfGas("SSTORE with no more than the call stipend left (EIP-2200)")
    world, address = computation.state.world, computation.msg.storage_address
    current = world.get_storage(address, slot)
    original = world.get_storage(address, slot, False)
    cost = 0
    if not world.is_storage_warm(address, slot):
        world.mark_storage_warm(address, slot)
        cost = COLD_SLOAD
    if original == current != new:
        cost += 20_000 if original == 0 else 5_000 - COLD_SLOAD
    else:
        cost += WARM_ACCESS
    refund = 0
    if current != new:
        if original != 0 and current != 0 and new == 0:
            refund += 4_800
        if original != 0 and current == 0:
            refund -= 4_800
        if original == new:
            refund += (20_000 if original == 0 else 5_000 - COLD_SLOAD) - WARM_ACCESS
    computation.consume_gas(cost, "SSTORE")
    _forbid_static(computation)
    computation._gas_meter.gas_refunded += refund
    world.set_storage(address, slot, new)


# -- contract creation and destruction --


def _initcode(computation: Any, start: int, size: int, gas: int) -> bytes:
    _forbid_static(computation)
    computation.consume_gas(gas, "CREATE")
    computation.extend_memory(start, size)
    if size > MAX_INITCODE_SIZE:
        raise OutOfGas("initcode over the limit of EIP-3860")
    return computation.memory_read_bytes(start, size)


def _create(computation: Any) -> None:
    values = computation._stack.values
    endowment, start, size = _pop(values), _pop(values), _pop(values)
    initcode = _initcode(computation, start, size, 32_000 + 2 * ((size + 31) // 32))
    sender = computation.msg.storage_address
    address = contract_address(sender, computation.state.world.get_nonce(sender))
    _create_at(computation, endowment, address, initcode)


def _create2(computation: Any) -> None:
    """EIP-1014."""
    values = computation._stack.values
    endowment, start, size, salt = _pop(values), _pop(values), _pop(values), _pop(values)
    initcode = _initcode(computation, start, size, 32_000 + 8 * ((size + 31) // 32))
    preimage = b"\xff" + computation.msg.storage_address + salt.to_bytes(32, "big") + keccak(initcode)
    _create_at(computation, endowment, keccak(preimage)[12:], initcode)


def _create_at(computation: Any, endowment: int, address: bytes, initcode: bytes) -> None:
    world, values, sender = computation.state.world, computation._stack.values, computation.msg.storage_address
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


def _call(computation: Any) -> None:
    values = computation._stack.values
    gas, to, value = _pop(values), _as_address(_pop(values)), _pop(values)
    if value:
        _forbid_static(computation)
    _message(computation, gas, to, to, value, CALL)


def _callcode(computation: Any) -> None:
    values = computation._stack.values
    gas, code_address, value = _pop(values), _as_address(_pop(values)), _pop(values)
    _message(computation, gas, computation.msg.storage_address, code_address, value, CALLCODE)


def _delegatecall(computation: Any) -> None:
    values = computation._stack.values
    gas, code_address = _pop(values), _as_address(_pop(values))
    _message(computation, gas, computation.msg.storage_address, code_address, computation.msg.value, DELEGATECALL)


def _staticcall(computation: Any) -> None:
    values = computation._stack.values
    gas, to = _pop(values), _as_address(_pop(values))
    _message(computation, gas, to, to, 0, STATICCALL)


def _access(computation: Any, address: bytes) -> int:
    """EIP-2929: marks the account warm; its price."""
    if computation.state.is_address_warm(address):
        return WARM_ACCESS
    computation.state.world.mark_address_warm(address)
    return COLD_ACCOUNT_ACCESS


def _message(
    computation: Any, gas: int, to: bytes, code_address: bytes, value: int, kind: str
) -> None:
    """The CALLs once they have taken what differs from the stack (EIP-150, EIP-161, EIP-2929, EIP-7702)."""
    values, msg, world = computation._stack.values, computation.msg, computation.state.world
    input_start, input_size, output_start, output_size = (
        _pop(values), _pop(values), _pop(values), _pop(values)
    )  # fmt: skip
    computation.extend_memory(input_start, input_size)
    computation.extend_memory(output_start, output_size)
    cost = _access(computation, code_address)
    code = world.get_code(code_address)
    is_delegation = len(code) == 23 and code.startswith(b"\xef\x01\x00")
    if is_delegation:
        code_address = code[3:]
        cost += _access(computation, code_address)
        code = world.get_code(code_address)
    pays = value and kind in (CALL, CALLCODE)
    if pays:
        cost += 9_000
        if kind == CALL and world.account_is_empty(to):
            cost += 25_000
    computation.consume_gas(cost, kind)
    meter = computation._gas_meter
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
            is_delegation=is_delegation,
        )
    )
    values.append(0 if child.is_error else 1)
    output = child.output[:output_size]
    if output:
        computation._memory._bytes[output_start : output_start + len(output)] = output
    meter.return_gas(child.get_gas_remaining())


def _selfdestruct(computation: Any) -> None:
    """EIP-6780; of the constant 5,000 gas the table says."""
    _forbid_static(computation)
    beneficiary = _as_address(_pop(computation._stack.values))
    state, this = computation.state, computation.msg.storage_address
    world = state.world
    cost = 0
    if not state.is_address_warm(beneficiary):
        world.mark_address_warm(beneficiary)
        cost += COLD_ACCOUNT_ACCESS
    balance = world.get_balance(this)
    if world.account_is_empty(beneficiary) and balance:
        cost += 25_000
    computation.consume_gas(cost, "SELFDESTRUCT")
    world.set_balance(this, 0)
    world.delta_balance(beneficiary, balance)
    if this in world.created:
        world.set_balance(this, 0)
        computation.accounts_to_delete.add(this)
    raise Halt("SELFDESTRUCT")


def _invalid(opcode: int) -> Instruction:
    def invalid(computation: Any) -> None:
        raise InvalidInstruction(f"invalid opcode 0x{opcode:02x}")

    return invalid


def _entry(opcode: int) -> tuple[int, Instruction]:
    instruction = PRAGUE_OPCODES.get(opcode)
    if instruction is None:
        return 0, _invalid(opcode)
    if isinstance(instruction, _FastOpcode):
        return instruction.gas_cost, instruction.logic_fn
    return 0, instruction


def _table() -> list[tuple[int, Instruction]]:
    table = [_entry(opcode) for opcode in range(256)]
    fast: dict[int, Instruction] = {
        0x01: _binary(lambda a, b: (a + b) & _MASK),
        0x02: _binary(lambda a, b: (a * b) & _MASK),
        0x03: _binary(lambda a, b: (a - b) & _MASK),
        0x10: _binary(lambda a, b: 1 if a < b else 0),
        0x11: _binary(lambda a, b: 1 if a > b else 0),
        0x14: _binary(lambda a, b: 1 if a == b else 0),
        0x15: _iszero,
        0x16: _binary(lambda a, b: a & b),
        0x17: _binary(lambda a, b: a | b),
        0x1B: _binary(lambda a, b: (b << a) & _MASK if a < 256 else 0),
        0x1C: _binary(lambda a, b: b >> a if a < 256 else 0),
        0x50: _pop_instruction,
        0x51: _mload,
        0x52: _mstore,
        0x56: _jump,
        0x57: _jumpi,
        0x5B: _jumpdest,
    }
    fast.update({0x60 + i: _push(i + 1) for i in range(32)})
    fast.update({0x80 + i: _dup(i + 1) for i in range(16)})
    fast.update({0x90 + i: _swap(i + 1) for i in range(16)})
    for opcode, function in fast.items():
        table[opcode] = (table[opcode][0], function)
    table[0x54], table[0x55] = (0, _sload), (0, _sstore)
    table[0xF0], table[0xF5], table[0xFF] = (0, _create), (0, _create2), (5_000, _selfdestruct)
    table[0xF1], table[0xF2], table[0xF4], table[0xFA] = (
        (0, _call), (0, _callcode), (0, _delegatecall), (0, _staticcall)
    )  # fmt: skip
    return table


INSTRUCTIONS = _table()
