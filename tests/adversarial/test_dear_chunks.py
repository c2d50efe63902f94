"""The whole proof of a step out of the dearest chunks that are known, on L1: opened in its blob, decoded, executed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from challenger.execute_fee import BLOCKS_AHEAD, fee_ahead
from derivation.codec import to_elements
from derivation.proof import build_step_proof
from l1.artifacts import artifact
from l1.blobs import ChunkProofKind
from l1.contracts import Execute
from l1.kzg import Prover
from tests.adversarial.rich_batch import Posts, rich_batch
from tests.e2e.devnet import CHALLENGER

VECTORS = Path(__file__).parents[1] / "vectors"
PAGES = tuple(bytes.fromhex(page[2:]) for page in json.loads((VECTORS / "codec.json").read_text())["pages"])
DEAR = {entry["name"]: bytes.fromhex(entry["chunk"][2:]) for entry in json.loads((VECTORS / "codec_gas.json").read_text())}
DEAREST = "the same in short matches, and to be put into a transaction"
"""By point evaluations, for L1s without EIP-2537."""
LIMIT = 12_000_000
"""L1 gas: what the design allows for the worst chunk."""


@pytest.mark.slow
async def test_the_dearest_chunks_are_provable(tmp_path: Path) -> None:
    posts = Posts(PAGES, PAGES, [[to_elements(chunk) for chunk in DEAR.values()]])
    gas: dict[tuple[str, ChunkProofKind], int] = {}
    async with rich_batch(tmp_path, calldata=False, posts=lambda net: posts) as scene:
        verifier = bytes.fromhex(scene.net.deployment.step_verifier[2:])
        payer = "0x" + scene.net.account(CHALLENGER).address[2:]
        prover = Prover(1)
        try:
            for number, name in enumerate(DEAR):
                kind = ChunkProofKind.POINTS if name == DEAREST else ChunkProofKind.CELL
                step = max(k for k in range(scene.truth.steps) if scene.truth.states[k].cursor.chunk == number + 1)
                built = await build_step_proof(scene.node, 0, step, prover, kind)
                value = fee_ahead(await Execute(scene.l1).gas_price(), built.gas_used, BLOCKS_AHEAD)
                call = artifact("StepVerifier").call(
                    "refute", scene.net.deployment.inbox, scene.truth.record.hash, scene.truth.commitments[step],
                    b"\x01" * 31, built.proof.as_tuple())
                estimate = await scene.net.rpc.request("eth_estimateGas", [{
                    "from": payer, "to": "0x" + verifier.hex(), "value": hex(value), "data": "0x" + call.hex()}])
                gas[name, kind] = int(estimate, 16)
        finally:
            prover.close()
    print(gas)  # for docs/benchmarks.md: -s
    assert len(gas) == len(DEAR) and max(gas.values()) < LIMIT
