"""The precompiles over elliptic curves: alt_bn128 (EIP-196, EIP-197, prices of EIP-1108) and BLS12-381 (EIP-2537).

py-evm's do the same over py_ecc, at a tenth of a million gas a second: a transaction of 2^24 gas could not be proved
within any time limit. These are over `bn254` and arkworks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from eth.exceptions import VMError
from eth.precompiles.bls12_381.constants import (
    G1_MSM_DISCOUNTS,
    G1_MSM_MAX_DISCOUNT,
    G2_MSM_DISCOUNTS,
    G2_MSM_MAX_DISCOUNT,
)
from gmpy2 import mpz
from py_arkworks_bls12381 import GT, G1Point, G2Point, Scalar

from execution import bn254

_FIELD_PADDING = bytes(16)  # EIP-2537: a field element has 48 bytes, written as 64
_TRUE, _FALSE = (1).to_bytes(32, "big"), bytes(32)


# -- alt_bn128 --


def ecadd(computation: Any) -> None:
    computation.consume_gas(150, "ecadd")
    data = computation.msg.data_as_bytes[:128].ljust(128, b"\x00")
    computation.output = _bn254_bytes(bn254.add(_bn254_g1(data, 0), _bn254_g1(data, 64)))


def ecmul(computation: Any) -> None:
    computation.consume_gas(6_000, "ecmul")
    data = computation.msg.data_as_bytes[:96].ljust(96, b"\x00")
    scalar = int.from_bytes(data[64:], "big")
    computation.output = _bn254_bytes(bn254.multiply(_bn254_g1(data, 0), scalar))


def ecpairing(computation: Any) -> None:
    data = computation.msg.data_as_bytes
    if len(data) % 192:
        raise VMError("ecpairing: the input must be pairs of 192 bytes")
    computation.consume_gas(45_000 + 34_000 * (len(data) // 192), "ecpairing")
    pairs = [(_bn254_g1(data, pos), _bn254_g2(data, pos + 64)) for pos in range(0, len(data), 192)]
    computation.output = _TRUE if bn254.pairing_is_one(pairs) else _FALSE


def _bn254_field(data: bytes, pos: int) -> Any:
    value = mpz(int.from_bytes(data[pos : pos + 32], "big"))
    if value >= bn254.P:
        raise VMError("alt_bn128: not an element of the field")
    return value


def _bn254_g1(data: bytes, pos: int) -> bn254.G1:
    x, y = _bn254_field(data, pos), _bn254_field(data, pos + 32)
    if not x and not y:
        return None
    if not bn254.is_on_g1(x, y):
        raise VMError("alt_bn128: not a point of the curve")
    return x, y


def _bn254_g2(data: bytes, pos: int) -> bn254.G2:
    """EIP-197 puts the imaginary parts first."""
    xb, xa, yb, ya = (_bn254_field(data, pos + 32 * i) for i in range(4))
    if not (xa or xb or ya or yb):
        return None
    if not bn254.is_in_g2((xa, xb), (ya, yb)):
        raise VMError("alt_bn128: not a point of G2")
    return (xa, xb), (ya, yb)


def _bn254_bytes(point: bn254.G1) -> bytes:
    return bytes(64) if point is None else b"".join(int(part).to_bytes(32, "big") for part in point)


# -- BLS12-381 --


def _elements(data: bytes) -> bytes:
    """Field elements of 64 bytes as 48 each; arkworks refuses those that are not below the modulus."""
    parts = []
    for pos in range(0, len(data), 64):
        if data[pos : pos + 16] != _FIELD_PADDING:
            raise VMError("BLS12-381: a field element over 48 bytes")
        parts.append(data[pos + 16 : pos + 64])
    return b"".join(parts)


def _point(group: Any, data: bytes, in_subgroup: bool = True) -> Any:
    point = _checked(group.from_xy_bytes_unchecked_be, data)  # "unchecked" is the subgroup only
    if in_subgroup and not point.is_in_subgroup():
        raise VMError("BLS12-381: a point outside the subgroup")
    return point


def _checked(make: Callable[[bytes], Any], data: bytes) -> Any:
    try:
        return make(_elements(data))
    except ValueError as error:
        raise VMError(f"BLS12-381: {error}") from None


def _output(point: Any) -> bytes:
    data = point.to_xy_bytes_be()
    return b"".join([_FIELD_PADDING + data[pos : pos + 48] for pos in range(0, len(data), 48)])


def _addition(group: Any, size: int, price: int) -> Callable[[Any], None]:
    """Of two points of `size` bytes each, which need not be in the subgroup."""

    def add(computation: Any) -> None:
        data = computation.msg.data_as_bytes
        if len(data) != 2 * size:
            raise VMError(f"BLS12-381 addition: the input must have {2 * size} bytes")
        computation.consume_gas(price, "BLS12-381 addition")
        computation.output = _output(_point(group, data[:size], False) + _point(group, data[size:], False))

    return add


def _multi_multiplication(
    group: Any, size: int, price: int, discounts: Sequence[int], last_discount: int
) -> Callable[[Any], None]:
    """MSM: pairs of a point and a scalar of 32 bytes, which may be above the order."""
    pair = size + 32

    def multiply(computation: Any) -> None:
        data = computation.msg.data_as_bytes
        count = len(data) // pair
        if not data or len(data) % pair:
            raise VMError(f"BLS12-381 MSM: the input must be pairs of {pair} bytes")
        discount = discounts[count - 1] if count <= len(discounts) else last_discount
        computation.consume_gas(count * price * discount // 1000, "BLS12-381 MSM")
        points, scalars = [], []
        for pos in range(0, len(data), pair):
            points.append(_point(group, data[pos : pos + size]))
            scalars.append(Scalar.from_be_bytes_mod_order(data[pos + size : pos + pair]))
        computation.output = _output(group.multiexp_unchecked(points, scalars))

    return multiply


def _map_to_curve(function: Callable[[bytes], Any], size: int, price: int) -> Callable[[Any], None]:
    def map_to_curve(computation: Any) -> None:
        data = computation.msg.data_as_bytes
        if len(data) != size:
            raise VMError(f"BLS12-381 map to curve: the input must have {size} bytes")
        computation.consume_gas(price, "BLS12-381 map to curve")
        computation.output = _output(_checked(function, data))

    return map_to_curve


def bls_pairing(computation: Any) -> None:
    data = computation.msg.data_as_bytes
    if not data or len(data) % 384:
        raise VMError("BLS12-381 pairing: the input must be pairs of 384 bytes")
    computation.consume_gas(37_700 + 32_600 * (len(data) // 384), "BLS12-381 pairing")
    first, second = [], []
    for pos in range(0, len(data), 384):
        first.append(_point(G1Point, data[pos : pos + 128]))
        second.append(_point(G2Point, data[pos + 128 : pos + 384]))
    computation.output = _TRUE if GT.pairing_check(first, second) else _FALSE


CURVE_PRECOMPILES: Mapping[int, Callable[[Any], None]] = {
    0x06: ecadd,
    0x07: ecmul,
    0x08: ecpairing,
    0x0B: _addition(G1Point, 128, 375),
    0x0C: _multi_multiplication(G1Point, 128, 12_000, G1_MSM_DISCOUNTS, G1_MSM_MAX_DISCOUNT),
    0x0D: _addition(G2Point, 256, 600),
    0x0E: _multi_multiplication(G2Point, 256, 22_500, G2_MSM_DISCOUNTS, G2_MSM_MAX_DISCOUNT),
    0x0F: bls_pairing,
    0x10: _map_to_curve(G1Point.map_from_fp_be, 64, 5_500),
    0x11: _map_to_curve(G2Point.map_from_fp2_be, 128, 23_800),
}
