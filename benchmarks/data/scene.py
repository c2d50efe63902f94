"""What the benchmark's transactions are about: tokens, exchanges, collections and the other contracts of an L2."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache

from eth_abi.abi import encode

from benchmarks.data.people import Market, People, Popular, amount, fresh_address
from execution.encoding import keccak

MAX = 2**256 - 1


@dataclass(frozen=True)
class Token:
    address: bytes
    decimals: int
    gas: int  # that a transfer takes, without calldata


@dataclass(frozen=True)
class Call:
    """A transaction's content. `gas`: what executing it takes, without calldata. `to` None: a creation."""

    to: bytes | None
    data: bytes = b""
    value: int = 0
    gas: int = 0


@cache
def _parsed(signature: str) -> tuple[bytes, tuple[str, ...]]:
    inner, types, depth, start = signature[signature.index("(") + 1 : -1], [], 0, 0
    for at, letter in enumerate(inner + ","):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            types.append(inner[start:at])
            start = at + 1
    return keccak(signature.encode())[:4], tuple(types) if inner else ()


def call(signature: str, *arguments: object) -> bytes:
    """Selector and ABI encoding, e.g. call("transfer(address,uint256)", to, 5)."""
    selector, types = _parsed(signature)
    return selector + encode(types, arguments)


class Scene:
    """Who and what there is, and how often each is used."""

    def __init__(self, rng: random.Random, seed: bytes, *, users: int = 3_000, newcomers: float = 0.12) -> None:
        self.rng, self.market = rng, Market(rng)
        self.people = People(rng, seed, users, newcomers)
        self.weth = bytes.fromhex("4200000000000000000000000000000000000006")
        make = rng.randbytes
        usd = [Token(make(20), 6, gas) for gas in (38_900, 41_200)]
        rest = [self._token() for _ in range(1_500)]
        self.tokens = Popular(rng, [usd[0], Token(self.weth, 18, 29_300), usd[1], *rest], 1.05, self._token)
        self.collections = Popular(rng, [make(20) for _ in range(1_000)], 0.95, lambda: make(20))
        self.spenders = Popular(rng, [make(20) for _ in range(200)], 1.1)
        self.exchanges = Popular(rng, [make(20) for _ in range(20)], 0.9)  # their hot wallets
        self.pools = Popular(rng, [make(20) for _ in range(2_000)], 0.95, lambda: make(20))
        self.others = Popular(rng, [make(20) for _ in range(3_000)], 0.95, lambda: make(20))  # all sorts of contracts
        self.router02, self.router, self.v2_router, self.universal, self.permit2 = (make(20) for _ in range(5))
        self.contract = {name: make(20) for name in (
            "aggregator", "lending", "bridge", "messenger", "disperse", "names", "entry point", "paymaster", "factory", "claims",
            "oracle hub", "game", "social", "odos",
        )}  # fmt: skip
        self.feeds = Popular(rng, [make(20) for _ in range(30)], 0.5)
        self.wallet_codes = [make(20) for _ in range(3)]  # that accounts delegate to (EIP-7702)
        self.referrer = make(20)
        self.roots = [make(32) for _ in range(8)]

    def _token(self) -> Token:
        rng = self.rng
        gas = rng.choice((29_400, 29_900, 31_000, 36_700, 52_300))
        return Token(rng.randbytes(20), rng.choice((18, 18, 18, 18, 18, 8, 6, 9)), gas)

    def somebody(self) -> bytes:
        """Who gets something: an account that is known, or one that is not."""
        return fresh_address(self.rng) if self.rng.random() < 0.3 else self.people.somebody().address

    def deadline(self) -> int:
        """Minutes from now, by the sender's clock."""
        minutes = self.rng.choice((5, 10, 20, 20, 20, 30, 60))
        return self.market.timestamp - self.rng.randrange(12) + 60 * minutes

    def token_amount(self, token: Token) -> int:
        return amount(self.rng, token.decimals, 10.0 if token.decimals == 6 else 1.0)

    def ether(self) -> int:
        return amount(self.rng, 18, 0.003)

    def price(self, sold: int) -> tuple[int, int]:
        """(what comes out, the least that is accepted): all digits."""
        out = max(1, int(sold * self.rng.lognormvariate(0, 3)) + self.rng.randrange(10**6))
        bips = self.rng.choice((10, 50, 50, 100, 100, 300, 500))
        return out, out * (10_000 - bips) // 10_000
