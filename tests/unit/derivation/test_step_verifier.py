"""The StepVerifier contract derives the same Input from a step's proof as Python does, for every step of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from eth_account import Account

from chain.store import ChainStore
from derivation.codec import Item, ItemKind, block_start_item, encode_chunk
from derivation.proof import StepProof, build_step_proof
from execution import vm
from execution.abi import input_tuple
from execution.block import BlockBuilder
from execution.genesis import build_genesis
from execution.precompiles import PRECOMPILES
from execution.rules import Rules
from execution.simulation import CallFields
from execution.trie import NodeSource
from execution.types import BlockAttributes, Cursor, StepState
from execution.world import WorldState
from l1.artifacts import artifact, describe_error
from l1.batch_header import BatchHeader
from l1.blobs import BLOB_SIZE, ChunkProofKind, blob_versioned_hash, open_chunk
from l1.kzg import Opening, Prover
from l1.precompiles import has_bls12_381
from tests.unit.derivation.blob_data import MALFORMED
from tests.unit.derivation.fake_l1 import FakeL1
from tests.unit.derivation.test_rollup_node import GENESIS, PARAMS, RULES, follow, make, transfer

KEY = Account.from_key(b"\x33" * 32)
GAS = 500_000_000


class Memory:
    """A NodeSource over dictionaries."""

    def __init__(self, nodes: dict[bytes, bytes], codes: dict[bytes, bytes]) -> None:
        self.node, self.code = nodes.__getitem__, codes.__getitem__


class Ethereum:
    """One block of an L1 with the contracts in it: transactions change it, calls read it."""

    def __init__(self) -> None:
        sender = bytes.fromhex(KEY.address[2:])
        header, nodes, codes = build_genesis({sender: 10**24}, 1, GAS, 0, 7)
        source: NodeSource = Memory(nodes, codes)
        attributes = BlockAttributes(12, bytes(20), bytes(32), GAS, bytes(32))
        rules, world = Rules(1, tx_gas_cap=None), WorldState(source, header.state_root)
        self._builder = BlockBuilder.open(rules, world, header, attributes, lambda number: bytes(32))
        self._nonce = 0

    def send(self, data: bytes, to: bytes | None = None, value: int = 0) -> bytes | None:
        """Address of what was created, if anything was."""
        fields: dict[str, Any] = {
            "chainId": 1, "nonce": self._nonce, "value": value, "data": data, "gas": 12_000_000,
            "maxFeePerGas": 100, "maxPriorityFeePerGas": 0, "type": 2, "to": to if to is not None else b"",
        }  # fmt: skip
        self._nonce += 1
        receipt = self._builder.apply(bytes(KEY.sign_transaction(fields).raw_transaction))
        assert receipt.succeeded
        return receipt.contract_address

    def call(self, to: bytes, data: bytes) -> bytes:
        result = self._builder.call(CallFields(to=to, data=data, gas=GAS))
        assert result.error is None, f"{result.error}: {describe_error(result.output)}"
        return result.output


class KeepingProver(Prover):
    """Point evaluations are slow: made once for each element."""

    def __init__(self) -> None:
        super().__init__(0)
        self._openings: dict[int, Opening] = {}

    async def open_elements(self, blob: bytes, indices: Sequence[int]) -> list[Opening]:
        missing = [index for index in indices if index not in self._openings]
        self._openings.update(zip(missing, await super().open_elements(blob, missing)))
        return [self._openings[index] for index in indices]


@pytest.mark.parametrize("form", ["cell", pytest.param("points", marks=pytest.mark.slow), "calldata"])
async def test_contract_derives_the_same_inputs(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if form == "points":
        without_eip_2537(monkeypatch)
    ethereum, l1 = Ethereum(), FakeL1()
    l1.hash_of = blob_versioned_hash
    inbox = ethereum.send(artifact("Inbox").deployment("0x" + "00" * 20, 0, 100, KEY.address, 1))
    setup = ethereum.send(artifact("KzgSetup").deployment())
    assert inbox is not None and setup is not None
    verifier = ethereum.send(artifact("StepVerifier").deployment(*verifier_arguments(setup)))
    assert verifier is not None
    for recipient, gwei in ((b"\xd0" * 20, 7), (b"\xd1" * 20, 8)):
        l1.deposit(recipient, gwei)
        ethereum.send(artifact("Inbox").call("enqueueDeposit", "0x" + recipient.hex(), gwei), inbox)
    for raw in (transfer(3, 0), b"\x02 nothing"):
        l1.force(raw)
        ethereum.send(artifact("Inbox").call("forceTransaction", raw), inbox, 1)
    l1.mine()
    large = transfer(1, 0, data=b"\x07" * 700)
    chunks = [
        encode_chunk([
            Item(ItemKind.TRANSACTION, transfer(0, 0)), block_start_item(5),
            Item(ItemKind.FRAGMENT, b"not the last item"), Item(ItemKind.FRAGMENT, large[:300]),
        ]),
        encode_chunk([Item(ItemKind.FRAGMENT, large[300:600])]),
        encode_chunk([
            Item(ItemKind.LAST_FRAGMENT, large[600:]), Item(ItemKind.LAST_FRAGMENT, b"stray"),
            block_start_item(60_000), Item(ItemKind.TRANSACTION, transfer(0, 9)),
        ]),
        bytes(2032),
        encode_chunk([Item(ItemKind.TRANSACTION, transfer(0, 1))]),
    ]  # fmt: skip
    if form == "calldata":
        l1.post_calldata(chunks)
    else:
        l1.post([*chunks, MALFORMED])
    l1.mine()
    prover = KeepingProver()
    kind = ChunkProofKind.POINTS if form == "points" else ChunkProofKind.CELL
    with ChainStore.open(None, GENESIS) as store:
        node = make(l1, store)
        await follow(node)
        record = node.derived(0)
        assert record is not None
        for step in range(record.steps):
            built = await build_step_proof(node, 0, step, prover, kind)
            data = artifact("StepVerifier").call("deriveInput", "0x" + inbox.hex(), built.proof.as_tuple())
            (found,) = artifact("StepVerifier").answer("deriveInput", ethereum.call(verifier, data))
            assert built.input is not None and found == input_tuple(built.input), (step, built.input)
        node.close()


def without_eip_2537(monkeypatch: pytest.MonkeyPatch) -> None:
    """L1s made from now on have Cancun's precompiles."""
    cancun = {address: run for address, run in PRECOMPILES.items() if int.from_bytes(address, "big") <= 0x0A}
    monkeypatch.setattr(vm, "PRECOMPILES", cancun)
    monkeypatch.setattr(vm, "_computation_class", vm._computation_class.__wrapped__)  # kept for Prague


class Asked:
    """What of an L1Client is asked which precompiles there are."""

    def __init__(self, ethereum: Ethereum) -> None:
        self._ethereum = ethereum

    async def call(self, to: bytes, data: bytes) -> bytes:
        return self._ethereum.call(to, data)


async def test_cell_proofs_are_for_l1s_with_eip_2537(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await has_bls12_381(Asked(Ethereum()))  # type: ignore[arg-type]
    without_eip_2537(monkeypatch)
    ethereum = Ethereum()
    assert not await has_bls12_381(Asked(ethereum))  # type: ignore[arg-type]
    setup = ethereum.send(artifact("KzgSetup").deployment())
    assert setup is not None
    verifier = ethereum.send(artifact("StepVerifier").deployment(*verifier_arguments(setup)))
    assert verifier is not None
    blob = bytes(BLOB_SIZE)
    header = BatchHeader(
        bytes(32), 0, (blob_versioned_hash(blob),), bytes(32), (), 1, 1, bytes(32), 1, bytes(32), 0, 0, 0, 0
    )
    state = replace(StepState(bytes(32), bytes(32)), cursor=Cursor(0, 1, 0))
    chunk = await open_chunk(Prover(0), blob, 0)
    proof = StepProof(header, state, state, chunks=(chunk,))
    call = artifact("StepVerifier").call("deriveInput", "0x" + bytes(20).hex(), proof.as_tuple())
    with pytest.raises(AssertionError, match="Bls12381Missing"):
        ethereum.call(verifier, call)


def verifier_arguments(setup: bytes) -> list[Any]:
    """In the order of the contract's constructor, by what each argument is called."""
    named = {
        "chainId_": PARAMS.chain_id, "fork_": b"prague".ljust(32, b"\0"), "gasLimit_": PARAMS.gas_limit,
        "feeRecipient_": "0x" + PARAMS.fee_recipient.hex(), "maxDrift_": PARAMS.max_drift,
        "txGasCap_": RULES.tx_gas_cap or 0, "setup_": "0x" + setup.hex(),
    }  # fmt: skip
    constructor = next(entry for entry in artifact("StepVerifier").abi if entry["type"] == "constructor")
    return [named[each["name"]] for each in constructor["inputs"]]
