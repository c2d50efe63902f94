"""What an attacker would put into a transaction: contracts that spend gas where it buys most time (see gas_rate.py)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import ckzg
from py_arkworks_bls12381 import G1Point, G2Point
from py_ecc import optimized_bn128

from execution import bn254
from execution.genesis import GenesisAccount
from execution.precompiles import trusted_setup
from tests.unit.execution.wallet import Wallet

ME, BIG = b"\xc1" * 20, b"\xc2" * 20
RESERVE = 200_000  # gas that ends a loop: more than the dearest body needs
MAX = (1 << 256) - 1
COLD = 1 << 80  # where the numbered addresses begin
CONTRACTS = 160  # of 24 KB: more would make a trace that no L1 block takes


@dataclass(frozen=True)
class Case:
    """`code` runs at ME with `data`; `others` exist too. `gas_limit`: there is not enough prepared for more."""

    name: str
    code: bytes
    data: bytes = b""
    others: dict[bytes, GenesisAccount] = field(default_factory=dict)
    storage: dict[int, int] = field(default_factory=dict)
    first_gas: int = 800_000
    gas_limit: int = 1 << 24


def push(value: int) -> str:
    size = (value.bit_length() + 7) // 8
    return f"{0x5F + size:02x}" + (value.to_bytes(size, "big").hex() if size else "")


def loop(body: str, before: str = "", times: int = 1, reserve: int = RESERVE) -> bytes:
    """`before`, then `body` over and over while gas is left. The body leaves the stack as it was."""
    start = bytes.fromhex(before)
    while_gas = "62" + f"{reserve:06x}" + "5a11" + push(len(start)) + "57" + "00"
    return start + bytes.fromhex("5b" + body * times + while_gas)


def opcodes() -> list[Case]:
    big, odd = push(MAX - 58), push(MAX // 3)
    cases = [
        Case(name, loop(body + "50", times=100))
        for name, body in {
            "ADD": big + odd + "01", "MUL": big + odd + "02", "DIV": odd + big + "04", "SDIV": odd + big + "05",
            "MOD": odd + big + "06", "SMOD": odd + big + "07", "ADDMOD": big + odd + big + "08",
            "MULMOD": big + odd + odd + "09", "EXP, exponent of 32 bytes": big + odd + "0a", "SIGNEXTEND": big + "6003" + "0b",
            "SLT": big + odd + "12", "XOR": big + odd + "18", "NOT": big + "19", "BYTE": big + "6003" + "1a",
            "SAR": big + "6003" + "1d", "KECCAK256 of 32 bytes": "60205f20", "KECCAK256 of 1 KB": "6104005f20",
            "ADDRESS": "30", "CALLER": "33", "CALLVALUE": "34", "CALLDATALOAD": "5f35", "CALLDATASIZE": "36",
            "CODESIZE": "38", "GASPRICE": "3a", "RETURNDATASIZE": "3d", "BLOCKHASH": "600143" + "0340", "COINBASE": "41",
            "TIMESTAMP": "42", "PREVRANDAO": "44", "CHAINID": "46", "SELFBALANCE": "47", "BASEFEE": "48", "BLOBHASH": "5f49",
            "BLOBBASEFEE": "4a", "PC": "58", "MSIZE": "59", "GAS": "5a", "PUSH0": "5f", "PUSH32": big, "MLOAD": "5f51",
            "TLOAD": "5f5c", "warm SLOAD": "5f54", "warm BALANCE": "3031", "warm EXTCODEHASH": "303f",
        }.items()
    ]  # fmt: skip
    cases += [
        Case(name, loop(body, times=100))
        for name, body in {
            "MSTORE": "5f5f52", "MSTORE8": "5f5f53", "TSTORE": "5a5f5d", "JUMPDEST": "5b", "MCOPY of 32 bytes": "60205f5f5e",
            "MCOPY of 1 KB": "6104005f5f5e", "CALLDATACOPY of 1 KB": "6104005f5f37", "CODECOPY of 1 KB": "6104005f5f39",
            "LOG0": "5f5fa0", "warm SSTORE": "5a5f55",
        }.items()
    ]  # fmt: skip
    cases += [Case(name, loop(body, "5f" * 17, 100)) for name, body in {"DUP16, POP": "8f50", "SWAP16": "9f"}.items()]
    return cases


def jumper(index: int) -> bytes:
    """24 KB, different for each index: jumps over push data, as many as fit, to its end."""
    code = bytes.fromhex("615ffe56" + "63") + index.to_bytes(4, "big") + b"\x00"
    return code + b"\x60\x00" * ((0x5FFE - len(code)) // 2) + b"\x5b\x00"


def state() -> list[Case]:
    """Storage, accounts, code: most of the time goes into tries."""
    many = {(COLD + i).to_bytes(20, "big"): GenesisAccount(nonce=1, code=jumper(i)) for i in range(1, CONTRACTS + 1)}
    stop = {BIG: GenesisAccount(nonce=1, code=b"\x00")}
    big = {BIG: GenesisAccount(nonce=1, code=b"\x5b" * 24_575 + b"\x00")}
    crowd = {(COLD + i).to_bytes(20, "big"): GenesisAccount(1) for i in range(8_192)}
    stored = {i: i for i in range(1, 8_192)}
    at_big = "73" + BIG.hex()
    following = "6001" + "01"  # a counter on the stack: its next value
    return [
        Case("LOG4 of 32 bytes", loop("5f5f5f5f60205fa4", times=10)),
        Case("cold SLOAD of absent slots", loop("5a5450", times=10), storage=stored),
        Case("cold SLOAD of set slots", loop(following + "805450", "5f", 10), storage=stored),
        Case("SSTORE of new slots", loop("5a5a55"), storage=stored),
        Case("SSTORE that clears slots", loop(following + "5f8155", "5f"), storage=stored),
        Case("cold BALANCE of absent accounts", loop("5a3150", times=10), others=crowd),
        Case(
            "CALL of cold 24 KB contracts that jump", loop(following + "5f5f5f5f5f855af150", push(COLD), reserve=5_000), others=many,
            gas_limit=CONTRACTS * 2_700,
        ),
        Case(
            "EXTCODESIZE of cold 24 KB contracts", loop(following + "803b50", push(COLD), reserve=5_000), others=many,
            gas_limit=CONTRACTS * 2_600,
        ),
        Case("EXTCODECOPY of 24 KB", loop("6160005f5f" + at_big + "3c"), others=big),
        Case("warm CALL of STOP", loop("5f5f5f5f5f" + at_big + "5af150", times=10), others=stop),
        Case("warm CALL of an absent account", loop("5f5f5f5f5f60995af150", times=10)),
        Case("warm CALL with 1 MB of input", loop("5f5f62100000" + "5f5f" + at_big + "5af150", reserve=3_000_000),
             others=stop, first_gas=6_000_000),
        Case("warm CALL of ADDRESS, CALLER, CALLVALUE", loop("5f5f5f5f5f" + at_big + "5af150", times=10),
             others={BIG: GenesisAccount(nonce=1, code=bytes.fromhex("30333400"))}),
        Case("CALL with value to new accounts", loop("5f5f5f5f60015a5af150"), others=crowd),
        Case("calls 1024 deep", loop("5f5f5f5f5f305af150")),
        Case("CREATE of nothing", loop("5f5f5ff050")),
        Case(
            "CREATE2 with 48 KB of JUMPDESTs",
            loop("5a61c0005f5ff550", "6160005f5f" + at_big + "3c" + "6160005f616000" + at_big + "3c"), others=big,
        ),
        Case("CREATE2 of contracts of 1 KB", loop("5a60055f5ff550", push(0x6104005FF3 << 216) + "5f52")),
        Case("RETURNDATACOPY of 1 KB", loop("6104005f5f3e", "5f5f6104005f60045afa50", 50)),
        Case("MLOAD of memory that grows", loop("59" + "51" + "50", times=10)),
    ]  # fmt: skip


def precompile(name: str, number: int, data: bytes) -> Case:
    call = f"5f5f62{len(data):06x}5f{push(number)}5afa50"
    return Case(name, loop(call, "365f5f37", reserve=2_000_000), data, first_gas=4_000_000)


def modexp(base: bytes, exponent: bytes, modulus: bytes) -> bytes:
    sizes = b"".join(len(part).to_bytes(32, "big") for part in (base, exponent, modulus))
    return sizes + base + exponent + modulus


def precompiles() -> list[Case]:
    digest = bytes(31) + b"\x01"
    parity, r, s = Wallet.number(5).signature(digest)
    signature = b"".join(part.to_bytes(32, "big") for part in (27 + parity, r, s))
    ff = b"\xff"
    cases = [
        precompile("ecrecover", 1, digest + signature),
        precompile("SHA-256 of 64 bytes", 2, ff * 64),
        precompile("RIPEMD-160 of 64 bytes", 3, ff * 64),
        precompile("identity of 1 KB", 4, ff * 1_024),
        precompile("modexp: 1 byte, exponent of 32", 5, modexp(b"\x9b", ff * 32, b"\xfe")),
        precompile("modexp: 8 bytes, exponent of 4 KB", 5, modexp(b"\x9b" * 8, ff * 4_096, ff * 8)),
        precompile("modexp: 8 bytes even, exponent of 4 KB", 5, modexp(b"\x9b" * 8, ff * 4_096, ff * 7 + b"\xfe")),
        precompile("modexp: 32 bytes, exponent of 32", 5, modexp(b"\x9b" * 32, ff * 32, ff * 31 + b"\xfe")),
        precompile("modexp: 256 bytes even, exponent of 32", 5, modexp(b"\x9b" * 256, ff * 32, ff * 255 + b"\xfe")),
        precompile("modexp: 1 KB even, exponent of 3 bits", 5, modexp(b"\x9b" * 1_024, b"\x07", ff * 1_023 + b"\xfe")),
        precompile("blake2f of 0 rounds", 9, bytes(213)),
        precompile("blake2f of 100,000 rounds", 9, (100_000).to_bytes(4, "big") + bytes(208) + b"\x01"),
        precompile("point evaluation", 10, _point_evaluation()),
    ]  # fmt: skip
    return cases + _bn254() + _bls()


def _point_evaluation() -> bytes:
    blob = b"".join(i.to_bytes(32, "big") for i in range(4096))
    commitment = ckzg.blob_to_kzg_commitment(blob, trusted_setup())
    z = (7**80).to_bytes(32, "big")
    proof, y = ckzg.compute_kzg_proof(blob, z, trusted_setup())
    return b"\x01" + hashlib.sha256(commitment).digest()[1:] + z + y + commitment + proof


def _bn254() -> list[Case]:
    generator = (bn254.mpz(1), bn254.mpz(2))

    def g1(k: int) -> bytes:
        return b"".join(int(c).to_bytes(32, "big") for c in bn254.multiply(generator, k) or (0, 0))

    twist = optimized_bn128.normalize(optimized_bn128.multiply(optimized_bn128.G2, 7))
    g2 = b"".join(int(c).to_bytes(32, "big") for part in twist for c in reversed(part.coeffs))
    return [
        precompile("alt_bn128 add", 6, g1(3) + g1(5)),
        precompile("alt_bn128 multiply", 7, g1(3) + (MAX - 1).to_bytes(32, "big")),
        precompile("alt_bn128 pairing of none", 8, b""),
        precompile("alt_bn128 pairing of 1", 8, g1(3) + g2),
        precompile("alt_bn128 pairing of 20", 8, (g1(3) + g2) * 20),
    ]


def _bls() -> list[Case]:
    def padded(point: G1Point | G2Point) -> bytes:
        data = point.to_xy_bytes_be()
        return b"".join(bytes(16) + data[i : i + 48] for i in range(0, len(data), 48))

    g1, g2 = padded(G1Point() + G1Point()), padded(G2Point() + G2Point())
    scalar = MAX.to_bytes(32, "big")
    return [
        precompile("BLS12-381 G1 add", 11, g1 + padded(G1Point())),
        precompile("BLS12-381 G1 MSM of 1", 12, g1 + scalar),
        precompile("BLS12-381 G1 MSM of 128", 12, (g1 + scalar) * 128),
        precompile("BLS12-381 G2 add", 13, g2 + padded(G2Point())),
        precompile("BLS12-381 G2 MSM of 1", 14, g2 + scalar),
        precompile("BLS12-381 G2 MSM of 128", 14, (g2 + scalar) * 128),
        precompile("BLS12-381 pairing of 1", 15, g1 + g2),
        precompile("BLS12-381 pairing of 20", 15, (g1 + g2) * 20),
        precompile("BLS12-381 map to G1", 16, bytes(63) + b"\x05"),
        precompile("BLS12-381 map to G2", 17, bytes(127) + b"\x05"),
    ]


def cases() -> list[Case]:
    return opcodes() + state() + precompiles()
