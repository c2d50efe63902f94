"""An L1 that does what a test says: a pool with replacement rules, blocks on demand, reorgs, drops, fee spikes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import rlp
from eth_account import Account
from eth_hash.auto import keccak

from l1.rpc_errors import RpcError

GWEI = 10**9


@dataclass
class PooledTx:
    hash: str
    sender: str
    nonce: int
    tip: int
    max_fee: int
    blob_fee: int | None


@dataclass
class ScriptedL1:
    chain_id: int = 1337
    base_fee: int = GWEI
    blob_base_fee: int = 1
    tip: int = GWEI
    balance_ok: bool = True
    estimate_error: RpcError | None = None
    call_error: RpcError | None = None
    offline: bool = False
    refuse_cell_proofs: bool = False
    revert_next: bool = False
    pool: dict[tuple[str, int], PooledTx] = field(default_factory=dict)
    blocks: list[list[tuple[PooledTx, int]]] = field(default_factory=lambda: [[]])
    received: list[PooledTx] = field(default_factory=list)
    methods: list[str] = field(default_factory=list)

    async def request(self, method: str, params: list[Any]) -> Any:
        self.methods.append(method)
        if self.offline:
            raise ConnectionError("scripted L1 is offline")
        return getattr(self, method)(*params)

    # ---- what a test does

    def mine(self, *, only: int | None = None) -> None:
        """A block with whatever can pay, in nonce order; at most `only` transactions."""
        included: list[tuple[PooledTx, int]] = []
        for key in sorted(self.pool):
            tx = self.pool[key]
            if only is not None and len(included) >= only:
                break
            if tx.nonce != self._nonce(tx.sender) + sum(1 for t, _ in included if t.sender == tx.sender):
                continue
            if tx.max_fee < self.base_fee or (tx.blob_fee is not None and tx.blob_fee < self.blob_base_fee):
                continue
            included.append((tx, 0 if self.revert_next else 1))
            self.revert_next = False
        for tx, _ in included:
            del self.pool[(tx.sender, tx.nonce)]
        self.blocks.append(included)

    def reorg(self, depth: int, *, keep_in_pool: bool = False) -> None:
        """Drops the last blocks and what was in them."""
        for _ in range(depth):
            for tx, _status in self.blocks.pop():
                if keep_in_pool:
                    self.pool[(tx.sender, tx.nonce)] = tx

    def usurp(self, sender: str, nonce: int) -> None:
        """Someone else's transaction with that nonce is mined."""
        self.pool.pop((sender, nonce), None)
        self.blocks.append([(PooledTx("0x" + "ee" * 32, sender, nonce, 1, 1, None), 1)])

    # ---- JSON-RPC

    def eth_blockNumber(self) -> str:
        return hex(len(self.blocks) - 1)

    def eth_getTransactionCount(self, address: str, block: str) -> str:
        if block not in ("latest", "pending"):
            return hex(self._nonce(address, int(block, 16) + 1))
        nonce = self._nonce(address)
        while block == "pending" and (address.lower(), nonce) in self.pool:
            nonce += 1
        return hex(nonce)

    def eth_feeHistory(self, *_: object) -> dict:
        return {"baseFeePerGas": [hex(self.base_fee)] * 2, "reward": [[hex(self.tip)]],
                "baseFeePerBlobGas": [hex(self.blob_base_fee)] * 2}

    def eth_estimateGas(self, call: dict) -> str:
        if self.estimate_error:
            raise self.estimate_error
        return hex(50_000)

    def eth_call(self, *_: object) -> str:
        if self.call_error:
            raise self.call_error
        return "0x"

    def eth_sendRawTransaction(self, text: str) -> str:
        tx = self._decode(bytes.fromhex(text[2:]))
        if not self.balance_ok:
            raise RpcError(-32000, "insufficient funds for gas * price + value: balance 0, tx cost 1")
        if tx.nonce < self._nonce(tx.sender):
            raise RpcError(-32000, "nonce too low: next nonce 9, tx nonce 1")
        old = self.pool.get((tx.sender, tx.nonce))
        if old is not None and old.hash == tx.hash:
            raise RpcError(-32000, "already known")
        if old is not None:
            factor = 110 if old.blob_fee is None else 200
            rises = [(old.tip, tx.tip), (old.max_fee, tx.max_fee)]
            if old.blob_fee is not None:
                rises.append((old.blob_fee, tx.blob_fee or 0))
            if any(new * 100 < before * factor for before, new in rises):
                raise RpcError(-32000, "replacement transaction underpriced")
        self.pool[(tx.sender, tx.nonce)] = tx
        self.received.append(tx)
        return tx.hash

    def eth_getTransactionByHash(self, tx_hash: str) -> dict | None:
        known = any(tx.hash == tx_hash for tx in self.pool.values()) or self._find(tx_hash)
        return {"hash": tx_hash} if known else None

    def eth_getTransactionReceipt(self, tx_hash: str) -> dict | None:
        if (found := self._find(tx_hash)) is None:
            return None
        number, status = found
        return {"transactionHash": tx_hash, "blockNumber": hex(number), "blockHash": "0x" + f"{number:064x}",
                "status": hex(status), "gasUsed": hex(40_000), "effectiveGasPrice": hex(1), "logs": []}

    def _find(self, tx_hash: str) -> tuple[int, int] | None:
        for number, block in enumerate(self.blocks):
            for tx, status in block:
                if tx.hash == tx_hash:
                    return number, status
        return None

    def _nonce(self, address: str, upto: int | None = None) -> int:
        return sum(1 for block in self.blocks[:upto] for tx, _ in block if tx.sender == address.lower())

    def _decode(self, raw: bytes) -> PooledTx:
        fields = rlp.decode(raw[1:])
        body = raw
        if raw[0] == 3:
            if len(fields) == 5 and self.refuse_cell_proofs:
                raise RpcError(-32000, "rlp: expected input list, unknown sidecar version")
            fields = fields[0]
            body = b"\x03" + rlp.encode(fields)
        number = [int.from_bytes(f, "big") if isinstance(f, bytes) else 0 for f in fields]
        return PooledTx(hash="0x" + keccak(body).hex(), sender=Account.recover_transaction(body).lower(),
                        nonce=number[1], tip=number[2], max_fee=number[3],
                        blob_fee=number[9] if raw[0] == 3 else None)
