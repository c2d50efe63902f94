"""The starter page: a text for a chain that has no history yet, from what contracts of most chains are called with.

Made-up traffic, the same each time: real ABI shapes with random addresses and amounts, so that what the transactions have in
common is their shape alone. Common words and functions are those that many chains share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any, TypeAlias

from eth_abi import encode
from eth_utils import function_signature_to_4byte_selector as selector_of

from derivation.codec.cover import choose_history
from derivation.codec.dictionary import Dictionary
from derivation.codec.training import HISTORY_SIZE, chunk_bodies, fixed_part
from execution.encoding import encode_bytes, encode_int, wrap_list
from verdict.dictionary.selectors import WELL_KNOWN

_CHAIN_ID = 1  # of no importance: it isn't in what LZ4 sees
_TRANSACTIONS = 12_000
_NOW = 1_750_000_000  # seconds
_MAX = 2**256 - 1

_WORDS = [value.to_bytes(32, "big") for value in (
    2**160 - 1,  # the greatest allowance of Permit2, the greatest address
    2**128 - 1, 2**96 - 1, 2**64 - 1, 2**48 - 1, 2**40 - 1, 2**32 - 1,
    2**255, 2**255 - 1,
    4295128740, 4295128739, 1461446703485210103287273052203988822378723970341,  # Uniswap's least and greatest price
    1461446703485210103287273052203988822378723970342,
    0x4200000000000000000000000000000000000006, 0x4200000000000000000000000000000000000010,  # WETH, bridge of the OP Stack
    0x4200000000000000000000000000000000000007, 0x4200000000000000000000000000000000000016,
    0xEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEE,
    0x000000000022D473030F116DDEE9F6B43AC78BA3,  # Permit2
    0xCA11BDE05977B3631167028862BE2A173976CA11,  # Multicall3
    0x0000000071727DE22E5E9D8BAF0EDAC6F37DA032, 0x5FF137D4B0FDCD49DCA30C7CF57E578A026D2789,  # ERC-4337 entry points
    0x00000000000000ADC04C56BF30AC9D3C0AAF14DC, 0x1E0049783F008A0085193E00003D00CD54003C71,  # Seaport, its conduit
    0x0000007B02230091A7ED01230072F7006A004D60A8D4E71D599B8104250F0000,
)]  # fmt: skip

Write: TypeAlias = Callable[[Random], tuple[str, list[Any], int]]
"""A call: signature, arguments, value in wei."""


def starter_page() -> bytes:
    """24,575 bytes at most; the same each time."""
    words = list(dict.fromkeys(word for word in _WORDS if any(word[:30])))
    fixed = fixed_part([selector_of(signature) for signature in WELL_KNOWN], words)
    bodies = chunk_bodies(list(made_up_traffic(_TRANSACTIONS)), _CHAIN_ID, Dictionary([fixed]))
    return fixed + choose_history(bodies, HISTORY_SIZE)


def made_up_traffic(count: int, seed: int = 1) -> Iterator[bytes]:
    """Raw EIP-1559 transactions with random signatures."""
    random = Random(seed)
    weights = [weight for weight, _ in _CALLS]
    for _ in range(count):
        (_, write), = random.choices(_CALLS, weights)
        yield _transaction(random, write)


def _transaction(random: Random, write: Write | None) -> bytes:
    if write is None:
        data, value, gas = b"", _amount(random), 21_000
    else:
        signature, arguments, value = write(random)
        kinds = signature[signature.index("(") + 1 : -1]
        data = selector_of(signature) + (encode(_split(kinds), arguments) if kinds else b"")
        gas = random.choice((random.randrange(40_000, 600_000), 1000 * random.randrange(50, 500)))
    fields = [_CHAIN_ID, random.choice((0, 1, random.randrange(5_000))), random.choice((0, 1, 10**6, random.randrange(10**9))),
              random.choice((10**9, random.randrange(10**7, 10**10))), gas]
    signature_bytes = encode_int(random.getrandbits(1)) + encode_int(random.getrandbits(256)) + encode_int(random.getrandbits(255))
    return b"\x02" + wrap_list(
        b"".join(map(encode_int, fields)) + encode_bytes(random.randbytes(20)) + encode_int(value) + encode_bytes(data)
        + b"\xc0" + signature_bytes)


def _split(kinds: str) -> list[str]:
    """The types of a signature's arguments: "a,(b,c),d" is three."""
    found, depth, start = [], 0, 0
    for at, letter in enumerate(kinds):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            found.append(kinds[start:at])
            start = at + 1
    return [*found, kinds[start:]]


# --- arguments -----------------------------------------------------------------------------------------------


def _amount(random: Random) -> int:
    """Wei or units of a token: few digits and many zeros, or no order at all."""
    decimals = random.choice((6, 18, 18))
    if random.random() < 0.5:
        return random.randrange(1, 1000) * 10 ** (decimals - random.randrange(0, 4))
    return random.randrange(1, 10 ** (decimals + random.randrange(0, 4)))


def _who(random: Random) -> bytes:
    return random.randbytes(20)


def _deadline(random: Random) -> int:
    return _NOW + random.randrange(10**7)


def _pool_fee(random: Random) -> int:
    return random.choice((100, 500, 3000, 3000, 10_000))


def _call(signature: str, *arguments: Callable[[Random], Any] | int | bytes | bool | list[Any], value: bool = False) -> Write:
    """A call whose arguments are made afresh each time, or always the same."""

    def write(random: Random) -> tuple[str, list[Any], int]:
        made = [argument(random) if callable(argument) else argument for argument in arguments]
        return signature, made, _amount(random) if value else 0

    return write


def _list_of(make: Callable[[Random], Any], least: int, most: int) -> Callable[[Random], list[Any]]:
    return lambda random: [make(random) for _ in range(random.randint(least, most))]


def _both(*makers: Callable[[Random], Any] | int | bytes) -> Callable[[Random], tuple[Any, ...]]:
    return lambda random: tuple(make(random) if callable(make) else make for make in makers)


def _inner(write: Write) -> Callable[[Random], bytes]:
    def data(random: Random) -> bytes:
        signature, arguments, _ = write(random)
        kinds = signature[signature.index("(") + 1 : -1]
        return selector_of(signature) + (encode(_split(kinds), arguments) if kinds else b"")

    return data


def _bytes(*sizes: int) -> Callable[[Random], bytes]:
    return lambda random: random.randbytes(random.choice(sizes))


def _path(random: Random) -> bytes:
    """Uniswap's packed path: token, fee, token, ..."""
    hops = random.choice((1, 1, 2))
    return _who(random) + b"".join(_pool_fee(random).to_bytes(3, "big") + _who(random) for _ in range(hops))


def _routed(random: Random) -> tuple[str, list[Any], int]:
    """Uniswap's universal router."""
    amount, least = _amount(random), _amount(random)
    wrap = encode(["address", "uint256"], [(2).to_bytes(20, "big"), amount])
    swap_v3 = encode(["address", "uint256", "uint256", "bytes", "bool"],
                     [random.choice((1, 2)).to_bytes(20, "big"), amount, least, _path(random), random.random() < 0.5])
    swap_v2 = encode(["address", "uint256", "uint256", "address[]", "bool"],
                     [random.choice((1, 2)).to_bytes(20, "big"), amount, least, [_who(random), _who(random)], False])
    unwrap = encode(["address", "uint256"], [(1).to_bytes(20, "big"), least])
    permit = encode(["((address,uint160,uint48,uint48),address,uint256)", "bytes"],
                    [((_who(random), 2**160 - 1, _deadline(random), random.randrange(3)), _who(random), _deadline(random)),
                     random.randbytes(65)])
    swap, code = random.choice(((swap_v3, 0x00), (swap_v2, 0x08)))
    commands, inputs = random.choice((
        ((0x0B, code), [wrap, swap]), ((code, 0x0C), [swap, unwrap]), ((0x0A, code, 0x0C), [permit, swap, unwrap]),
        ((0x0A, code), [permit, swap]), ((code,), [swap])))
    return "execute(bytes,bytes[],uint256)", [bytes(commands), inputs, _deadline(random)], amount if commands[0] == 0x0B else 0


_TRANSFER = _call("transfer(address,uint256)", _who, _amount)
_APPROVE = _call("approve(address,uint256)", _who, lambda random: random.choice((_MAX, _amount(random))))
_SINGLE = _call("exactInputSingle((address,address,uint24,address,uint256,uint256,uint160))",
                _both(_who, _who, _pool_fee, _who, _amount, _amount, 0), value=True)
_UNWRAP = _call("unwrapWETH9(uint256,address)", _amount, _who)
_EXECUTE = _call("execute(address,uint256,bytes)", _who, 0, _inner(_TRANSFER))
_TWO, _THREE = _list_of(_who, 2, 2), _list_of(_who, 2, 3)

_CALLS: list[tuple[float, Write | None]] = [
    (18, None),
    (20, _TRANSFER),
    (10, _APPROVE),
    (3, _call("transferFrom(address,address,uint256)", _who, _who, _amount)),
    (3, _call("swapExactETHForTokens(uint256,address[],address,uint256)", _amount, _TWO, _who, _deadline, value=True)),
    (3, _call("swapExactTokensForETH(uint256,uint256,address[],address,uint256)", _amount, _amount, _TWO, _who, _deadline)),
    (3, _call("swapExactTokensForTokens(uint256,uint256,address[],address,uint256)",
              _amount, _amount, _THREE, _who, _deadline)),
    (2, _call("swapExactTokensForETHSupportingFeeOnTransferTokens(uint256,uint256,address[],address,uint256)",
              _amount, 0, _TWO, _who, _deadline)),
    (2, _SINGLE),
    (3, _call("exactInputSingle((address,address,uint24,address,uint256,uint256,uint256,uint160))",
              _both(_who, _who, _pool_fee, _who, _deadline, _amount, _amount, 0))),
    (2, _call("exactInput((bytes,address,uint256,uint256,uint256))", _both(_path, _who, _deadline, _amount, _amount))),
    (3, _call("multicall(uint256,bytes[])", _deadline, lambda random: [_inner(_SINGLE)(random), _inner(_UNWRAP)(random)])),
    (2, _call("multicall(bytes[])", lambda random: [_inner(_SINGLE)(random), _inner(_UNWRAP)(random)])),
    (1, _call("multicall(bytes[])", _list_of(_inner(_SINGLE), 1, 3))),
    (8, _routed),
    (2, _call("deposit()", value=True)),
    (2, _call("withdraw(uint256)", _amount)),
    (2, _call("claim()")),
    (1, _call("getReward()")),
    (2, _call("stake(uint256)", _amount)),
    (2, _call("mint(address,uint256)", _who, lambda random: random.randrange(1, 10))),
    (1, _call("claim(uint256,address,uint256,bytes32[])", _amount, _who, _amount, _list_of(_bytes(32), 8, 14))),
    (2, _call("safeTransferFrom(address,address,uint256)", _who, _who, lambda random: random.randrange(10_000))),
    (1, _call("safeTransferFrom(address,address,uint256,uint256,bytes)", _who, _who, _amount, 1, b"")),
    (2, _call("setApprovalForAll(address,bool)", _who, True)),
    (1, _call("permit(address,address,uint256,uint256,uint8,bytes32,bytes32)",
              _who, _who, _amount, _deadline, lambda random: random.choice((27, 28)), _bytes(32), _bytes(32))),
    (2, _call("supply(address,uint256,address,uint16)", _who, _amount, _who, 0)),
    (1, _call("borrow(address,uint256,uint256,uint16,address)", _who, _amount, 2, 0, _who)),
    (1, _call("repay(address,uint256,uint256,address)", _who, _MAX, 2, _who)),
    (1, _call("withdraw(address,uint256,address)", _who, _MAX, _who)),
    (1, _call("mint((address,address,uint24,int24,int24,uint256,uint256,uint256,uint256,address,uint256))",
              _both(_who, _who, _pool_fee, lambda random: -60 * random.randrange(4000), lambda random: 60 * random.randrange(4000),
                    _amount, _amount, _amount, _amount, _who, _deadline))),
    (1, _call("decreaseLiquidity((uint256,uint128,uint256,uint256,uint256))",
              _both(lambda random: random.randrange(10**6), _amount, _amount, _amount, _deadline))),
    (1, _call("collect((uint256,address,uint128,uint128))",
              _both(lambda random: random.randrange(10**6), _who, 2**128 - 1, 2**128 - 1))),
    (1, _call("addLiquidityETH(address,uint256,uint256,uint256,address,uint256)",
              _who, _amount, _amount, _amount, _who, _deadline, value=True)),
    (1, _call("addLiquidity(address,address,uint256,uint256,uint256,uint256,address,uint256)",
              _who, _who, _amount, _amount, _amount, _amount, _who, _deadline)),
    (2, _call("execTransaction(address,uint256,bytes,uint8,uint256,uint256,uint256,address,address,bytes)",
              _who, 0, _inner(_TRANSFER), 0, 0, 0, 0, bytes(20), bytes(20), _bytes(65, 130))),
    (3, _call("handleOps((address,uint256,bytes,bytes,bytes32,uint256,bytes32,bytes,bytes)[],address)",
              _list_of(_both(_who, lambda random: random.randrange(1000), b"", _inner(_EXECUTE), _bytes(32),
                             lambda random: random.randrange(10**5), _bytes(32), _bytes(0, 52), _bytes(65)), 1, 2), _who)),
    (1, _call("handleOps((address,uint256,bytes,bytes,uint256,uint256,uint256,uint256,uint256,bytes,bytes)[],address)",
              _list_of(_both(_who, lambda random: random.randrange(1000), b"", _inner(_EXECUTE), 300_000, 200_000, 60_000,
                             10**9, 10**9, _bytes(0, 149), _bytes(65)), 1, 1), _who)),
    (1, _call("aggregate3((address,bool,bytes)[])", _list_of(_both(_who, True, _inner(_TRANSFER)), 1, 4))),
    (1, _call("execute(address,uint256,bytes)", _who, 0, _inner(_APPROVE))),
    (1, _call("executeBatch(address[],uint256[],bytes[])",
              _TWO, [0, 0], lambda random: [_inner(_APPROVE)(random), _inner(_TRANSFER)(random)])),
    (1, _call("depositTransaction(address,uint256,uint64,bool,bytes)", _who, _amount, 200_000, False, b"", value=True)),
    (1, _call("withdraw(address,uint256,uint32,bytes)", _who, _amount, 200_000, b"")),
    (1, _call("bridgeERC20(address,address,uint256,uint32,bytes)", _who, _who, _amount, 200_000, b"")),
]
