"""The transactions that the data benchmarks carry: made up, but by real ABIs, really signed, and always the same.

    python benchmarks/data/corpus.py [--write DIRECTORY]     what is in each workload; one file of raw transactions each

A workload has a *history*, from which a dictionary is trained, and the blocks after it, the *test*. Both come from one process that goes
on in time: popularity stays, prices, fees, nonces and users move on, newcomers arrive. A file has one transaction a line, as hex;
an empty line ends a block. `load` reads such files of a real chain.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.data import calls, swaps
from benchmarks.data.people import GWEI, Account
from benchmarks.data.scene import Call, Scene, call
from execution.encoding import encode_bytes, encode_int, keccak, wrap_list

CHAIN_ID = 10
HISTORY = 20_000  # transactions
TEST = 6_000
_TRANSACTIONS_PER_BLOCK = 24
_TRANSFER_GAS = 21_000

Blocks = Sequence[Sequence[bytes]]
Maker = Callable[[Scene, Account], Call]


@dataclass(frozen=True)
class Workload:
    """Blocks of raw transactions, oldest first."""

    name: str
    chain_id: int
    history: tuple[tuple[bytes, ...], ...]
    test: tuple[tuple[bytes, ...], ...]


ETH: dict[Maker, float] = {calls.ether: 1}
ERC20: dict[Maker, float] = {swaps.transfer: 74, swaps.approve: 20, swaps.transfer_from: 6}
MIXED: dict[Maker, float] = {
    calls.ether: 13, swaps.transfer: 14, swaps.approve: 9, swaps.transfer_from: 1.5, swaps.wrap: 2,
    swaps.v2: 7, swaps.v3_single: 6, swaps.v3_path: 2.5, swaps.multicall: 4, swaps.universal: 7, swaps.aggregator: 4,
    swaps.permit: 0.8, calls.collection: 6.5, calls.lending: 3.5, calls.bridge: 3, calls.oracle: 2, calls.airdrop: 0.5,
    calls.claim: 1.5, calls.words: 2, calls.play: 7, calls.operations: 1.7, calls.safe: 0.7, calls.create: 0.3,
}  # fmt: skip
_BOTS = 5.0  # of MIXED's transactions a hundred are bots'
_ACCESS_LISTS = _DELEGATIONS = 0.003  # of MIXED's transactions

WORKLOADS: dict[str, dict[Maker, float]] = {"ETH transfers": ETH, "ERC-20": ERC20, "mixed": MIXED}


class _Generator:
    def __init__(self, name: str, seed: int) -> None:
        self._mix = WORKLOADS[name]
        self._mixed = self._mix is MIXED
        self._rng = random.Random(f"{name} {seed}")
        self._scene = Scene(self._rng, keccak(f"{name} {seed}".encode()))
        self._bots = [self._bot() for _ in range(12)]

    def blocks(self) -> Iterator[tuple[bytes, ...]]:
        makers, shares = list(self._mix), list(self._mix.values())
        while True:
            self._scene.market.next_block()
            count = max(1, round(self._rng.gammavariate(4, _TRANSACTIONS_PER_BLOCK / 4)))
            block: list[bytes] = []
            while len(block) < count:
                if self._mixed and self._rng.random() * 100 < _BOTS / 2.5:
                    block += self._burst()
                    continue
                sender = self._scene.people.sender()
                block.append(self._user(sender, self._rng.choices(makers, shares)[0](self._scene, sender)))
            yield tuple(block)

    def _user(self, sender: Account, content: Call) -> bytes:
        tip, cap = sender.fees(self._scene.market)
        gas = self._gas_limit(sender, content)
        kind = 0 if tip is None else 2
        if self._mixed and kind == 2:
            draw = self._rng.random()
            kind = 1 if draw < _ACCESS_LISTS else 4 if draw < _ACCESS_LISTS + _DELEGATIONS and content.to else 2
        return self._signed(sender, kind, tip or 0, cap, gas, content)

    def _gas_limit(self, sender: Account, content: Call) -> int:
        """A wallet's: what the node estimated, perhaps multiplied; some are round numbers."""
        if content.to is not None and not content.data and content.gas == 0:
            return _TRANSFER_GAS if self._rng.random() < 0.9 else self._rng.choice((25_200, 31_500, 50_000, 100_000))
        zeros = content.data.count(0)
        spent = _TRANSFER_GAS + 4 * zeros + 16 * (len(content.data) - zeros) + content.gas
        # Storage that is there already or not, ticks that a swap crosses, and the estimate's own error.
        spent += self._rng.choice((0, 0, 0, 2_900, 17_100, -2_800)) + self._rng.choice((0, 0, 0, self._rng.randrange(12_000)))
        if sender.fixed:
            return -(-spent // 50_000) * 50_000
        return int(spent * sender.pace)

    def _bot(self) -> tuple[Account, bytes, bytes]:
        """An account, its contract and selector."""
        rng = self._rng
        bot = self._scene.people.new(old=True)
        bot.nonce = rng.randrange(10**4, 10**6)
        bot.wallet = rng.choice(("fixed", "fixed", "legacy"))
        bot.own_cap = rng.choice((10**8, 2 * GWEI, 52_000_000))
        return bot, rng.randbytes(20), rng.randbytes(4)

    def _burst(self) -> list[bytes]:
        """Arbitrage: the same packed call a few times, with other amounts."""
        rng, scene = self._rng, self._scene
        bot, contract, selector = rng.choice(self._bots)
        style = contract[0] % 3
        out = []
        for _ in range(min(8, 1 + int(rng.expovariate(0.6)))):
            pool = scene.pools.draw()
            if style == 0:
                data = selector[:1] + pool + rng.randrange(10**15, 10**19).to_bytes(12, "big") + bytes((rng.randrange(2),))
            elif style == 1:
                least = rng.randrange(10**6)
                data = call("arb(address,uint256,uint256,bool)", pool, rng.randrange(10**15, 10**19), least, rng.random() < 0.5)
            else:
                data = selector + scene.market.number.to_bytes(4, "big") + pool + scene.pools.draw() + rng.randbytes(9)
            tip, cap = bot.fees(scene.market)
            gas = (400_000, 300_000 + rng.randrange(100_000), 1_000_000)[style]
            out.append(self._signed(bot, 0 if tip is None else 2, tip or 0, cap, gas, Call(contract, data)))
        return out

    def _signed(self, sender: Account, kind: int, tip: int, cap: int, gas: int, content: Call) -> bytes:
        """EIP-2718 bytes; the sender's nonce goes up."""
        nonce, to = sender.nonce, content.to or b""
        sender.nonce += 1
        body = encode_bytes(to) + encode_int(content.value) + encode_bytes(content.data)
        if kind == 0:
            head = encode_int(nonce) + encode_int(cap) + encode_int(gas) + body
            y, signed = _sign(sender, keccak(wrap_list(head + encode_int(CHAIN_ID) + b"\x80\x80")))
            return wrap_list(head + encode_int(35 + 2 * CHAIN_ID + y) + signed)
        fees = encode_int(tip) + encode_int(cap) if kind > 1 else encode_int(cap)
        head = encode_int(CHAIN_ID) + encode_int(nonce) + fees + encode_int(gas) + body
        head += self._access_list(content) if kind == 1 else b"\xc0"
        if kind == 4:
            code = self._rng.choice(self._scene.wallet_codes)
            head += wrap_list(self._scene.people.somebody().key.authorize(code, nonce, CHAIN_ID))
        y, signed = _sign(sender, keccak(bytes((kind,)) + wrap_list(head)))
        return bytes((kind,)) + wrap_list(head + encode_int(y) + signed)

    def _access_list(self, content: Call) -> bytes:
        slots = b"".join(encode_bytes(self._rng.randrange(12).to_bytes(32, "big")) for _ in range(3))
        return wrap_list(wrap_list(encode_bytes(content.to or bytes(20)) + wrap_list(slots)))


def _sign(sender: Account, message: bytes) -> tuple[int, bytes]:
    """(y parity, RLP of r and s)"""
    raw = sender.secret.sign_recoverable(message, hasher=None)
    return raw[64], encode_int(int.from_bytes(raw[:32], "big")) + encode_int(int.from_bytes(raw[32:64], "big"))


def generate(name: str, *, history: int = HISTORY, test: int = TEST, seed: int = 1) -> Workload:
    """At least so many transactions of each, in whole blocks."""
    blocks = _Generator(name, seed).blocks()
    return Workload(name, CHAIN_ID, _take(blocks, history), _take(blocks, test))


def _take(blocks: Iterator[tuple[bytes, ...]], count: int) -> tuple[tuple[bytes, ...], ...]:
    taken: list[tuple[bytes, ...]] = []
    while count > 0:
        taken.append(next(blocks))
        count -= len(taken[-1])
    return tuple(taken)


def load(path: Path, chain_id: int, *, history: float = 0.5) -> Workload:
    """A file of raw transactions; the first part of its blocks, `history` of the transactions, is to train from.

    ValueError if it isn't such a file, or has not two blocks."""
    blocks: list[tuple[bytes, ...]] = []
    block: list[bytes] = []
    for line in [*path.read_text().splitlines(), ""]:
        if line.strip():
            block.append(bytes.fromhex(line.strip().removeprefix("0x")))
        elif block:
            blocks.append(tuple(block))
            block = []
    if len(blocks) < 2:
        raise ValueError(f"{path} has {len(blocks)} blocks: an empty line ends one")
    left, cut = history * sum(map(len, blocks)), 0
    while left > 0 and cut < len(blocks) - 1:
        left -= len(blocks[cut])
        cut += 1
    return Workload(path.name, chain_id, tuple(blocks[:cut]), tuple(blocks[cut:]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", type=Path, help="a directory for the workloads' tests, one file each")
    arguments = parser.parse_args()
    for name in WORKLOADS:
        workload = generate(name)
        raws = [raw for block in workload.test for raw in block]
        kinds = Counter(raw[0] if raw[0] < 0xC0 else 0 for raw in raws)
        sizes = sorted(map(len, raws))
        print(f"{name}: {len(workload.test)} blocks, {len(raws)} transactions of {statistics.mean(sizes):.0f} bytes"
              f" (median {sizes[len(sizes) // 2]}, largest {sizes[-1]}); of type {dict(sorted(kinds.items()))}")  # fmt: skip
        if arguments.write:
            arguments.write.mkdir(parents=True, exist_ok=True)
            lines = "\n".join("".join(raw.hex() + "\n" for raw in block) for block in workload.test)
            (arguments.write / f"{name.replace(' ', '-')}.txt").write_text(lines)


if __name__ == "__main__":
    main()
