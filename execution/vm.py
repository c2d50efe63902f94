"""py-evm's Prague interpreter over a WorldState. Messages only: blocks and transactions are `block` and `processing`.

Changed against py-evm: call frames keep neither logs nor children (logs lie in the world's journal, refunds and
deletions are merged upwards on success); BLOCKHASH raises when an ancestor is unknown; system contracts are not
read when the state is made; jump destinations are analysed once per code, iteratively; gas accounting can stop
execution that uses more than was paid for. Only py-evm's VMError fails a frame: everything else, InvalidWitness
above all, goes through to the caller.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from eth.exceptions import Halt, OutOfGas, ReservedBytesInCode, VMError
from eth.vm.code_stream import CodeStream
from eth.vm.forks.prague.computation import PragueComputation
from eth.vm.forks.prague.state import PragueState
from eth.vm.memory import Memory
from eth.vm.stack import Stack

from execution.dues import Dues
from execution.errors import InvalidBlock, WorkLimitExceeded
from execution.opcodes import INSTRUCTIONS
from execution.precompiles import PRECOMPILES, Precompile
from execution.receipt import Log
from execution.world import WorldState

if not __debug__:  # py-evm guards consensus rules with `assert`
    raise RuntimeError("execution must not run under `python -O`")

MAX_CODE_SIZE = 24_576  # bytes (EIP-170)
_CODE_DEPOSIT_GAS = 200  # per byte
MIN_BLOB_BASE_FEE = 1  # wei
_BLOB_BASE_FEE_UPDATE_FRACTION = 5_007_716  # EIP-7691
# e^178 > 2^256: no excess can rise so far, and a made-up one would take forever to exponentiate.
MAX_EXCESS_BLOB_GAS = 178 * _BLOB_BASE_FEE_UPDATE_FRACTION


def blob_base_fee(excess_blob_gas: int) -> int:
    """EIP-4844's fake_exponential; wei per blob gas."""
    if excess_blob_gas > MAX_EXCESS_BLOB_GAS:
        raise InvalidBlock(f"excess blob gas {excess_blob_gas} is out of reach")
    i, output, term = 1, 0, MIN_BLOB_BASE_FEE * _BLOB_BASE_FEE_UPDATE_FRACTION
    while term > 0:
        output += term
        term = term * excess_blob_gas // (_BLOB_BASE_FEE_UPDATE_FRACTION * i)
        i += 1
    return output // _BLOB_BASE_FEE_UPDATE_FRACTION


@lru_cache(maxsize=512)  # of at most 48 KB each, initcode
def jump_destinations(code: bytes) -> bytearray:
    """1 at every JUMPDEST that is not push data."""
    marks = bytearray(len(code))
    pos, end = 0, len(code)
    while pos < end:
        opcode = code[pos]
        if opcode == 0x5B:
            marks[pos] = 1
        elif 0x60 <= opcode <= 0x7F:
            pos += opcode - 0x5F
        pos += 1
    return marks


class Code(CodeStream):
    __slots__ = ("raw",)

    def __init__(self, code: bytes) -> None:
        self.program_counter = 0
        self.raw = self._raw_code_bytes = code
        self._length_cache = len(code)

    def jump_destinations(self) -> bytearray:
        return jump_destinations(self.raw)

    def is_valid_opcode(self, position: int) -> bool:
        return position < self._length_cache and bool(jump_destinations(self.raw)[position])


class Message:
    """A call or creation; py-evm's Message without its validations."""

    __slots__ = (
        "code",
        "code_address",
        "data",
        "depth",
        "gas",
        "is_create",
        "is_delegation",
        "is_static",
        "refund",
        "sender",
        "should_transfer_value",
        "storage_address",
        "to",
        "value",
    )  # fmt: skip

    def __init__(
        self,
        gas: int,
        to: bytes,
        sender: bytes,
        value: int,
        data: bytes,
        code: bytes,
        depth: int = 0,
        create_address: bytes | None = None,
        code_address: bytes | None = None,
        should_transfer_value: bool = True,
        is_static: bool = False,
        is_delegation: bool = False,
        refund: int = 0,
    ) -> None:
        self.gas, self.to, self.sender, self.value, self.data, self.code = gas, to, sender, value, data, code
        self.depth = depth
        self.is_create = not to
        self.storage_address = create_address if create_address is not None else to
        self.code_address = code_address if code_address is not None else to
        self.should_transfer_value = should_transfer_value
        self.is_static = is_static
        self.is_delegation = is_delegation  # code came by an EIP-7702 designation: precompiles don't run
        self.refund = refund

    @property
    def data_as_bytes(self) -> bytes:
        return bytes(self.data)


class TransactionContext:
    __slots__ = ("blob_versioned_hashes", "gas_price", "origin")

    def __init__(self, origin: bytes, gas_price: int, blob_versioned_hashes: Iterable[bytes] = ()) -> None:
        self.origin = origin
        self.gas_price = gas_price
        self.blob_versioned_hashes = tuple(blob_versioned_hashes)


class BlockContext:
    """What the EVM sees of its block (py-evm's ExecutionContext)."""

    def __init__(
        self,
        *,
        chain_id: int,
        number: int,
        timestamp: int,
        coinbase: bytes,
        prev_randao: bytes,
        gas_limit: int,
        base_fee_per_gas: int,
        excess_blob_gas: int,
        block_hashes: Callable[[int], bytes],
    ) -> None:
        self.chain_id = chain_id
        self.block_number = number
        self.timestamp = timestamp
        self.coinbase = coinbase
        self.mix_hash = prev_randao
        self.difficulty = 0
        self.gas_limit = gas_limit
        self.base_fee_per_gas = base_fee_per_gas
        self.excess_blob_gas = excess_blob_gas
        self.blob_base_fee = blob_base_fee(excess_blob_gas)
        self.block_hashes = block_hashes


class GasMeter:
    __slots__ = ("floor", "gas_refunded", "gas_remaining", "start_gas")

    def __init__(self, gas: int, floor: int) -> None:
        self.start_gas = self.gas_remaining = gas
        self.gas_refunded = 0
        self.floor = floor  # below it execution has used more than was paid for; 0: no such limit

    def exhausted(self, amount: int, reason: str) -> None:
        if amount > self.gas_remaining:
            raise OutOfGas(f"{reason} needs {amount} gas, {self.gas_remaining} left")
        raise WorkLimitExceeded("more gas used than was paid for")

    def consume_gas(self, amount: int, reason: str) -> None:
        left = self.gas_remaining - amount
        if left < self.floor:
            self.exhausted(amount, reason)
        self.gas_remaining = left

    def return_gas(self, amount: int) -> None:
        self.gas_remaining += amount

    def refund_gas(self, amount: int) -> None:
        self.gas_refunded += amount


class State(PragueState):
    """py-evm's view of the world and the block, for the messages of one block."""

    _FORWARDED = (
        "get_balance", "set_balance", "delta_balance", "get_nonce", "set_nonce", "increment_nonce", "get_code",
        "set_code", "delete_code", "get_code_hash", "has_code_or_nonce", "account_exists", "account_is_empty",
        "touch_account", "get_storage", "set_storage", "is_storage_warm", "mark_storage_warm",
        "mark_address_warm", "get_transient_storage", "set_transient_storage", "delete_account",
    )  # fmt: skip

    def __init__(
        self,
        world: WorldState,
        context: BlockContext,
        precompiles: Mapping[bytes, Precompile],
        dues: Callable[[WorldState], Dues] | None = None,
    ) -> None:
        self.world = world
        self.dues = None if dues is None else dues(world)
        self.execution_context = context
        self.computation_class = computation_class(precompiles)
        self.precompile_addresses = frozenset(self.computation_class._precompiles)
        self.always_warm: frozenset[bytes] = self.precompile_addresses
        self.gas_floor = 0  # of the transaction's first frame; see GasMeter.floor
        self.outer_gas = 0  # left in all frames outside the current one
        for name in self._FORWARDED:
            setattr(self, name, getattr(world, name))

    def set_system_contracts(self) -> None:
        pass

    @property
    def blob_base_fee(self) -> int:
        return self.execution_context.blob_base_fee

    def is_address_warm(self, address: bytes) -> bool:
        return address in self.always_warm or self.world.is_address_warm(address)

    def get_ancestor_hash(self, block_number: int) -> bytes:
        depth = self.execution_context.block_number - block_number
        if not 1 <= depth <= 256:
            return b""
        return self.execution_context.block_hashes(block_number)


class Computation(PragueComputation):
    """One call frame."""

    def __init__(self, state: State, message: Message, transaction_context: TransactionContext) -> None:
        self.state = state
        self.msg = message
        self.transaction_context = transaction_context
        self.code = Code(message.code)
        floor = state.gas_floor - state.outer_gas
        self._gas_meter = GasMeter(message.gas, max(0, floor))
        self._stack = Stack()
        self._memory = Memory()
        self.accounts_to_delete: set[bytes] = set()
        self.contracts_created = state.world.created

    @classmethod
    def apply_message(
        cls,
        state: State,
        message: Message,
        transaction_context: TransactionContext,
        parent_computation: Any = None,
    ) -> Computation:
        """process_message of execution-specs. The caller has checked depth and balance."""
        world = state.world
        snapshot = world.snapshot()
        if message.value and message.should_transfer_value:
            world.delta_balance(message.sender, -message.value)
            world.delta_balance(message.storage_address, message.value)
        computation = cls(state, message, transaction_context)
        try:
            precompile = cls._precompiles.get(message.code_address)
            if precompile is None:
                computation._run()
            elif not message.is_delegation:
                precompile(computation)
        except Halt:
            pass
        except VMError as error:
            computation._fail(error)
            world.revert(snapshot)
        return computation

    @classmethod
    def apply_create_message(
        cls,
        state: State,
        message: Message,
        transaction_context: TransactionContext,
        parent_computation: Any = None,
    ) -> Computation:
        """process_create_message. No storage is destroyed: EIP-7610 made the caller refuse such an address."""
        world, address = state.world, message.storage_address
        snapshot = world.snapshot()
        world.created.add(address)
        world.increment_nonce(address)
        computation = cls.apply_message(state, message, transaction_context)
        if computation._error is not None:
            world.revert(snapshot)
            return computation
        code = computation._output
        if code:
            try:
                if code[0] == 0xEF:
                    raise ReservedBytesInCode("code begins with 0xEF (EIP-3541)")
                computation.consume_gas(_CODE_DEPOSIT_GAS * len(code), "code deposit")
                if len(code) > MAX_CODE_SIZE:
                    raise OutOfGas("code over the limit of EIP-170")
            except VMError as error:
                computation._fail(error)
                world.revert(snapshot)
            else:
                world.set_code(address, code)
        return computation

    def _run(self) -> None:
        instructions, meter, code = INSTRUCTIONS, self._gas_meter, self.code
        raw, end = code.raw, len(code.raw)
        while True:
            position = code.program_counter
            if position >= end:
                return
            code.program_counter = position + 1
            cost, instruction = instructions[raw[position]]
            if cost:
                left = meter.gas_remaining - cost
                if left < meter.floor:
                    meter.exhausted(cost, f"opcode 0x{raw[position]:02x}")
                meter.gas_remaining = left
            instruction(self)

    def _fail(self, error: VMError) -> None:
        self._error = error
        if error.burns_gas:
            self._gas_meter.gas_remaining = 0

    def prepare_child_message(
        self, gas: int, to: bytes, value: int, data: bytes, code: bytes, **kwargs: Any
    ) -> Message:
        kwargs.setdefault("sender", self.msg.storage_address)
        return Message(gas=gas, to=to, value=value, data=data, code=code, depth=self.msg.depth + 1, **kwargs)

    def apply_child_computation(self, child_msg: Message) -> Computation:
        state, left = self.state, self._gas_meter.gas_remaining
        state.outer_gas += left
        if child_msg.is_create:
            child = self.apply_create_message(state, child_msg, self.transaction_context)
        else:
            child = self.apply_message(state, child_msg, self.transaction_context)
        state.outer_gas -= left
        if child._error is None:
            self._gas_meter.gas_refunded += child._gas_meter.gas_refunded
            self.accounts_to_delete |= child.accounts_to_delete
            self.return_data = b"" if child_msg.is_create else child._output
        else:
            self.return_data = child.output
        return child

    def consume_gas(self, amount: int, reason: str = "") -> None:
        meter = self._gas_meter
        left = meter.gas_remaining - amount
        if left < meter.floor:
            meter.exhausted(amount, reason)
        meter.gas_remaining = left

    def extend_memory(self, start_position: int, size: int) -> None:
        if not size:
            return
        before, after = len(self._memory) // 32, (start_position + size + 31) // 32
        if after > before:
            self.consume_gas(3 * (after - before) + after * after // 512 - before * before // 512, "memory")
            self._memory.extend(start_position, size)

    def add_log_entry(self, account: bytes, topics: tuple[int, ...], data: bytes) -> None:
        self.state.world.add_log(Log(account, tuple(topic.to_bytes(32, "big") for topic in topics), data))


def computation_class(extra: Mapping[bytes, Precompile]) -> type[Computation]:
    """The frame class with `extra` precompiles besides Prague's."""
    return _computation_class(tuple(sorted(extra.items(), key=lambda item: item[0])))


@lru_cache(maxsize=16)
def _computation_class(extra: tuple[tuple[bytes, Precompile], ...]) -> type[Computation]:
    return type("Computation", (Computation,), {"_precompiles": {**PRECOMPILES, **dict(extra)}})
