"""Whoever changes one line of derivation is refuted by one proof on L1: of each line that says what a batch means, one test here
is what fails if Solidity says it otherwise, or if no data shows the difference."""

from __future__ import annotations

from pathlib import Path

from challenger.execute_fee import BLOCKS_AHEAD, fee_ahead
from derivation.proof import BuiltProof, build_step_proof
from l1.artifacts import artifact
from l1.contracts import Execute
from l1.kzg import Prover
from tests.adversarial import every_rule
from tests.adversarial.changed_lines import IN_CODEC, IN_INPUTS, IN_THE_NEXT_BATCH, Change, first_lie
from tests.adversarial.kit.arena import Arena, derive
from tests.adversarial.kit.lies import Truth, truth_of
from tests.adversarial.rich_batch import Posts, rich_batch
from tests.e2e.devnet import CHALLENGER, Devnet


def posts(net: Devnet) -> Posts:
    return Posts(every_rule.PAGES, every_rule.PAGES, [every_rule.elements(net), every_rule.next_elements(net)])


async def test_every_changed_line_is_refuted(tmp_path: Path) -> None:
    async with rich_batch(tmp_path, calldata=False, posts=posts) as scene:
        await derive(scene.node, 1)
        following = await truth_of(scene.node, 1)
        assert following.data.header.origin_timestamp < scene.truth.states[-2].open.attributes.timestamp  # type: ignore[union-attr]
        refuter = Refuter(scene)
        try:
            for truth, changes in ((scene.truth, IN_CODEC | IN_INPUTS), (following, IN_THE_NEXT_BATCH)):
                for name, change in changes.items():
                    await refuter.refute(truth, name, change)
        finally:
            refuter.prover.close()
        assert len(refuter.proofs) > 20  # different steps


class Refuter:
    """Asks the StepVerifier on L1, with the EXECUTE that it has there."""

    def __init__(self, scene: Arena) -> None:
        self.scene, self.prover = scene, Prover(1)
        self.proofs: dict[tuple[int, int], BuiltProof] = {}
        self.address = bytes.fromhex(scene.net.deployment.step_verifier[2:])

    async def refute(self, truth: Truth, name: str, change: Change) -> None:
        node, index = self.scene.node, truth.record.index
        try:
            step, claimed = await node.in_thread(first_lie, truth, change)
        except ValueError as error:
            raise AssertionError(f"{name!r}: {error}") from error
        built = self.proofs.get((index, step))
        if built is None:
            built = self.proofs[index, step] = await build_step_proof(node, index, step, self.prover)
        right = truth.commitments
        value = fee_ahead(await Execute(self.scene.l1).gas_price(), built.gas_used, BLOCKS_AHEAD)
        call = artifact("StepVerifier").call(
            "refute", self.scene.net.deployment.inbox, truth.record.hash, right[step], claimed, built.proof.as_tuple())
        payer = bytes.fromhex(self.scene.net.account(CHALLENGER).address[2:])
        answer = await self.scene.l1.call(self.address, call, value=value, sender=payer)
        proved, _, _ = artifact("StepVerifier").answer("refute", answer)
        assert proved == right[step + 1] != claimed, name
