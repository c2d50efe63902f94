"""Who sends the benchmark's transactions, from how much, at what fees: users, wallets, bots, and a chain whose base fee moves."""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from typing import Generic, TypeVar

import coincurve

from execution.encoding import keccak
from tests.unit.execution.wallet import Wallet

T = TypeVar("T")

_LAUNCHES = 0.015  # of all draws
BLOCK_TIME = 2  # seconds
GWEI = 10**9


class Popular(Generic[T]):
    """Things, of which the n-th is drawn in proportion to 1 / n^skew (Zipf). With `launch` new ones keep coming: each takes
    the place, and so the popularity, of another."""

    def __init__(
        self, rng: random.Random, things: Sequence[T], skew: float = 1.0, launch: Callable[[], T] | None = None
    ) -> None:
        self._rng, self.things, self._launch = rng, list(things), launch
        self._weights = list(accumulate(1 / (n + 1) ** skew for n in range(len(self.things))))

    def draw(self) -> T:
        if self._launch is not None and self._rng.random() < _LAUNCHES:
            place = self._rng.randrange(len(self.things) // 100, len(self.things))
            self.things[place] = self._launch()
            return self.things[place]
        return self.things[bisect(self._weights, self._rng.random() * self._weights[-1], hi=len(self.things) - 1)]


@dataclass
class Market:
    """Time, and fees in wei. The base fee follows EIP-1559 as on an OP chain: at most 2% a block; so full of digits."""

    rng: random.Random
    timestamp: int = 1_750_000_000
    number: int = 120_000_000
    base_fees: list[int] = field(default_factory=lambda: [5_213_482] * 4)  # the last blocks'
    suggested_tip: int = 1_000_000
    demand: float = 0.0

    def next_block(self) -> None:
        self.timestamp += BLOCK_TIME
        self.number += 1
        self.demand = 0.97 * self.demand + self.rng.gauss(0, 0.25)
        change = max(-0.004, min(0.02, 0.004 * self.demand))
        self.base_fees = [*self.base_fees[1:], max(100_000, int(self.base_fees[-1] * (1 + change)))]
        if self.rng.random() < 0.04:  # nodes suggest their least tip, more when blocks are full
            self.suggested_tip = self.rng.choice((1_000_000, 1_000_000, 1_000_000, 1_100_000, 1_210_000, 100_000))

    def quoted(self) -> int:
        """The base fee that a wallet saw: up to three blocks ago."""
        return self.base_fees[-1 - min(3, int(self.rng.expovariate(1.2)))]


@dataclass
class Account:
    """`wallet`: how its software sets fees. `pace`: how much it multiplies an estimate of gas."""

    key: Wallet
    wallet: str
    pace: float
    nonce: int
    own_tip: int
    own_cap: int
    level: int  # percent
    fixed: bool = False  # always rounds gas limits up

    @cached_property
    def address(self) -> bytes:
        return address_of(self.key)

    @cached_property
    def secret(self) -> coincurve.PrivateKey:
        return self.key.key

    def fees(self, market: Market) -> tuple[int | None, int]:
        """(tip, cap), or (None, gas price) of a legacy transaction; wei."""
        base, tip = market.quoted(), market.suggested_tip
        match self.wallet:
            case "doubles":  # what is built on ethers 6
                return tip, 2 * base + tip
            case "estimates":  # MetaMask: levels that its own service says, of the base fee and of tips
                return tip * self.level // 100, base * self.level // 100 + tip * self.level // 100
            case "fifth":  # viem
                return tip, base * 12 // 10 + tip
            case "ethers5":
                return 1_500_000_000, 2 * base + 1_500_000_000
            case "level":  # one number for both
                price = (base * 11 // 10 + tip) // 1000 * 1000 + 1000
                return price, price
            case "legacy":
                return None, base + tip
            case "legacy fixed":
                return None, self.own_cap
        return self.own_tip, self.own_cap  # "fixed"


_WALLETS = ("estimates", "doubles", "fifth", "ethers5", "level", "legacy", "legacy fixed", "fixed")
_SHARES = (22, 18, 20, 6, 10, 14, 3, 7)
_PACES = (1.0, 1.2, 1.5, 1.1, 1.25, 2.0)
_PACE_SHARES = (40, 25, 12, 8, 10, 5)


def address_of(key: Wallet) -> bytes:
    return key.address


class People:
    """Accounts that send. The more one has sent, the likelier it sends again; new ones keep coming."""

    def __init__(self, rng: random.Random, seed: bytes, count: int, newcomers: float) -> None:
        self._rng, self._seed, self._newcomers = rng, seed, newcomers
        self._made = 0
        self._urn: list[Account] = [self.new(old=True) for _ in range(count)]
        busy = Popular(rng, self._urn, 0.7)
        self._urn += [busy.draw() for _ in range(3 * count)]

    def new(self, *, old: bool) -> Account:
        rng = self._rng
        self._made += 1
        secret = keccak(self._seed + self._made.to_bytes(4, "big"))
        return Account(
            Wallet(secret), rng.choices(_WALLETS, _SHARES)[0], rng.choices(_PACES, _PACE_SHARES)[0],
            int(rng.lognormvariate(4.6, 1.9)) if old else 0,
            rng.choice((10**6, 10**5, 10**7, 2 * 10**6, 0, GWEI)), rng.choice((10**8, GWEI, 2 * GWEI, 5 * 10**7)),
            rng.choice((110, 135, 135, 150, 175, 200)),
            fixed=rng.random() < 0.12,
        )  # fmt: skip

    def sender(self) -> Account:
        """One of those there are, or a newcomer; either is likelier to come again."""
        account = self.new(old=False) if self._rng.random() < self._newcomers else self._rng.choice(self._urn)
        self._urn[self._rng.randrange(len(self._urn))] = account
        return account

    def somebody(self) -> Account:
        return self._rng.choice(self._urn)


def fresh_address(rng: random.Random) -> bytes:
    """One that nobody has used."""
    return rng.randbytes(20)


def amount(rng: random.Random, decimals: int, scale: float = 1.0) -> int:
    """A number of a token's smallest unit as people and programs give them: round decimals, or all the digits."""
    size = rng.lognormvariate(2.5, 2.2) * scale
    if rng.random() < 0.5:
        digits = rng.choice((1, 1, 2, 2, 3))
        text = f"{size:.{digits - 1}e}"
        mantissa, exponent = text.replace(".", "").split("e")
        power = int(exponent) - digits + 1 + decimals
        return max(1, int(mantissa) * 10**power if power >= 0 else int(mantissa) // 10**-power)
    # What is computed has all of its digits: at most 2^53 of them in a float, so draw the rest.
    whole = int(size * 2**40) * 10**decimals >> 40
    return max(1, whole + rng.randrange(max(1, whole // 10**6)))
