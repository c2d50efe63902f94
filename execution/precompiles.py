"""Prague's precompiled contracts: py-evm's, but for those where it is slow, relies on `assert`, or is inexact."""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import ckzg
import coincurve
import eth
import gmpy2
from blake2b import compress
from eth.exceptions import OutOfGas, VMError
from eth.vm.forks.prague.computation import PRAGUE_PRECOMPILES

from execution.curve_precompiles import CURVE_PRECOMPILES
from execution.encoding import keccak

Precompile = Callable[[Any], Any]

_BLAKE2F_INPUT = struct.Struct("<8Q16Q2Q")

SECP256K1_N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_BLS_MODULUS = 52435875175126190479447740508185965837690552500527637822603658699938581184513
_POINT_EVALUATION_OUTPUT = (4096).to_bytes(32, "big") + _BLS_MODULUS.to_bytes(32, "big")


def precompile_address(number: int) -> bytes:
    return number.to_bytes(20, "big")


@lru_cache(maxsize=1)
def trusted_setup() -> Any:
    """The KZG ceremony's setup (EIP-4844). Loading takes seconds, so once a process."""
    path = os.path.join(os.path.dirname(eth.__file__), "_utils", "kzg_trusted_setup.txt")
    return ckzg.load_trusted_setup(path, 0)


def recover(message_hash: bytes, r: int, s: int, y_parity: int) -> bytes | None:
    """The signer's address, or None if nothing signs so. `r` and `s` must be in 1 .. n-1."""
    if not (0 < r < SECP256K1_N and 0 < s < SECP256K1_N and y_parity in (0, 1)):
        return None
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes((y_parity,))
    try:
        key = coincurve.PublicKey.from_signature_and_message(signature, message_hash, hasher=None)
    except Exception:  # noqa: BLE001 - bare Exception or ValueError: no such point, or infinity
        return None
    return keccak(key.format(compressed=False)[1:])[12:]


def ecrecover(computation: Any) -> None:
    computation.consume_gas(3000, "ecrecover")
    data = computation.msg.data_as_bytes[:128].ljust(128, b"\x00")
    v, r, s = (int.from_bytes(data[i : i + 32], "big") for i in (32, 64, 96))
    if v in (27, 28):
        address = recover(data[:32], r, s, v - 27)
        if address is not None:
            computation.output = address.rjust(32, b"\x00")


def point_evaluation(computation: Any) -> None:
    """EIP-4844, 0x0a."""
    data = computation.msg.data_as_bytes
    if len(data) != 192:
        raise VMError("point evaluation: the input must have 192 bytes")
    computation.consume_gas(50_000, "point evaluation")
    commitment = data[96:144]
    if b"\x01" + hashlib.sha256(commitment).digest()[1:] != data[:32]:
        raise VMError("point evaluation: the commitment does not match the versioned hash")
    try:
        valid = ckzg.verify_kzg_proof(commitment, data[32:64], data[64:96], data[144:192], trusted_setup())
    except Exception as error:  # noqa: BLE001 - ckzg raises RuntimeError for points off the curve and scalars out of range
        raise VMError(f"point evaluation: {error}") from None
    if not valid:
        raise VMError("point evaluation: wrong proof")
    computation.output = _POINT_EVALUATION_OUTPUT


def modexp(computation: Any) -> None:
    """EIP-198 with EIP-2565's price; lengths up to 2^256-1 must not cost memory or time before they are paid."""
    data = computation.msg.data_as_bytes
    base_size, exponent_size, modulus_size = (
        int.from_bytes(data[i : i + 32].ljust(32, b"\x00"), "big") for i in (0, 32, 64)
    )
    head_size = min(32, exponent_size)
    head = int.from_bytes(_padded(data, 96 + base_size, head_size), "big")
    iterations = max(head.bit_length() - 1, 0)
    if exponent_size > 32:
        iterations += 8 * (exponent_size - 32)
    words = (max(base_size, modulus_size) + 7) // 8
    computation.consume_gas(max(200, words * words * max(iterations, 1) // 3), "modexp")
    if base_size == 0 and modulus_size == 0:
        return
    # With neither base nor modulus the price is 200 whatever the exponent's length, so it is not read then;
    # otherwise the price bounds all three lengths.
    base = int.from_bytes(_padded(data, 96, base_size), "big")
    modulus = int.from_bytes(_padded(data, 96 + base_size + exponent_size, modulus_size), "big")
    if modulus == 0:
        computation.output = bytes(modulus_size)
        return
    exponent = int.from_bytes(_padded(data, 96 + base_size, exponent_size), "big")
    # Ten times as fast as pow, which would need eight seconds for 2^24 gas.
    computation.output = int(gmpy2.powmod(base, exponent, modulus)).to_bytes(modulus_size, "big")


def blake2f(computation: Any) -> None:
    """EIP-152. py-evm takes 60 microseconds to take its input apart, and zero rounds cost nothing."""
    data = computation.msg.data_as_bytes
    if len(data) != 213 or data[212] > 1:
        raise VMError("blake2f: the input must have 213 bytes, the last 0 or 1")
    rounds = int.from_bytes(data[:4], "big")
    words = _BLAKE2F_INPUT.unpack(data[4:212])
    computation.consume_gas(rounds, "blake2f")
    computation.output = compress(rounds, words[:8], words[8:24], words[24:], bool(data[212]))


def _padded(data: bytes, start: int, size: int) -> bytes:
    if size > 1 << 32:
        raise OutOfGas("length beyond what any gas can pay")
    return data[start : start + size].ljust(size, b"\x00")


PRECOMPILES: Mapping[bytes, Precompile] = {
    **PRAGUE_PRECOMPILES,
    precompile_address(0x01): ecrecover,
    precompile_address(0x05): modexp,
    precompile_address(0x09): blake2f,
    precompile_address(0x0A): point_evaluation,
    **{precompile_address(number): function for number, function in CURVE_PRECOMPILES.items()},
}
