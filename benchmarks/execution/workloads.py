"""What the execution benchmarks run: transfers of ETH, transfers of an ERC-20, swaps on a constant-product exchange.

The contracts are OpenZeppelin's ERC-20 and `solidity/src/examples/DemoExchange.sol`, as compiled in solidity/artifacts.
A world of n accounts has n funded addresses that also hold the token, so its account trie and the token's storage
trie both have n leaves. Everything is made from numbers, so every run and every engine gets the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from eth_abi.abi import encode

from execution.encoding import keccak
from execution.genesis import GenesisAccount, build_genesis
from execution.header import Header
from execution.rules import Rules
from execution.step import Machine, OverlaySource
from execution.trie import NoSource
from execution.types import BlockAttributes, BlockStart, StepState, Transaction
from tests.unit.execution.wallet import Wallet

ROOT = Path(__file__).resolve().parents[2]
CHAIN_ID = 1
GAS_LIMIT = 1_000_000_000
BASE_FEE = 10**9
SENDERS = 50
RULES = Rules(CHAIN_ID)
FEE_RECIPIENT = b"\xfe" * 20
SUPPLY = 10**30

_MAX = 2**256 - 1
_FIXED_SLOTS = 16  # of the contracts' variables outside of mappings


@dataclass(frozen=True)
class World:
    """Genesis and where things are. `nodes`, `codes` by hash; `alloc` is what other engines start from."""

    header: Header
    nodes: Mapping[bytes, bytes]
    codes: Mapping[bytes, bytes]
    alloc: Mapping[bytes, GenesisAccount]
    tokens: tuple[bytes, bytes]
    exchange: bytes

    def source(self) -> OverlaySource:
        return OverlaySource(dict(self.nodes), dict(self.codes), NoSource())

    def machine(self) -> Machine:
        """At the beginning of the first block."""
        pre = StepState(self.header.state_root, self.header.hash)
        machine = Machine(RULES, self.source(), pre, {self.header.hash: self.header.rlp()}.__getitem__)
        machine.step(BlockStart(attributes(1)))
        return machine


def attributes(timestamp: int) -> BlockAttributes:
    return BlockAttributes(timestamp, FEE_RECIPIENT, bytes(32), GAS_LIMIT, bytes(32))


def wallets() -> list[Wallet]:
    return [Wallet.number(i + 1) for i in range(SENDERS)]


def account(index: int) -> bytes:
    """The address of the index-th account that only holds."""
    return keccak(index.to_bytes(8, "big"))[12:]


def build_world(accounts: int) -> World:
    contracts = _contracts()
    token, other, exchange = contracts
    senders = [wallet.address for wallet in wallets()]
    holders = senders + [account(i) for i in range(accounts - SENDERS)]
    alloc = {address: GenesisAccount(balance=10**24) for address in senders}
    alloc |= {address: GenesisAccount(balance=10**18) for address in holders[SENDERS:]}
    for address, deployed in contracts.items():
        storage = dict(deployed.storage)
        if address in (token, other):
            held = holders if address == token else senders
            storage |= {_mapping_slot(holder, 0): 10**24 for holder in [*held, exchange]}
            storage |= {_mapping_slot(exchange, _mapping_slot(sender, 1)): _MAX for sender in senders}
        else:
            storage[_RESERVES] = 10**24 | 10**24 << 112
        alloc[address] = GenesisAccount(nonce=1, code=deployed.code, storage=storage)
    header, nodes, codes = build_genesis(alloc, CHAIN_ID, GAS_LIMIT, 0, BASE_FEE)
    return World(header, nodes, codes, alloc, (token, other), exchange)


_RESERVES = 0  # DemoExchange's first slot: both reserves and the time


def transactions(world: World, accounts: int) -> dict[str, Callable[[int, int], bytes]]:
    """kind -> (index of the sender, its nonce) -> a signed transaction. Recipients are spread over all accounts."""
    signers = wallets()
    token, _ = world.tokens

    def target(sender: int, nonce: int) -> bytes:
        pick = int.from_bytes(keccak(bytes((sender,)) + nonce.to_bytes(4, "big"))[:8], "big")
        return account(pick % (accounts - SENDERS))

    def eth(sender: int, nonce: int) -> bytes:
        return signers[sender].typed(nonce=nonce, to=target(sender, nonce), value=1, gas=21_000)

    def erc20(sender: int, nonce: int) -> bytes:
        data = _call("transfer(address,uint256)", target(sender, nonce), 10**15 + nonce)
        return signers[sender].typed(nonce=nonce, to=token, data=data, gas=100_000)

    def swap(sender: int, nonce: int) -> bytes:
        data = _call(
            "swap(bool,uint256,uint256,address)", (sender + nonce) % 2 == 0, 10**16 + nonce, 0, signers[sender].address
        )
        return signers[sender].typed(nonce=nonce, to=world.exchange, data=data, gas=300_000)

    return {"ETH transfer": eth, "ERC-20 transfer": erc20, "swap": swap}


def series(make: Callable[[int, int], bytes], count: int) -> list[bytes]:
    """`count` transactions, the senders taking turns."""
    return [make(i % SENDERS, i // SENDERS) for i in range(count)]


def dump(world: World, alloc: Mapping[bytes, GenesisAccount], transactions: list[bytes], path: Path) -> None:
    """For engines in other processes: genesis header, alloc and transactions as JSON."""
    record = {
        "genesis": "0x" + world.header.rlp().hex(),
        "stateRoot": "0x" + world.header.state_root.hex(),
        "alloc": {
            "0x" + address.hex(): {
                "balance": hex(entry.balance),
                "nonce": hex(entry.nonce),
                "code": "0x" + entry.code.hex(),
                "storage": {hex(slot): hex(value) for slot, value in entry.storage.items()},
            }
            for address, entry in alloc.items()
        },
        "transactions": ["0x" + raw.hex() for raw in transactions],
    }
    path.write_text(json.dumps(record))


def _contracts() -> dict[bytes, GenesisAccount]:
    """Both tokens and the exchange, deployed by real transactions on a small chain and read back."""
    deployer = Wallet.number(10**6)
    header, nodes, codes = build_genesis({deployer.address: 10**24}, CHAIN_ID, GAS_LIMIT, 0, BASE_FEE)
    machine = Machine(
        RULES, OverlaySource(nodes, codes, NoSource()), StepState(header.state_root, header.hash),
        {header.hash: header.rlp()}.__getitem__,
    )  # fmt: skip
    machine.step(BlockStart(attributes(1)))
    addresses: list[bytes] = []
    for name in ("DemoToken", "DemoToken", "DemoExchange"):
        arguments = encode(["uint256"], [SUPPLY]) if name == "DemoToken" else encode(["address"] * 2, addresses)
        data = _artifact(name) + arguments
        outcome = machine.step(Transaction(deployer.typed(nonce=len(addresses), gas=5_000_000, data=data)))
        assert outcome.receipt is not None and outcome.receipt.succeeded, outcome
        addresses.append(_created(deployer.address, len(addresses)))
    world = machine.world
    return {
        address: GenesisAccount(
            code=world.get_code(address),
            storage={slot: value for slot in range(_FIXED_SLOTS) if (value := world.get_storage(address, slot))},
        )
        for address in addresses
    }


def _artifact(name: str) -> bytes:
    record = json.loads((ROOT / "solidity" / "artifacts" / f"{name}.json").read_text())
    return bytes.fromhex(record["bytecode"].removeprefix("0x"))


def _created(sender: bytes, nonce: int) -> bytes:
    from execution.calls import contract_address

    return contract_address(sender, nonce)


def _mapping_slot(key: bytes, slot: int) -> int:
    return int.from_bytes(keccak(key.rjust(32, b"\0") + slot.to_bytes(32, "big")), "big")


def _call(signature: str, *arguments: object) -> bytes:
    types = signature[signature.index("(") + 1 : -1].split(",")
    return keccak(signature.encode())[:4] + encode(types, arguments)
