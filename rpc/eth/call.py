"""eth_call, eth_estimateGas, eth_createAccessList."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from execution.errors import InvalidTransaction, Rejection
from execution.simulation import CallResult
from rpc import render
from rpc.codec import LATEST, Block, data, quantity
from rpc.dispatch import method
from rpc.errors import ServerError
from rpc.eth.call_request import AccessList, BlockOverrides, Call, CallRequest, StateOverrides
from rpc.eth.reader import ChainReader
from rpc.eth.revert import error_message, failure
from rpc.eth.simulation import Simulation
from rpc.limits import EthLimits

_TRANSFER_GAS = 21_000
_CALL_STIPEND = 2_300
_ERROR_RATIO = 0.015  # geth's: an estimate is at most this share above the least that works
_MAX_ROUNDS = 16  # of eth_createAccessList; each adds to the list or is the last
_NOT_ENOUGH_GAS = (Rejection.INTRINSIC_GAS, Rejection.FLOOR_GAS)


class CallMethods:
    def __init__(self, reader: ChainReader, limits: EthLimits) -> None:
        self._reader = reader
        self._limits = limits

    @method("eth_call", heavy=True)
    def call(
        self,
        transaction: Call,
        block: Block = LATEST,
        state_overrides: StateOverrides | None = None,
        block_overrides: BlockOverrides | None = None,
    ) -> str:
        cap = self._limits.call_gas_cap
        simulation = Simulation(self._reader, block, cap, state_overrides, block_overrides)
        # A call isn't part of the block: only the cap bounds its gas, as with geth.
        simulation.gas_limit = cap or simulation.gas_limit
        result = simulation.try_run(transaction)
        if result.error is not None:
            raise failure(result)
        return data(result.output)

    @method("eth_estimateGas", heavy=True)
    def estimate_gas(
        self,
        transaction: Call,
        block: Block = LATEST,
        state_overrides: StateOverrides | None = None,
        block_overrides: BlockOverrides | None = None,
    ) -> str:
        cap = self._limits.call_gas_cap
        simulation = Simulation(self._reader, block, cap, state_overrides, block_overrides)
        simulation.check(transaction)
        return quantity(_Estimate(simulation, transaction).least_gas())

    @method("eth_createAccessList", heavy=True)
    def create_access_list(
        self, transaction: Call, block: Block = LATEST, state_overrides: StateOverrides | None = None
    ) -> dict[str, Any]:
        simulation = Simulation(self._reader, block, self._limits.call_gas_cap, state_overrides)
        entries = transaction.access_list
        for _ in range(_MAX_ROUNDS):
            result = simulation.try_run(replace(transaction, access_list=entries))
            found = _merged(entries, result.access_list)
            if found == entries:
                break
            entries = found
        answer = {"accessList": render.access_list(entries), "gasUsed": quantity(result.gas_used)}
        if result.error is not None:
            answer["error"] = error_message(result)
        return answer


def _merged(given: AccessList, touched: AccessList) -> AccessList:
    """What was touched, and what the caller listed besides."""
    entries: dict[bytes, set[int]] = {}
    for address, slots in (*given, *touched):
        entries.setdefault(address, set()).update(slots)
    return tuple((address, tuple(sorted(slots))) for address, slots in sorted(entries.items()))


class _Estimate:
    """geth's search for the least gas with which a call succeeds."""

    def __init__(self, simulation: Simulation, request: CallRequest) -> None:
        self._simulation = simulation
        self._request = request

    def least_gas(self) -> int:
        _request, _simulation = self._request, self._simulation
        high = self._highest()
        if high >= _TRANSFER_GAS and self._is_transfer():
            result = self._try(_TRANSFER_GAS)
            if result is not None and result.error is None:
                return _TRANSFER_GAS
        result = self._try(high)
        if result is None or (result.error or "").startswith("OutOfGas"):
            raise ServerError(f"gas required exceeds allowance ({high})")
        if result.error is not None:
            raise failure(result)
        low = max(result.gas_used - 1, _TRANSFER_GAS - 1)
        # A frame keeps one part in 64 of its gas from the frames it calls.
        optimistic = (result.max_gas_used + _CALL_STIPEND) * 64 // 63
        if optimistic < high:
            low, high = self._narrow(low, high, optimistic)
        while low + 1 < high and (high - low) / high >= _ERROR_RATIO:
            # Most transactions need little more than they use: don't go far up at once.
            low, high = self._narrow(low, high, min((low + high) // 2, low * 2))
        return high

    def _is_transfer(self) -> bool:
        request = self._request
        if request.to is None or request.data or request.access_list or request.authorization_list:
            return False
        return not self._simulation.has_code(request.to)

    def _highest(self) -> int:
        """What the block, the cap and the sender's balance allow."""
        request, simulation = self._request, self._simulation
        high = simulation.gas_limit
        if request.gas is not None and request.gas >= _TRANSFER_GAS:
            high = min(request.gas, high)
        fee_cap = request.gas_price or request.max_fee_per_gas or 0
        if not fee_cap:
            return high
        balance = simulation.balance(request.sender)
        if request.value > balance:
            raise ServerError("insufficient funds for transfer")
        return min(high, (balance - request.value) // fee_cap)

    def _narrow(self, low: int, high: int, gas: int) -> tuple[int, int]:
        result = self._try(gas)
        return (low, gas) if result is not None and result.error is None else (gas, high)

    def _try(self, gas: int) -> CallResult | None:
        """None if that is too little gas to begin with."""
        try:
            return self._simulation.run(self._request, gas)
        except InvalidTransaction as error:
            if error.reason in _NOT_ENOUGH_GAS:
                return None
            raise ServerError(str(error)) from error
