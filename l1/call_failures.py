"""What a failing eth_call or eth_estimateGas says of a transaction that is to be sent."""

from __future__ import annotations

from collections.abc import Mapping

from l1.artifacts import describe_error
from l1.candidates import InsufficientFunds, TransactionRefused, TransactionReverted
from l1.rejections import Rejection, classify
from l1.reverts import describe_revert
from l1.rpc_errors import rpc_error_of


def call_failure(error: Exception, sender: bytes, errors: Mapping[bytes, str] | None) -> Exception:
    """Transport trouble stays what it is. `errors`: names of custom errors by selector; None: those of our contracts."""
    answer = rpc_error_of(error)
    if answer is None:
        return error
    if classify(answer.message) is Rejection.INSUFFICIENT_FUNDS:
        return InsufficientFunds(f"0x{sender.hex()}: {answer.message}")
    if answer.data:
        reason = describe_error(answer.data) if errors is None else describe_revert(answer.data, errors)
        return TransactionReverted(reason, answer.data)
    if "revert" in answer.message.lower():
        return TransactionReverted(answer.message, answer.data)
    return TransactionRefused(answer.message)
