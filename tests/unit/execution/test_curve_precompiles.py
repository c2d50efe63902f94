"""alt_bn128, BLS12-381 and blake2f against py-evm's own precompiles, which are over py_ecc; modexp against `pow`.

What is compared is what a caller sees: success, output and gas. The inputs are made to be valid, nearly valid, and not.
"""

from __future__ import annotations

import random
from functools import cache

import pytest
from eth.vm.forks.prague.computation import PRAGUE_PRECOMPILES
from py_ecc import optimized_bls12_381 as bls
from py_ecc import optimized_bn128 as bn

from execution import bn254
from execution.precompiles import PRECOMPILES, precompile_address
from execution.rules import Rules
from execution.simulation import CallFields
from tests.unit.execution.test_vm import builder_for

ADD, MUL, PAIRING = 6, 7, 8
G1_ADD, G1_MSM, G2_ADD, G2_MSM, BLS_PAIRING, MAP_G1, MAP_G2 = range(0x0B, 0x12)
BN_P, BLS_P = bn.field_modulus, bls.field_modulus
BUILDERS = {
    "ours": builder_for(b""),
    "py-evm": builder_for(b"", rules=Rules(1, precompiles=PRAGUE_PRECOMPILES, tx_gas_cap=None)),
}


def outcome(engine: str, number: int, data: bytes) -> tuple[bool, bytes, int]:
    result = BUILDERS[engine].call(CallFields(to=precompile_address(number), data=data, gas=9_000_000))
    return result.error is None, result.output, result.gas_used


def agree(number: int, data: bytes) -> bool:
    """Whether both say that it succeeds."""
    ours = outcome("ours", number, data)
    assert ours == outcome("py-evm", number, data), (number, data.hex())
    return ours[0]


# -- points: in the subgroup, on the curve only, infinity, and not points at all --


@cache
def bn_g1(k: int) -> bytes:
    if k % bn.curve_order == 0:
        return bytes(64)
    return b"".join(int(c).to_bytes(32, "big") for c in bn.normalize(bn.multiply(bn.G1, k)))


@cache
def bn_g2(k: int) -> bytes:
    x, y = bn.normalize(bn.multiply(bn.G2, k))
    return b"".join(int(c).to_bytes(32, "big") for v in (x, y) for c in reversed(v.coeffs))


@cache
def bls_point(group: int, k: int) -> bytes:
    """k times the generator of G1 or G2."""
    x, y = bls.normalize(bls.multiply((bls.G1, bls.G2)[group - 1], k))
    return b"".join(int(c).to_bytes(64, "big") for v in (x, y) for c in (v.coeffs if group == 2 else (v,)))


@cache
def bls_outside(group: int, seed: int) -> bytes:
    """A point of the curve outside the subgroup; those with a small x are not in it."""
    if group == 1:
        x = seed
        while pow(x**3 + 4, (BLS_P - 1) // 2, BLS_P) != 1:
            x += 1
        return x.to_bytes(64, "big") + pow(x**3 + 4, (BLS_P + 1) // 4, BLS_P).to_bytes(64, "big")
    from py_ecc.bls.point_compression import modular_squareroot_in_FQ2

    while True:
        x = bls.FQ2((seed, 1))
        y = modular_squareroot_in_FQ2(x * x * x + bls.b2)
        if y is not None:
            return b"".join(int(c).to_bytes(64, "big") for v in (x, y) for c in v.coeffs)
        seed += 1


def bn_outside(seed: int) -> bytes:
    """A point of alt_bn128's twist that is not in G2."""
    while True:
        x = bn.FQ2((seed, 1))
        square = x * x * x + bn.b2
        # p = 3 (mod 4): a root of the norm, then of the half trace
        a, b = (int(c) for c in square.coeffs)
        norm = pow(a * a + b * b, (BN_P + 1) // 4, BN_P)
        for root in (norm, -norm):
            half = (a + root) * pow(2, -1, BN_P) % BN_P
            real = pow(half, (BN_P + 1) // 4, BN_P)
            if real and real * real % BN_P == half:
                y = bn.FQ2((real, b * pow(2 * real, -1, BN_P) % BN_P))
                if y * y == square:
                    return b"".join(int(c).to_bytes(32, "big") for v in (x, y) for c in reversed(v.coeffs))
        seed += 1


def bend(data: bytes, rng: random.Random, modulus: int, width: int) -> bytes:
    """Nearly valid: another byte, a length, a coordinate of the modulus or above it."""
    kind = rng.randrange(6)
    if kind == 0:
        return data[:-1]
    if kind == 1:
        return data + b"\x00"
    pos = rng.randrange(max(len(data) // width, 1)) * width
    if kind == 2:
        return data[:pos] + modulus.to_bytes(width, "big") + data[pos + width :]
    if kind == 3:
        value = (int.from_bytes(data[pos : pos + width], "big") + modulus) % (1 << 8 * width)
        return data[:pos] + value.to_bytes(width, "big") + data[pos + width :]
    if kind == 4:
        return data[:pos] + bytes(width) + data[pos + width :]
    at = rng.randrange(max(len(data), 1))
    return data[:at] + bytes((rng.randrange(256),)) + data[at + 1 :]


SCALARS = (0, 1, 2, bn.curve_order - 1, bn.curve_order, bn.curve_order + 1, bls.curve_order, 2**256 - 1)


def bn_points(rng: random.Random) -> bytes:
    return bn_g1(rng.choice((0, 1, 2, 3, bn.curve_order - 1, rng.randrange(50))))


def bls_points(group: int, rng: random.Random) -> bytes:
    kind = rng.randrange(8)
    if kind == 0:
        return bytes(128 * group)
    if kind == 1:
        return bls_outside(group, rng.randrange(1, 5))
    return bls_point(group, rng.choice((1, 2, bls.curve_order - 1, rng.randrange(1, 20))))


def inputs(number: int, rng: random.Random) -> bytes:
    scalar = rng.choice((*SCALARS, rng.randrange(2**256))).to_bytes(32, "big")
    group = 1 if number in (G1_ADD, G1_MSM) else 2
    if number == ADD:
        return bn_points(rng) + bn_points(rng)
    if number == MUL:
        return bn_points(rng) + scalar
    if number in (G1_ADD, G2_ADD):
        return bls_points(group, rng) + bls_points(group, rng)
    if number in (G1_MSM, G2_MSM):
        return b"".join(
            bls_points(group, rng) + rng.choice((scalar, rng.randbytes(32))) for _ in range(rng.randrange(1, 4))
        )
    coefficients = 1 if number == MAP_G1 else 2
    return b"".join(
        rng.choice((0, 1, BLS_P - 1, rng.randrange(BLS_P))).to_bytes(64, "big") for _ in range(coefficients)
    )


def compare(number: int, count: int) -> None:
    rng = random.Random(number)
    modulus, width = (BN_P, 32) if number in (ADD, MUL) else (BLS_P, 64)
    succeeded = 0
    for _ in range(count):
        data = inputs(number, rng)
        succeeded += agree(number, data)
        agree(number, bend(data, rng, modulus, width))
    assert succeeded


@pytest.mark.parametrize(
    ("number", "count"),
    [(ADD, 40), (MUL, 15), (G1_ADD, 40), (G2_ADD, 30), (G1_MSM, 6), (G2_MSM, 3), (MAP_G1, 8), (MAP_G2, 5)],
)
def test_same_as_py_evm(number, count):
    compare(number, count)


@pytest.mark.slow
@pytest.mark.parametrize("number", [ADD, MUL, G1_ADD, G2_ADD, G1_MSM, G2_MSM, MAP_G1, MAP_G2])
def test_same_as_py_evm_on_many(number):
    compare(number, 1500 if number in (ADD, G1_ADD, G2_ADD) else 150)


def bn_pairs(a: int, b: int, change: int = 0) -> bytes:
    """e(a G1, b G2) e(-(a b + change) G1, G2): one if `change` is zero."""
    return bn_g1(a) + bn_g2(b) + bn_g1(-(a * b + change) % bn.curve_order) + bn_g2(1)


def bls_pairs(a: int, b: int, change: int = 0) -> bytes:
    other = -(a * b + change) % bls.curve_order
    return bls_point(1, a) + bls_point(2, b) + bls_point(1, other) + bls_point(2, 1)


def test_pairings():
    assert agree(PAIRING, b"")
    assert agree(PAIRING, bn_pairs(3, 5))
    assert outcome("ours", PAIRING, bn_pairs(3, 5))[1] == (1).to_bytes(32, "big")
    assert agree(PAIRING, bn_pairs(3, 5, 1))
    assert agree(PAIRING, bytes(64) + bn_g2(1))
    assert agree(PAIRING, bn_g1(1) + bytes(128))
    assert not agree(PAIRING, bn_g1(1) + bn_outside(1))
    assert not agree(PAIRING, bn_pairs(3, 5)[:-1])
    assert agree(BLS_PAIRING, bls_pairs(3, 5))
    assert outcome("ours", BLS_PAIRING, bls_pairs(3, 5))[1] == (1).to_bytes(32, "big")
    assert agree(BLS_PAIRING, bls_pairs(3, 5, 1))
    assert not agree(BLS_PAIRING, b"")
    assert not agree(BLS_PAIRING, bls_outside(1, 1) + bls_point(2, 1))
    assert not agree(BLS_PAIRING, bls_point(1, 1) + bls_outside(2, 1))


@pytest.mark.slow
def test_pairings_of_many():
    rng = random.Random(8)
    for _ in range(60):
        a, b, change = rng.randrange(1, 99), rng.randrange(1, 99), rng.choice((0, 0, 1))
        for number, data, modulus, width in (
            (PAIRING, bn_pairs(a, b, change), BN_P, 32), (BLS_PAIRING, bls_pairs(a, b, change), BLS_P, 64)
        ):  # fmt: skip
            assert agree(number, data)
            agree(number, bend(data, rng, modulus, width))


def test_alt_bn128_by_its_own_laws():
    """More than py_ecc has time for: bilinearity, and the subgroup check against the order itself."""
    rng = random.Random(254)
    generator = tuple(map(bn254.mpz, (1, 2)))
    second = tuple(tuple(bn254.mpz(int(c)) for c in v.coeffs) for v in bn.G2[:2])
    for _ in range(10):
        a, b = rng.randrange(1, int(bn254.N)), rng.randrange(1, int(bn254.N))
        q = None
        for bit in bin(b)[2:]:
            q = bn254._add(q, q)
            q = bn254._add(q, second) if bit == "1" else q
        assert bn254.is_in_g2(*q)
        product = bn254.multiply(generator, -a * b)
        assert bn254.pairing_is_one([(bn254.multiply(generator, a), q), (product, second)])
        assert not bn254.pairing_is_one([(bn254.multiply(generator, a + 1), q), (product, second)])
    for seed in range(10):
        outside = bn_outside(1 + 7 * seed)
        xb, xa, yb, ya = (bn254.mpz(int.from_bytes(outside[i : i + 32], "big")) for i in range(0, 128, 32))
        assert not bn254.is_in_g2((xa, xb), (ya, yb))


def test_blake2f():
    rng = random.Random(9)
    for rounds in (0, 1, 12, 13, 500):
        for last in (0, 1, 2, 255):
            data = rounds.to_bytes(4, "big") + rng.randbytes(208) + bytes((last,))
            assert agree(9, data) == (last < 2)
            assert not agree(9, data[:-1]) and not agree(9, data + b"\x00")
    assert not agree(9, (10_000_000).to_bytes(4, "big") + bytes(209))  # more than the gas there is


def test_modexp_is_pow():
    rng = random.Random(5)
    for _ in range(300):
        sizes = [rng.choice((0, 1, 2, 8, 31, 32, 33, 64, 100)) for _ in range(3)]
        parts = [rng.choice((rng.randbytes(n), bytes(n), b"\x01".rjust(n, b"\0")[:n])) for n in sizes]
        base, exponent, modulus = (int.from_bytes(part, "big") for part in parts)
        data = b"".join(n.to_bytes(32, "big") for n in sizes) + b"".join(parts)
        succeeded, output, _ = outcome("ours", 5, data)
        assert succeeded
        size = sizes[2] if sizes[0] or sizes[2] else 0
        assert output == (pow(base, exponent, modulus) if modulus else 0).to_bytes(size, "big")


def test_every_precompile_of_prague_is_there():
    assert set(PRECOMPILES) == set(PRAGUE_PRECOMPILES) == {precompile_address(i) for i in range(1, 0x12)}
