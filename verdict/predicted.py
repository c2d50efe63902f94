"""Where a rollup's contracts will be: the Inbox needs the Portal's address, and the L2 genesis those of the Portal and the
TokenBridge, before they exist. They follow from the deployer's address and the nonces of its next transactions. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from eth_utils import to_checksum_address

from execution.encoding import encode_bytes, encode_int, keccak, wrap_list
from l1.artifacts import address_bytes


def creation_address(deployer: bytes, nonce: int) -> bytes:
    """Of the contract that `deployer` (20 bytes) creates by its transaction `nonce`: 20 bytes."""
    return keccak(wrap_list(encode_bytes(deployer) + encode_int(nonce)))[12:]


def predict(deployer: str, nonce: int, stages: Sequence[str]) -> dict[str, str]:
    """Checksummed addresses by stage, if `deployer` creates them with its transactions from `nonce` on, and no others."""
    account = address_bytes(deployer)
    return {stage: to_checksum_address(creation_address(account, nonce + place)) for place, stage in enumerate(stages)}
