"""alt_bn128 (EIP-196, EIP-197): points of G1 and G2, and the check that a product of pairings is one.

py_ecc, the reference the tests compare with, needs 300 ms for a pairing: a transaction of 2^24 gas would take minutes.
No library of PyPI has this curve with wheels for every Python we run on, so it is written here over gmpy2's integers:
affine coordinates (an inversion costs no more than 20 multiplications), and Fp12 as polynomials in w over Fp whose
products are products of single large integers. Nothing here is secret, so no time needs to be constant.

Points are (x, y), None is infinity; Fp2 elements are (a, b) for a + b*i, i^2 = -1. Fp12 is Fp[w] / (w^12 - 18 w^6 + 82),
so that w^6 = 9 + i, and a point (x, y) of the twist stands for (x w^2, y w^3) on the curve.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from gmpy2 import invert, mpz, pack, unpack

Fp2: TypeAlias = "tuple[Any, Any]"
G1: TypeAlias = "tuple[Any, Any] | None"
G2: TypeAlias = "tuple[Fp2, Fp2] | None"
Fp12: TypeAlias = "list[Any]"  # 12 coefficients, lowest first

P = mpz(21888242871839275222246405745257275088696311157297823662689037894645226208583)
N = mpz(21888242871839275222246405745257275088548364400416034343698204186575808495617)  # order of G1 and G2

_X = 4965661367192848881  # the BN parameter: p and n are polynomials in it
_ATE_LOOP = bin(6 * _X + 2)[3:]
_TWIST_B: Fp2 = (
    mpz(19485874751759354771024239261021720505790618469301721065564631296452457478373),
    mpz(266929791119991161246907387137283842545076965332900288569378510910307636690),
)
_HARD_PART = bin((P**4 - P**2 + 1) // N)[3:]
_SLOT = 512  # bits: a sum of 12 products of two coefficients fits


# -- G1 --


def is_on_g1(x: int, y: int) -> bool:
    """G1 is the whole curve: its cofactor is one."""
    return (y * y - x * x * x - 3) % P == 0


def add(one: G1, other: G1) -> G1:
    if one is None or other is None:
        return one or other
    (x1, y1), (x2, y2) = one, other
    if x1 != x2:
        slope = (y2 - y1) * invert(x2 - x1, P) % P
    elif y1 == y2:  # no point has y = 0: the order is odd
        slope = 3 * x1 * x1 * invert(2 * y1, P) % P
    else:
        return None
    x = (slope * slope - x1 - x2) % P
    return x, (slope * (x1 - x) - y1) % P


def multiply(point: G1, scalar: int) -> G1:
    result: G1 = None
    for bit in bin(scalar % N)[2:]:
        result = add(result, result)
        if bit == "1":
            result = add(result, point)
    return result


# -- Fp2 and G2 --


def _mul(one: Fp2, other: Fp2) -> Fp2:
    (a, b), (c, d) = one, other
    return (a * c - b * d) % P, (a * d + b * c) % P


def _inverse(element: Fp2) -> Fp2:
    a, b = element
    inverted = invert(a * a + b * b, P)
    return a * inverted % P, -b * inverted % P


def _sub(one: Fp2, other: Fp2) -> Fp2:
    return (one[0] - other[0]) % P, (one[1] - other[1]) % P


def _power(base: Fp2, exponent: int) -> Fp2:
    result = (mpz(1), mpz(0))
    for bit in bin(exponent)[2:]:
        result = _mul(result, result)
        if bit == "1":
            result = _mul(result, base)
    return result


def _slope(one: tuple[Fp2, Fp2], other: tuple[Fp2, Fp2]) -> Fp2 | None:
    """Of the line through two points, or of the tangent if they are one; None if it is vertical."""
    (x1, y1), (x2, y2) = one, other
    if x1 != x2:
        return _mul(_sub(y2, y1), _inverse(_sub(x2, x1)))
    if y1 != y2 or y1 == (0, 0):
        return None
    a, b = _mul(x1, x1)
    return _mul((3 * a, 3 * b), _inverse((2 * y1[0], 2 * y1[1])))


def _third(slope: Fp2, one: tuple[Fp2, Fp2], other: tuple[Fp2, Fp2]) -> tuple[Fp2, Fp2]:
    """The sum of the points on a line of this slope."""
    (x1, y1), (x2, _) = one, other
    a, b = _mul(slope, slope)
    x = ((a - x1[0] - x2[0]) % P, (b - x1[1] - x2[1]) % P)
    return x, _sub(_mul(slope, _sub(x1, x)), y1)


def _add(one: G2, other: G2) -> G2:
    if one is None or other is None:
        return one or other
    slope = _slope(one, other)
    return None if slope is None else _third(slope, one, other)


_FROBENIUS_X = _power((mpz(9), mpz(1)), (P - 1) // 3)
_FROBENIUS_Y = _power((mpz(9), mpz(1)), (P - 1) // 2)


def _frobenius(point: tuple[Fp2, Fp2]) -> tuple[Fp2, Fp2]:
    """The p-power map of the curve, seen on the twist."""
    (xa, xb), (ya, yb) = point
    return _mul((xa, -xb), _FROBENIUS_X), _mul((ya, -yb), _FROBENIUS_Y)


def is_in_g2(x: Fp2, y: Fp2) -> bool:
    """On the twist and of order n.

    With the Frobenius map f, f^2 - t f + p = 0 and t = 6X^2 + 1. If f(Q) = 6X^2 Q then (6X^2)^2 - t 6X^2 + p = p - 6X^2
    = n takes Q to infinity; and in the only subgroup of order n f is multiplication by p = 6X^2 (mod n).
    """
    if _sub(_mul(y, y), _mul(_mul(x, x), x)) != _TWIST_B:
        return False
    point = (x, y)
    multiple: G2 = None
    for bit in bin(6 * _X * _X)[2:]:
        multiple = _add(multiple, multiple)
        if bit == "1":
            multiple = _add(multiple, point)
    return multiple == _frobenius(point)


# -- Fp12 and the pairing --


def _multiply(one: Fp12, other: Fp12) -> Fp12:
    """One product of two integers that hold the coefficients side by side."""
    c = unpack(pack(one, _SLOT) * pack(other, _SLOT), _SLOT)
    c += [0] * (23 - len(c))
    for i in range(22, 11, -1):  # w^12 = 18 w^6 - 82
        high = c[i]
        c[i - 6] += 18 * high
        c[i - 12] -= 82 * high
    return [coefficient % P for coefficient in c[:12]]


def _line(slope: Fp2, at: tuple[Fp2, Fp2], point: tuple[Any, Any]) -> Fp12:
    """y_P - slope x_P w + (slope x - y) w^3: the line of a slope through `at`, at the point P of G1. Never zero."""
    (a, b), (x, y) = slope, point
    c, d = _sub(_mul(slope, at[0]), at[1])
    a, b = -a * x % P, -b * x % P
    # a + b i = (a - 9 b) + b w^6
    return [y, (a - 9 * b) % P, 0, (c - 9 * d) % P, 0, 0, 0, b, 0, d, 0, 0]


def _miller(value: Fp12, pairs: Sequence[tuple[tuple[Any, Any], tuple[Fp2, Fp2]]]) -> Fp12:
    """The optimal ate pairings of all pairs at once, before the final exponentiation."""
    sums = [q for _, q in pairs]

    def step(value: Fp12, index: int, other: tuple[Fp2, Fp2]) -> Fp12:
        current = sums[index]
        slope = _slope(current, other)
        assert slope is not None  # the sums are small multiples of a point of order n
        sums[index] = _third(slope, current, other)
        return _multiply(value, _line(slope, current, pairs[index][0]))

    for bit in _ATE_LOOP:
        value = _multiply(value, value)
        for index in range(len(pairs)):
            value = step(value, index, sums[index])
            if bit == "1":
                value = step(value, index, pairs[index][1])
    for index, (_, q) in enumerate(pairs):
        once = _frobenius(q)
        x, y = _frobenius(once)
        value = step(value, index, once)
        # Of the last sum only the line is wanted.
        minus = (x, (-y[0] % P, -y[1] % P))
        slope = _slope(sums[index], minus)
        assert slope is not None
        value = _multiply(value, _line(slope, sums[index], pairs[index][0]))
    return value


_ONE: Fp12 = [mpz(1)] + [mpz(0)] * 11
# w^(p^2) = w (w^6)^((p^2 - 1) / 6), and that power lies in Fp.
_SQUARED_FROBENIUS = [_power((mpz(9), mpz(1)), i * (P * P - 1) // 6)[0] for i in range(12)]


def pairing_is_one(pairs: Sequence[tuple[G1, G2]]) -> bool:
    """Whether the product of e(p, q) is one. Every p must be in G1, every q in G2."""
    finite = [(p, q) for p, q in pairs if p is not None and q is not None]
    if not finite:
        return True
    value = _miller(_ONE, finite)
    # The final exponent is (p^6 - 1) (p^2 + 1) (p^4 - p^2 + 1) / n. The first factor comes last: x^(p^6) = x says that
    # it gives one, and x^(p^6) is x with w negated.
    value = _multiply(value, [c * k % P for c, k in zip(value, _SQUARED_FROBENIUS, strict=True)])
    table = [_ONE, value]
    for _ in range(14):
        table.append(_multiply(table[-1], value))
    result = value
    digits = _HARD_PART
    head = len(digits) % 4
    for bit in digits[:head]:
        result = _multiply(result, result)
        if bit == "1":
            result = _multiply(result, value)
    for start in range(head, len(digits), 4):
        for _ in range(4):
            result = _multiply(result, result)
        index = int(digits[start : start + 4], 2)
        if index:
            result = _multiply(result, table[index])
    return not any(result[1::2])
