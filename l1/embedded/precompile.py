"""EXECUTE as a precompile of the embedded L1 (docs/protocol.md, section 8): a function of py-evm's computation.

Prices and what is left come from the block's meter, which is the state's `dues`: that of the block under construction,
or one of its own for an eth_call or an estimate.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from eth.exceptions import Revert
from eth.vm.computation import BaseComputation

from execution.encoding import keccak
from execution.errors import Disagreement
from execution.rules import Rules
from execution.verdict import Verdict
from l1.embedded.execute_abi import (
    EXECUTE,
    EXECUTE_STAGED,
    Arguments,
    Malformed,
    decode_arguments,
    decode_pointer,
)
from l1.embedded.meter import EXECUTE_ADDRESS, BlockMeter
from l1.embedded.settings import ExecuteParams

GAS_PRICE_SELECTOR = keccak(b"gasPrice()")[:4]
GAS_LEFT_SELECTOR = keccak(b"gasLeft()")[:4]
CONGESTED_SELECTOR = keccak(b"congestedSeconds()")[:4]
ERROR_SELECTOR = keccak(b"Error(string)")[:4]

VIEW_GAS = 100  # L1 gas of each view
WARM_POINTER_GAS, COLD_POINTER_GAS = 100, 2_600  # L1 gas of each pointer, as of any access to an account (EIP-2929)
MAX_TRACE = 64 << 20  # bytes, with what is staged
EXECUTE_CODE = b"\xfe"  # at the precompile's address, so that Solidity's extcodesize check passes; never run

VerdictSource = Callable[[bytes, bytes, int, bytes], Verdict]
"""(pre root, post root, L2 gas, trace) -> verdict. May raise Disagreement."""

_VIEWS: dict[bytes, Callable[[BlockMeter], int]] = {
    GAS_PRICE_SELECTOR: lambda meter: meter.price,
    GAS_LEFT_SELECTOR: lambda meter: meter.left,
    CONGESTED_SELECTOR: lambda meter: meter.congested_seconds,
}


class _Refused(Exception):
    """The call reverts with this message."""


class ExecutePrecompile:
    """Call it with a computation whose state's `dues` is a BlockMeter. One per chain; any number of calls at once."""

    def __init__(self, params: ExecuteParams, judge: VerdictSource) -> None:
        self.params = params
        self._judge = judge

    def __call__(self, computation: BaseComputation) -> BaseComputation:
        data = bytes(computation.msg.data)
        try:
            computation.output = self._dispatch(computation, data).to_bytes(32, "big")
        except (_Refused, Malformed) as refusal:
            computation.output = _error_data(f"EXECUTE: {refusal}")
            raise Revert(computation.output) from None
        return computation

    def _dispatch(self, computation: BaseComputation, data: bytes) -> int:
        selector = data[:4]
        if selector in (EXECUTE, EXECUTE_STAGED):
            return self._execute(computation, data)
        message = computation.msg
        view = _VIEWS.get(selector)
        if view is None:
            raise _Refused("unknown function")
        computation.consume_gas(VIEW_GAS, "EXECUTE view")
        if message.value and message.storage_address == EXECUTE_ADDRESS:
            raise _Refused("this function takes no value")
        return view(_meter(computation))

    def _execute(self, computation: BaseComputation, data: bytes) -> int:
        """What is cheap to check comes first; nothing is sold before there is an answer, and then nothing can fail."""
        message, state = computation.msg, computation.state
        computation.consume_gas(self.params.fixed_gas, "EXECUTE")
        if message.is_static or message.storage_address != EXECUTE_ADDRESS:
            raise _Refused("only by CALL")
        arguments = decode_arguments(data)
        computation.consume_gas(self.params.gas_per_byte * arguments.trace_size, "EXECUTE trace bytes")
        computation.consume_gas(WARM_POINTER_GAS * arguments.pointer_count, "EXECUTE pointers")
        meter, gas = _meter(computation), arguments.gas_used
        fee = gas * meter.price
        if message.value < fee:
            raise _Refused(f"value {message.value} wei, fee {fee} wei")
        if gas > meter.left:
            raise _Refused(f"{gas} L2 gas wanted, {meter.left} left in the block")
        if fee > meter.surety_left:
            raise _Refused(f"fee {fee} wei, the transaction's value stands for {meter.surety_left} wei more")
        trace = self._trace(computation, arguments)
        try:
            verdict = self._judge(arguments.pre_root, arguments.post_root, gas, trace)
        except Disagreement:
            raise _Refused("clients disagree") from None
        meter.take(gas)
        if message.value > fee:
            state.delta_balance(EXECUTE_ADDRESS, fee - message.value)
            state.delta_balance(message.sender, message.value - fee)
        return int(verdict.result)

    def _trace(self, computation: BaseComputation, arguments: Arguments) -> bytes:
        """The trace with what is staged. A code is paid for as soon as its size is known, before the next is read."""
        size, parts = arguments.trace_size, [arguments.trace()]
        _check_size(size)
        for word in arguments.pointers():
            address = decode_pointer(word)
            if not computation.state.is_address_warm(address):
                computation.consume_gas(COLD_POINTER_GAS - WARM_POINTER_GAS, "EXECUTE cold pointer")
                computation.state.mark_address_warm(address)
            code = computation.state.get_code(address)
            if not code:
                raise _Refused(f"no code at the pointer 0x{address.hex()}")
            words = (len(code) + 31) // 32
            computation.consume_gas(self.params.staged_gas_per_word * words, "EXECUTE staged words")
            size += len(code) - 1
            _check_size(size)
            parts.append(code[1:])
        if arguments.staged:
            parts.append(bytes(-size % 32))
        return b"".join(parts)


def execute_rules(chain_id: int, params: ExecuteParams, judge: VerdictSource) -> Rules:
    """The rules of an L1 with EXECUTE."""
    return Rules(
        chain_id=chain_id,
        blobs=True,
        precompiles={EXECUTE_ADDRESS: ExecutePrecompile(params, judge)},
        tx_gas_cap=None,
        dues=partial(BlockMeter, params=params),
    )


def _check_size(size: int) -> None:
    if size > MAX_TRACE:
        raise _Refused(f"the trace has more than {MAX_TRACE} bytes")


def _meter(computation: BaseComputation) -> BlockMeter:
    state: Any = computation.state
    return state.dues


def _error_data(message: str) -> bytes:
    """Error(string), which every wallet shows."""
    text = message.encode()
    padded = text.ljust((len(text) + 31) // 32 * 32, b"\x00")
    return ERROR_SELECTOR + (32).to_bytes(32, "big") + len(text).to_bytes(32, "big") + padded
