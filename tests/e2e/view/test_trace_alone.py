"""`verdict trace` by somebody who runs no daemon, and of a transaction that L1 doesn't have yet."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.adversarial.kit.devnet import Devnet
from tests.adversarial.kit.proposer import Proposer
from tests.adversarial.kit.scenario import Stage
from tests.e2e.devnet import SEQUENCER
from tests.e2e.view.test_dispute_seen import verdict
from verdict.errors import EXIT_REFUSED


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_it_derives_the_batches_itself_and_says_what_is_under_way(tmp_path: Path) -> None:
    overrides = {"sequencer.batch_interval": "1s", "sequencer.assert_batches": False}
    async with Devnet(Stage(tmp_path), overrides) as net, net.sequencer() as daemon:
        own, alone = daemon.config, net.another()
        ports = {"sequencer.port": own.sequencer.port, "node.port": own.node.port}
        net.write_toml("user.toml", data_dir=str(alone.data_dir), **ports)
        truth = await net.batch()
        code, status, _ = await verdict(net, "status")
        assert code == 0 and "1 posted" in status and "unsafe" in status
        code, out, err = await verdict(net, "trace", "--batch", "0", "--step", "1")
        assert code == 0, err
        assert "deriving them from L1" in err and "derived from L1 here" in out
        assert truth.commitments[2].hex() in out and (alone.data_dir / "trace" / "chain").is_dir()

        l2, sequencer = net.l2(), net.account(SEQUENCER)
        with Proposer(net.l1).censoring(bytes.fromhex(sequencer.address[2:])):
            sent = await net.send(l2, net.account(5), to=net.account(4).address, value=1)
            name = sent["transactionHash"].to_0x_hex()
            late = await l2.eth.send_raw_transaction(net.account(5).sign_transaction({
                "nonce": 9, "chainId": 42069, "gas": 21_000, "to": net.account(4).address, "value": 1,
                "maxFeePerGas": 10**10, "maxPriorityFeePerGas": 10**9}).raw_transaction)
            for each, part in ((name, "whose batch is not on L1 yet"), (late.to_0x_hex(), "waits in the pool")):
                code, out, err = await verdict(net, "trace", each)
                assert code == EXIT_REFUSED and not out and part in err, err

        async def posted() -> bool:
            return len(await net.events("BatchPosted")) == 2

        await net.until(posted, "its batch is on L1", daemon=daemon)
        code, out, err = await verdict(net, "trace", name)
        assert code == 0 and "of batch 1" in out and "succeeded" in out, err
