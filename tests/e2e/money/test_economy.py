"""No course of deposits, transactions, garbage, confirmations and withdrawals breaks the books or keeps anybody in."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from l1.kzg import Prover
from tests.e2e.devnet import USER
from tests.e2e.money.economy import machine
from tests.e2e.money.ground import ground
from verdict.keys import test_account as mnemonic_account

REFUSER = bytes.fromhex("60fe5f5360015ff3")  # creates a contract whose code is INVALID
OVERRIDES = {"rollup.alloc": [], "dispute.stride": 0, "dispute.window": "2h", "dispute.clock": "30m"}


def play(directory: Path, examples: int, steps: int) -> None:
    with asyncio.Runner() as runner:
        loop = runner.get_loop()

        async def prepared():
            context = ground(directory, OVERRIDES)
            here = await context.__aenter__()
            account = mnemonic_account(USER)
            raw = account.sign_transaction({
                "chainId": 31337, "nonce": 0, "data": REFUSER, "gas": 100_000, "maxFeePerGas": 10**11, "maxPriorityFeePerGas": 10**9,
                "value": 0}).raw_transaction
            tx_hash = await here.rpc.request("eth_sendRawTransaction", ["0x" + raw.hex()])
            receipt = await here.rpc.request("eth_getTransactionReceipt", [tx_hash])
            return context, here, bytes.fromhex(receipt["contractAddress"][2:])

        context, here, refuser = loop.run_until_complete(prepared())
        prover = Prover(0)
        try:
            run_state_machine_as_test(machine(here, loop, prover, refuser), settings=settings(
                max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck),
                print_blob=True))
        finally:
            prover.close()
            loop.run_until_complete(context.__aexit__(None, None, None))


def test_the_books_are_always_right(tmp_path: Path) -> None:
    play(tmp_path, examples=3, steps=15)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_books_are_always_right_for_longer(tmp_path: Path) -> None:
    play(tmp_path, examples=40, steps=40)
