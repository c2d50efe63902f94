"""Accounts: balance, nonce, code, storage and their proofs (EIP-1186)."""

from __future__ import annotations

from typing import Annotated, Any

from execution.encoding import EMPTY_CODE_HASH, EMPTY_ROOT
from rpc.codec import LATEST, Address, Block, Decoder, Slot, data, json_type, parse_slot, quantity
from rpc.dispatch import method
from rpc.errors import InvalidParams
from rpc.eth.reader import ChainReader
from rpc.limits import EthLimits


def _parse_keys(value: Any) -> list[tuple[str, bytes]]:
    """Storage keys with the form in which the answer repeats them: padded if the caller's were, else short."""
    if not isinstance(value, list):
        raise InvalidParams(f"expected an array, got {json_type(value)}")
    keys = []
    for given in value:
        slot = parse_slot(given)
        keys.append((data(slot) if len(given) == 66 else quantity(int.from_bytes(slot, "big")), slot))
    return keys


Keys = Annotated[list[tuple[str, bytes]], Decoder(_parse_keys)]


class StateMethods:
    def __init__(self, reader: ChainReader, limits: EthLimits) -> None:
        self._reader = reader
        self._limits = limits

    @method("eth_getBalance")
    def get_balance(self, address: Address, block: Block = LATEST) -> str:
        return quantity(self._reader.world(block).get_balance(address))

    @method("eth_getTransactionCount")
    def get_transaction_count(self, address: Address, block: Block = LATEST) -> str:
        nonce = self._reader.world(block).get_nonce(address)
        if block.ref == "pending":
            nonce = max(nonce, self._reader.chain.pool.pending_nonce(address) or 0)
        return quantity(nonce)

    @method("eth_getCode")
    def get_code(self, address: Address, block: Block = LATEST) -> str:
        return data(self._reader.world(block).get_code(address))

    @method("eth_getStorageAt")
    def get_storage_at(self, address: Address, slot: Slot, block: Block = LATEST) -> str:
        value = self._reader.world(block).get_storage(address, int.from_bytes(slot, "big"))
        return data(value.to_bytes(32, "big"))

    @method("eth_getProof", heavy=True)
    def get_proof(self, address: Address, storage_keys: Keys, block: Block = LATEST) -> dict[str, Any]:
        if len(storage_keys) > self._limits.max_proof_keys:
            raise InvalidParams(f"too many keys (max {self._limits.max_proof_keys})")
        world = self._reader.world(block)
        account = world.account(address)
        storage = []
        for shown, key in storage_keys:
            slot = int.from_bytes(key, "big")
            storage.append(
                {
                    "key": shown,
                    "value": quantity(world.get_storage(address, slot)),
                    "proof": [data(node) for node in world.storage_proof(address, slot)],
                }
            )
        return {
            "address": data(address),
            "accountProof": [data(node) for node in world.account_proof(address)],
            "balance": quantity(0 if account is None else account.balance),
            "codeHash": data(EMPTY_CODE_HASH if account is None else account.code_hash),
            "nonce": quantity(0 if account is None else account.nonce),
            "storageHash": data(EMPTY_ROOT if account is None else account.storage_root),
            "storageProof": storage,
        }
