"""Reads the shared sample of Ethereum's blockchain tests (filled for Prague)."""

import gzip
import json
from dataclasses import dataclass
from pathlib import Path

from execution.encoding import EMPTY_ROOT
from execution.encoding import header as rlp_item
from execution.genesis import GenesisAccount, put_account
from execution.header import Header, decode_header
from execution.rules import Rules
from execution.trie import NoSource
from execution.world import WorldState

PATH = Path(__file__).resolve().parents[3].parent / "shared" / "fixtures" / "prague_blockchain_tests.jsonl.gz"


@dataclass(frozen=True)
class Block:
    rlp: bytes
    exception: str | None


@dataclass(frozen=True)
class Case:
    name: str
    group: str
    chain_id: int
    genesis: Header
    alloc: dict
    blocks: tuple[Block, ...]

    @property
    def rules(self) -> Rules:
        return Rules(self.chain_id, blobs=True, tx_gas_cap=None)

    def world(self) -> WorldState:
        world = WorldState(NoSource(), EMPTY_ROOT)
        for address, account in self.alloc.items():
            put_account(world, address, account)
        assert world.root() == self.genesis.state_root
        return world


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def _case(line: str) -> Case:
    record = json.loads(line)
    fixture = record["fixture"]
    genesis = _bytes(fixture["genesisRLP"])
    _, start, end = rlp_item(genesis, 0, len(genesis))
    _, _, stop = rlp_item(genesis, start, end)
    alloc = {
        _bytes(address): GenesisAccount(
            int(account["balance"], 16),
            int(account["nonce"], 16),
            _bytes(account["code"]),
            {int(slot, 16): int(value, 16) for slot, value in account["storage"].items()},
        )
        for address, account in fixture["pre"].items()
    }
    blocks = tuple(Block(_bytes(block["rlp"]), block.get("expectException")) for block in fixture["blocks"])
    return Case(
        record["id"], record["group"], int(fixture["config"]["chainid"], 16),
        decode_header(genesis[start:stop]), alloc, blocks,
    )  # fmt: skip


def cases() -> list[Case]:
    if not PATH.exists():
        return []
    with gzip.open(PATH, "rt") as lines:
        return [_case(line) for line in lines]


def quick(all_cases: list[Case]) -> list[Case]:
    """Every third case and every invalid one, without the slow pairings of py_ecc (BLS12-381, one of each group)."""
    chosen, seen_bls = [], set()
    for index, case in enumerate(all_cases):
        if "bls12" in case.group or "tstore_wide_address_space" in case.name:
            if "pairing" not in case.group and "msm" not in case.group and case.group not in seen_bls:
                seen_bls.add(case.group)
                if "bls12" in case.group:
                    chosen.append(case)
        elif index % 3 == 0 or any(block.exception for block in case.blocks):
            chosen.append(case)
    return chosen
