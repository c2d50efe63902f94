"""Prague's instructions: py-evm's, but for messages (`calls`) and the hottest, which are written for speed.

Each entry is (constant gas, function of the computation). py-evm's stack holds ints and big-endian bytes mixed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from eth.exceptions import FullStack, InsufficientStack, InvalidInstruction, InvalidJumpDestination, OutOfGas
from eth.vm.forks.prague.opcodes import PRAGUE_OPCODES
from eth.vm.opcode import _FastOpcode

from execution import calls
from execution.calls import WARM_ACCESS, forbid_static, pop_int

Instruction = Callable[[Any], None]

COLD_SLOAD = 2100  # EIP-2929
_MASK = (1 << 256) - 1


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
    values.append(0 if pop_int(values) else 1)


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
    _jump_to(computation, pop_int(computation._stack.values))


def _jumpi(computation: Any) -> None:
    values = computation._stack.values
    destination, condition = pop_int(values), pop_int(values)
    if condition:
        _jump_to(computation, destination)


def _jumpdest(computation: Any) -> None:
    pass


def _mload(computation: Any) -> None:
    values = computation._stack.values
    start = pop_int(values)
    computation.extend_memory(start, 32)
    values.append(int.from_bytes(computation._memory._bytes[start : start + 32], "big"))


def _mstore(computation: Any) -> None:
    values = computation._stack.values
    start, value = pop_int(values), pop_int(values)
    computation.extend_memory(start, 32)
    computation._memory._bytes[start : start + 32] = value.to_bytes(32, "big")


def _sload(computation: Any) -> None:
    values = computation._stack.values
    slot = pop_int(values)
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
    slot, new = pop_int(values), pop_int(values)
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
    forbid_static(computation)
    computation._gas_meter.gas_refunded += refund
    world.set_storage(address, slot, new)


def _extcodecopy(computation: Any) -> None:
    """py-evm's reads the code before it charges for it."""
    values = computation._stack.values
    address = calls.as_address(pop_int(values))
    start, code_start, size = pop_int(values), pop_int(values), pop_int(values)
    computation.consume_gas(calls.access(computation, address) + 3 * ((size + 31) // 32), "EXTCODECOPY")
    computation.extend_memory(start, size)
    code = computation.state.world.get_code(address)
    if size:
        computation._memory._bytes[start : start + size] = code[code_start : code_start + size].ljust(size, b"\0")


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
    table[0x3C], table[0x54], table[0x55] = (0, _extcodecopy), (0, _sload), (0, _sstore)
    table[0xF0], table[0xF5], table[0xFF] = (0, calls.create), (0, calls.create2), (0, calls.selfdestruct)
    table[0xF1], table[0xF2], table[0xF4], table[0xFA] = (
        (0, calls.call), (0, calls.callcode), (0, calls.delegatecall), (0, calls.staticcall)
    )  # fmt: skip
    return table


INSTRUCTIONS = _table()
