"""L2's own contracts in its genesis: the code of the artifacts, slot 0 and nothing else, where the protocol says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import rlp

from bridge.predeploys import L2_TOKEN_BRIDGE, MESSAGE_PASSER, MESSENGER
from bridge.tokens import bridged_token
from chain.store import ChainStore
from derivation.inputs import DerivationParams
from execution.account import Account, decode_account
from execution.encoding import EMPTY_ROOT, keccak
from execution.rules import Rules
from execution.trie import Trie
from l1.artifacts import address_bytes, artifact
from l1.client import L1Client
from node.chain import DerivedChain
from rpc.node import build_dispatcher
from tests.e2e.devnet import base_configuration
from tests.e2e.money.ground import Direct
from tests.vectors.make_l1_state import PATH, build
from verdict.config import Config, parse_config
from verdict.genesis import L1Addresses, l2_genesis

L1 = L1Addresses(portal=b"\x11" * 20, token_bridge=b"\x22" * 20)
TOKEN = b"\x33" * 20


@pytest.fixture
def config(tmp_path: Path) -> Config:
    tree = base_configuration()
    tree["l1"] |= {"rpc_url": "http://127.0.0.1:1", "beacon_url": "http://127.0.0.1:1"}
    return parse_config(tree, base=tmp_path, source="test")


def test_what_l1_state_is_proved_with_is_what_the_program_makes() -> None:
    """Mend with: python tests/vectors/make_l1_state.py"""
    assert build() == json.loads(PATH.read_text())


def storage_root(value: bytes) -> bytes:
    """Of an account with 20 bytes in slot 0 and nothing else: one leaf, by hand."""
    return keccak(rlp.encode([b"\x20" + keccak(bytes(32)), rlp.encode(value)]))


def test_accounts(config: Config) -> None:
    header, nodes, codes = l2_genesis(config, L1)

    class Nodes:
        node = staticmethod(nodes.__getitem__)
        code = staticmethod(codes.__getitem__)

    trie = Trie(Nodes(), header.state_root)

    def account(address: bytes) -> Account:
        found = trie.get(keccak(address))
        assert found is not None
        return decode_account(found)

    expected = ((MESSAGE_PASSER, "MessagePasser", EMPTY_ROOT), (MESSENGER, "Messenger", storage_root(L1.portal)),
                (L2_TOKEN_BRIDGE, "L2TokenBridge", storage_root(L1.token_bridge)))
    for address, name, root in expected:
        found = account(address)
        assert (found.nonce, found.balance, found.storage_root) == (1, 0, root), name
        assert codes[found.code_hash] == artifact(name).deployed, name


def test_it_depends_on_both_addresses(config: Config) -> None:
    others = (L1, L1Addresses(b"\x12" * 20, L1.token_bridge), L1Addresses(L1.portal, b"\x12" * 20))
    assert len({l2_genesis(config, each)[0].hash for each in others}) == 3
    assert l2_genesis(config, L1)[0] == l2_genesis(config, L1)[0]


async def test_they_answer_from_the_first_block_on(config: Config) -> None:
    rules, params = Rules(chain_id=42069), DerivationParams(42069, bytes(20), config.rollup.gas_limit, 600)
    with ChainStore.open(None, l2_genesis(config, L1)) as store:
        l2 = L1Client(transports=[Direct(build_dispatcher(DerivedChain(store, rules, params)))])

        async def ask(name: str, address: bytes, function: str) -> bytes:
            return address_bytes(artifact(name).answer(function, await l2.call(address, artifact(name).call(function)))[0])

        assert await ask("Messenger", MESSENGER, "portal") == L1.portal
        assert await ask("L2TokenBridge", L2_TOKEN_BRIDGE, "l1Bridge") == L1.token_bridge
        # CREATE2 with salt 0 and the token as argument; the creation code is the artifact's
        made = keccak(artifact("BridgedToken").deployment(TOKEN))
        assert await bridged_token(l2, TOKEN) == keccak(b"\xff" + L2_TOKEN_BRIDGE + bytes(32) + made)[12:]
