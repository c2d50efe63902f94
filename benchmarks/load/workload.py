"""What the wallets send: ETH transfers, ERC-20 transfers and both in turn, signed beforehand. Always the same ones.

Each phase of a run has wallets of its own, all their nonces beginning at zero, so every node under load is sent the very
same bytes however many of them it takes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from eth_abi.abi import encode
from eth_utils import to_checksum_address

from execution.calls import contract_address
from execution.encoding import keccak
from l1.artifacts import artifact
from tests.unit.execution.wallet import Wallet

CHAIN_ID = 42069
KINDS = ("ETH", "ERC-20", "mix")
BALANCE = 10**24  # wei of each wallet in genesis
GAS_LIMIT = 1_000_000_000  # of a block, so that gas is not what bounds it
_SUPPLY, _SHARE = 10**30, 10**24
_FIRST = 1_000_000  # secret key of the bank; the wallets' follow
_FEE, _TIP = 10**11, 10**9
BANK = Wallet.number(_FIRST)
TOKEN = contract_address(BANK.address, 0)
TRANSFER = keccak(b"Transfer(address,address,uint256)")


@dataclass(frozen=True)
class Phase:
    """One stretch of load. `first`: number of its first wallet. `batch`: transactions in one HTTP request."""

    kind: str
    batch: int
    first: int
    wallets: int
    each: int  # transactions of each wallet

    @cached_property
    def senders(self) -> list[Wallet]:
        return [wallet(self.first + index) for index in range(self.wallets)]

    def sign(self) -> list[list[bytes]]:
        """By wallet, in the order of its nonces."""
        return [[self._transaction(sender, index, nonce) for nonce in range(self.each)]
                for index, sender in enumerate(self.senders)]

    def _transaction(self, sender: Wallet, index: int, nonce: int) -> bytes:
        """To another of the wallets or, every third, to somebody new."""
        pick = int.from_bytes(keccak(sender.address + nonce.to_bytes(4, "big"))[:8], "big")
        to = keccak(pick.to_bytes(8, "big"))[12:] if pick % 3 == 0 else self.senders[pick % self.wallets].address
        if self.kind == "ETH" or (self.kind == "mix" and (index + nonce) % 2):
            return sender.typed(chain_id=CHAIN_ID, nonce=nonce, to=to, value=1 + pick % 10**9, gas=21_000, fee=_FEE, tip=_TIP)
        return sender.typed(chain_id=CHAIN_ID, nonce=nonce, to=TOKEN, data=transfer(to, 1 + pick % 10**9), gas=100_000, fee=_FEE, tip=_TIP)

    def write(self, path: Path) -> None:
        """A line a wallet: 0x hex, spaces between."""
        path.write_text("\n".join(" ".join("0x" + raw.hex() for raw in each) for each in self.sign()))


def wallet(number: int) -> Wallet:
    return Wallet.number(_FIRST + 1 + number)


def transfer(to: bytes, amount: int) -> bytes:
    return keccak(b"transfer(address,uint256)")[:4] + encode(["address", "uint256"], [to, amount])


def funded(wallets: int) -> list[str]:
    """Checksummed addresses that have BALANCE in genesis."""
    return [to_checksum_address(each.address) for each in (BANK, *map(wallet, range(wallets)))]


def setup(phases: Sequence[Phase]) -> Iterator[bytes]:
    """Makes the token and gives every wallet that sends it a share."""
    token = artifact("DemoToken").bytecode + encode(["uint256"], [_SUPPLY])
    yield BANK.typed(chain_id=CHAIN_ID, nonce=0, data=token, gas=3_000_000, fee=_FEE, tip=_TIP)
    owners = [owner for phase in phases if phase.kind != "ETH" for owner in phase.senders]
    for nonce, owner in enumerate(owners, 1):
        yield BANK.typed(chain_id=CHAIN_ID, nonce=nonce, to=TOKEN, data=transfer(owner.address, _SHARE), gas=100_000, fee=_FEE, tip=_TIP)
