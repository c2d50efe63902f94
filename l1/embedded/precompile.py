"""EXECUTE as a precompile of the embedded L1, in the shape py-evm wants: a function of the computation.

While a block is built its meter is in force (`metering`). Without one, in eth_call and estimates, prices come from
the state and what the call itself used is counted in transient storage, so that no real meter is touched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from eth.exceptions import Revert
from eth.vm.computation import BaseComputation

from execution.encoding import keccak
from execution.execute import Verdict
from l1.embedded.meter import EXECUTE_ADDRESS, PRICE_SLOT, BlockMeter
from l1.embedded.settings import ExecuteParams

EXECUTE_SELECTOR = keccak(b"execute(bytes32,bytes32,uint64,bytes)")[:4]
GAS_PRICE_SELECTOR = keccak(b"gasPrice()")[:4]
GAS_LEFT_SELECTOR = keccak(b"gasLeft()")[:4]
ERROR_SELECTOR = keccak(b"Error(string)")[:4]

VIEW_GAS = 100  # L1 gas of gasPrice() and gasLeft()
EXECUTE_CODE = b"\xfe"  # at the precompile's address, so that Solidity's extcodesize check passes; never run
_HEAD = 4 + 4 * 32  # selector and the four words of the arguments
_SIMULATED_SLOT = 0  # transient storage

VerdictSource = Callable[[bytes, bytes, int, bytes], Verdict]


class _Refused(Exception):
    """The call reverts with this message."""


class ExecutePrecompile:
    """Call it with a computation. One per chain; any number of blocks and calls at once."""

    def __init__(self, params: ExecuteParams, judge: VerdictSource) -> None:
        self.params = params
        self._judge = judge
        self._meter: ContextVar[BlockMeter | None] = ContextVar("execute_meter", default=None)

    @contextmanager
    def metering(self, meter: BlockMeter) -> Iterator[None]:
        """Calls made in this context (thread, task) are those of the block with that meter."""
        token = self._meter.set(meter)
        try:
            yield
        finally:
            self._meter.reset(token)

    def __call__(self, computation: BaseComputation) -> BaseComputation:
        data = bytes(computation.msg.data)
        try:
            computation.output = self._dispatch(computation, data)
        except _Refused as refusal:
            computation.output = _error_data(f"EXECUTE: {refusal}")
            raise Revert(computation.output) from None
        return computation

    def _dispatch(self, computation: BaseComputation, data: bytes) -> bytes:
        selector = data[:4]
        if selector == EXECUTE_SELECTOR:
            return self._execute(computation, data)
        if selector in (GAS_PRICE_SELECTOR, GAS_LEFT_SELECTOR):
            computation.consume_gas(VIEW_GAS, "EXECUTE view")
            if computation.msg.value:
                raise _Refused("this function takes no value")
            meter = self._meter_of(computation)
            return (meter.price if selector == GAS_PRICE_SELECTOR else meter.left).to_bytes(32, "big")
        raise _Refused("unknown function")

    def _execute(self, computation: BaseComputation, data: bytes) -> bytes:
        message = computation.msg
        state: Any = computation.state
        computation.consume_gas(self.params.fixed_gas, "EXECUTE")
        pre_root, post_root, gas_used, length = _arguments(data)
        computation.consume_gas(self.params.gas_per_byte * length, "EXECUTE trace bytes")
        if message.is_static or message.storage_address != EXECUTE_ADDRESS:
            raise _Refused("only by CALL")
        meter = self._meter_of(computation)
        fee = gas_used * meter.price
        if message.value < fee:
            raise _Refused(f"value {message.value} wei, fee {fee} wei")
        if gas_used > meter.left:
            raise _Refused(f"{gas_used} L2 gas wanted, {meter.left} left in the block")
        meter.take(gas_used)
        if self._meter.get() is None:
            state.set_transient_storage(EXECUTE_ADDRESS, _SIMULATED_SLOT, meter.used.to_bytes(32, "big"))
        if message.value > fee:
            state.delta_balance(EXECUTE_ADDRESS, fee - message.value)
            state.delta_balance(message.sender, message.value - fee)
        start = _HEAD + 32
        verdict = self._judge(pre_root, post_root, gas_used, data[start : start + length])
        return int(verdict.result).to_bytes(32, "big")

    def _meter_of(self, computation: BaseComputation) -> BlockMeter:
        meter = self._meter.get()
        if meter is not None:
            return meter
        state: Any = computation.state
        price = max(state.get_storage(EXECUTE_ADDRESS, PRICE_SLOT), self.params.min_gas_price)
        used = int.from_bytes(state.get_transient_storage(EXECUTE_ADDRESS, _SIMULATED_SLOT), "big")
        return BlockMeter(price, self.params.cumulative_gas_limit, used)


def _arguments(data: bytes) -> tuple[bytes, bytes, int, int]:
    """(pre root, post root, gas used, length of the trace); the trace follows its length, padded or not."""
    if len(data) < _HEAD + 32:
        raise _Refused("arguments cut off")
    pre_root, post_root = data[4:36], data[36:68]
    gas_used, offset, length = (int.from_bytes(data[i : i + 32], "big") for i in (68, 100, 132))
    if gas_used >= 1 << 64 or offset != 4 * 32:
        raise _Refused("arguments not in the canonical ABI encoding")
    given = len(data) - _HEAD - 32
    if given not in (length, (length + 31) // 32 * 32):
        raise _Refused("the trace has another length than announced")
    return pre_root, post_root, gas_used, length


def _error_data(message: str) -> bytes:
    """Error(string), which every wallet shows."""
    text = message.encode()
    padded = text.ljust((len(text) + 31) // 32 * 32, b"\x00")
    return ERROR_SELECTOR + (32).to_bytes(32, "big") + len(text).to_bytes(32, "big") + padded
