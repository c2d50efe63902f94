"""What gas costs: suggestions and history."""

from __future__ import annotations

from typing import Annotated, Any

from chain.view import StoredBlock
from execution.header import MAX_BLOB_GAS_PER_BLOCK, Header, next_base_fee, next_excess_blob_gas
from execution.transactions import decode_transaction
from execution.vm import blob_base_fee
from rpc.codec import BlockNumber, Count, Decoder, json_type, quantity
from rpc.dispatch import method
from rpc.errors import InvalidParams, ServerError
from rpc.eth.reader import ChainReader
from rpc.limits import EthLimits

_SAMPLE_BLOCKS = (
    20  # as geth's oracle: the cheapest 3 of each of the last 20 blocks, the 60th percentile of them
)
_SAMPLE_TRANSACTIONS = 3
_SAMPLE_PERCENTILE = 60


def _parse_percentiles(value: Any) -> list[float]:
    if not isinstance(value, list):
        raise InvalidParams(f"expected an array, got {json_type(value)}")
    for each in value:
        if isinstance(each, bool) or not isinstance(each, (int, float)):
            raise InvalidParams(f"expected numbers, got {json_type(each)}")
    return value


Percentiles = Annotated[list[float], Decoder(_parse_percentiles)]


class FeeMethods:
    def __init__(self, reader: ChainReader, limits: EthLimits) -> None:
        self._reader = reader
        self._limits = limits
        self._suggested: tuple[bytes, int] = (b"", 0)  # head hash, wei

    @method("eth_gasPrice", heavy=True)
    def gas_price(self) -> str:
        head = self._reader.chain.head()
        return quantity(self._suggest_tip(head) + next_base_fee(head))

    @method("eth_maxPriorityFeePerGas", heavy=True)
    def max_priority_fee(self) -> str:
        return quantity(self._suggest_tip(self._reader.chain.head()))

    @method("eth_blobBaseFee")
    def blob_base_fee(self) -> str:
        """Of the block to come."""
        return quantity(blob_base_fee(next_excess_blob_gas(self._reader.chain.head())))

    def _suggest_tip(self, head: Header) -> int:
        known, suggested = self._suggested
        if known == head.hash:
            return suggested
        tips: list[int] = []
        header: Header | None = head
        for _ in range(_SAMPLE_BLOCKS):
            if header is None or header.number == 0:
                break
            stored = self._reader.chain.block(header.hash)
            if stored is not None and stored.transactions:
                tips += sorted(_tip(raw, header) for raw in stored.transactions)[:_SAMPLE_TRANSACTIONS]
            header = self._reader.chain.resolve(header.parent_hash)
        tips.sort()
        suggested = (
            tips[(len(tips) - 1) * _SAMPLE_PERCENTILE // 100] if tips else self._limits.default_priority_fee
        )
        self._suggested = (head.hash, suggested)
        return suggested

    @method("eth_feeHistory", heavy=True)
    def fee_history(
        self, block_count: Count, newest_block: BlockNumber, reward_percentiles: Percentiles | None = None
    ) -> dict[str, Any]:
        percentiles = reward_percentiles or []
        self._check_percentiles(percentiles)
        if block_count == 0:
            return {"oldestBlock": "0x0", "gasUsedRatio": None}
        newest = self._newest(newest_block.ref)
        first = max(newest.number + 1 - min(block_count, self._limits.max_fee_history), 0)
        headers = [newest]
        while headers[-1].number > first:
            headers.append(self._reader.parent(headers[-1]))
        headers.reverse()
        coming = newest
        history: dict[str, Any] = {
            "oldestBlock": quantity(first),
            "baseFeePerGas": [
                *(quantity(header.base_fee_per_gas) for header in headers),
                quantity(next_base_fee(coming)),
            ],
            "gasUsedRatio": [header.gas_used / header.gas_limit for header in headers],
            "baseFeePerBlobGas": [
                *(quantity(blob_base_fee(header.excess_blob_gas)) for header in headers),
                quantity(blob_base_fee(next_excess_blob_gas(coming))),
            ],
            "blobGasUsedRatio": [header.blob_gas_used / MAX_BLOB_GAS_PER_BLOCK for header in headers],
        }
        if percentiles:
            history["reward"] = [self._rewards(header, percentiles) for header in headers]
        return history

    def _newest(self, ref: int | bytes | str) -> Header:
        head = self._reader.chain.head()
        if isinstance(ref, int) and ref > head.number:
            raise ServerError(f"request beyond head block: requested {ref}, head {head.number}")
        header = self._reader.chain.resolve(ref)  # type: ignore[arg-type]
        if header is None:
            raise ServerError("header not found")
        return header

    def _check_percentiles(self, percentiles: list[float]) -> None:
        if len(percentiles) > self._limits.max_reward_percentiles:
            raise ServerError(
                f"invalid reward percentile: over the query limit {self._limits.max_reward_percentiles}"
            )
        for index, each in enumerate(percentiles):
            if not 0 <= each <= 100:
                raise ServerError(f"invalid reward percentile: {each}")
            if index and each <= percentiles[index - 1]:
                raise ServerError(
                    f"invalid reward percentile: #{index - 1}:{percentiles[index - 1]} >= #{index}:{each}"
                )

    def _rewards(self, header: Header, percentiles: list[float]) -> list[str]:
        stored: StoredBlock | None = self._reader.chain.block(header.hash)
        if stored is None or not stored.transactions:
            return ["0x0"] * len(percentiles)
        receipts = self._reader.chain.receipts(header.hash)
        paid = sorted(
            (_tip(raw, header), receipt.gas_used)
            for raw, receipt in zip(stored.transactions, receipts, strict=True)
        )
        rewards, index, gas = [], 0, paid[0][1]
        for percentile in percentiles:
            threshold = int(header.gas_used * percentile / 100)
            while gas < threshold and index < len(paid) - 1:
                index += 1
                gas += paid[index][1]
            rewards.append(quantity(paid[index][0]))
        return rewards


def _tip(raw: bytes, header: Header) -> int:
    """Wei per gas that went to the block's producer."""
    tx = decode_transaction(raw)
    return min(tx.max_priority_fee_per_gas, tx.max_fee_per_gas - header.base_fee_per_gas)
