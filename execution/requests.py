"""Execution layer requests: EIP-7685, of EIP-6110 (deposits), EIP-7002 (exits) and EIP-7251 (consolidations)."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

from execution.receipt import Log

DEPOSIT_REQUEST_TYPE, WITHDRAWAL_REQUEST_TYPE, CONSOLIDATION_REQUEST_TYPE = b"\x00", b"\x01", b"\x02"

DEPOSIT_CONTRACT_ADDRESS = bytes.fromhex("00000000219ab540356cbb839cbe05303d7705fa")
_DEPOSIT_EVENT = bytes.fromhex("649bbc62d0e31342afea4e5cd82d4049e7e1ee912fc0889aa790803be39038c5")
_DEPOSIT_EVENT_SIZE = 576
# (offset, size) of public key, withdrawal credentials, amount, signature, index in the ABI-encoded event.
_DEPOSIT_LAYOUT = ((160, 48), (256, 32), (320, 8), (384, 96), (512, 8))


class InvalidDepositEvent(ValueError):
    """An event of the deposit contract with another layout makes the block invalid."""


def deposit_requests(logs: Iterable[Log]) -> bytes:
    """EIP-6110 request data of the deposit events among `logs`, in order."""
    requests = []
    for log in logs:
        if log.address == DEPOSIT_CONTRACT_ADDRESS and log.topics and log.topics[0] == _DEPOSIT_EVENT:
            requests.append(_deposit(log.data))
    return b"".join(requests)


def _deposit(data: bytes) -> bytes:
    if len(data) != _DEPOSIT_EVENT_SIZE:
        raise InvalidDepositEvent(f"{len(data)} bytes")
    fields = []
    for i, (offset, size) in enumerate(_DEPOSIT_LAYOUT):
        if int.from_bytes(data[32 * i : 32 * i + 32], "big") != offset:
            raise InvalidDepositEvent(f"offset of field {i}")
        if int.from_bytes(data[offset : offset + 32], "big") != size:
            raise InvalidDepositEvent(f"size of field {i}")
        fields.append(data[offset + 32 : offset + 32 + size])
    return b"".join(fields)


def requests_hash(requests: Iterable[bytes]) -> bytes:
    """EIP-7685; each request begins with its type, those without data are left out."""
    return sha256(b"".join(sha256(request).digest() for request in requests)).digest()
