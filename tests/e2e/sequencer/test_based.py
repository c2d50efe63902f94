"""sequencing = "based": several sequencers with keys of their own post to one Inbox, and L1 decides who comes first."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount

from sequencer.service import SequencerService
from tests.e2e.devnet import ETHER, Devnet

BASED = {"rollup.sequencing": "based", "rollup.sequencer": None, "sequencer.batch_interval": "1s"}
KEYS = (1, 4, 9)  # accounts of the sequencers


def signed(account: LocalAccount, nonce: int, to: str, value: int) -> bytes:
    return bytes(account.sign_transaction({
        "chainId": 42069, "nonce": nonce, "gas": 21000, "to": to, "value": value, "type": 2,
        "maxFeePerGas": 10**10, "maxPriorityFeePerGas": 10**9}).raw_transaction)


@asynccontextmanager
async def sequencers(net: Devnet, count: int, *overrides: dict[str, object]) -> AsyncIterator[list[SequencerService]]:
    """Each with its own key and data; `overrides` for the first, the second, ..."""
    async with AsyncExitStack() as stack:
        running = []
        for place, own in zip(range(count), [*overrides, *[{}] * count], strict=False):
            config = net.another(own, sequencer=net.account(KEYS[place]))
            running.append(await stack.enter_async_context(SequencerService(config)))
        yield running


def transactions_of(sequencer: SequencerService, label: str) -> Counter[bytes]:
    """How often each transaction is in its chain, up to that label."""
    found: Counter[bytes] = Counter()
    store, top = sequencer.parts.node.store, sequencer.parts.node.resolve(label)
    for number in range(1, top.number + 1 if top else 0):
        header = store.header_by_number(number)
        block = store.block(header.hash) if header else None
        found.update(block.transactions if block else ())
    return found


async def all_have(net: Devnet, running: Sequence[SequencerService], sent: Sequence[bytes], *, mine: bool = False) -> None:
    async def same() -> Any:
        if mine:
            await net.mine()
        heads = {each.parts.node.resolve("safe").hash for each in running}  # type: ignore[union-attr]
        return len(heads) == 1 and set(sent) <= set(transactions_of(running[0], "safe"))

    await net.until(same, "all sequencers have all transactions, safe and alike", timeout=90)


@pytest.mark.slow
async def test_who_loses_a_race_on_l1_goes_on_from_the_winners_batch(tmp_path: Path) -> None:
    """Three batches on one parent in one L1 block. What the losers had built pays accounts that spend it at once: when the
    blocks are gone, those have nothing, and their transactions must come back all the same."""
    overrides = {**BASED, "sequencer.assert_batches": False, "sequencer.stagger": "1ms"}
    async with Devnet(tmp_path, overrides, block_time=None) as net, sequencers(net, 3) as running:
        sent: list[bytes] = []
        heirs = [Account.from_key(bytes(31) + bytes([200 + place])) for place in range(3)]

        async def pending() -> int:
            return int((await net.rpc.request("txpool_status", []))["pending"], 16)

        await net.mine(2)
        head = (await net.rpc.head()).number
        views = [each.parts.view_of_l1 for each in running]
        await net.until(lambda: asyncio.sleep(0, all((at := view()) and at.head == head for view in views)), "they see L1's head")
        for place, (sequencer, heir) in enumerate(zip(running, heirs, strict=True)):
            user = net.account(5 + place)
            mine = [signed(user, 0, heir.address, ETHER)]
            await sequencer.parts.node.submit(mine[0])
            funded = bytes.fromhex(heir.address[2:])
            await net.until(lambda each=sequencer, who=funded: asyncio.sleep(  # type: ignore[misc]
                0, each.parts.node.world_at(each.parts.node.head()).get_balance(who)), "the heir is paid")
            for raw in (signed(heir, 0, "0x" + "99" * 20, ETHER // 2), signed(user, 1, "0x" + "99" * 20, 1)):
                await sequencer.parts.node.submit(raw)
                mine.append(raw)
            sent += mine
        closed = [each.parts.ledger for each in running]
        await net.until(lambda: asyncio.sleep(0, all(ledger.tip_index for ledger in closed)), "all three have closed a batch")
        await net.mine()  # its origin is a past block now
        await net.until(lambda: _at_least(pending, 3), "all three have sent it")
        await net.mine()
        await all_have(net, running, sent, mine=True)

        counts = transactions_of(running[0], "safe")
        assert [counts[raw] for raw in sent] == [1] * len(sent), "each once"
        world = running[1].parts.node.world_at(running[1].parts.node.resolve("safe"))  # type: ignore[arg-type]
        assert world.get_balance(b"\x99" * 20) == 3 * (ETHER // 2 + 1)
        contests = [each.parts.contest for each in running]
        assert sum(each.lost_on_l1 for each in contests) >= 2, "two lost the first race"
        assert all((each.wasted > 0) == (each.lost_on_l1 > 0) for each in contests)
        assert [each.parts.follower.alarms for each in running] == [0, 0, 0]
        posters = Counter(event.args["poster"] for event in await net.events("BatchPosted"))
        assert set(posters) == {net.account(key).address for key in KEYS}, "who lost has posted since"
        assert not any(len(each.parts.node.displaced) for each in running)


async def _at_least(count: Any, least: int) -> bool:
    return await count() >= least


@pytest.mark.slow
async def test_each_batch_is_asserted_once_and_by_others_if_its_poster_does_not(tmp_path: Path) -> None:
    overrides = {**BASED, "sequencer.assert_patience": "3s", "sequencer.stagger": "2s"}
    async with Devnet(tmp_path, overrides) as net, sequencers(net, 2, {}, {"sequencer.assert_batches": False}) as running:
        sent: list[bytes] = []
        for nonce in range(2):
            for sequencer, account in zip(running, (5, 6), strict=True):
                sent.append(signed(net.account(account), nonce, "0x" + "99" * 20, 1))
                await sequencer.parts.node.submit(sent[-1])
            await all_have(net, running, sent)
        posters = [event.args["poster"] for event in await net.events("BatchPosted")]
        assert set(posters) == {net.account(KEYS[0]).address, net.account(KEYS[1]).address}

        async def asserted() -> Any:
            return len(await net.events("AssertionMade")) >= len(posters)

        await net.until(asserted, "every batch is asserted", timeout=120)
        events = await net.events("AssertionMade")
        made = Counter(bytes(event.args["batchHash"]) for event in events)
        assert set(made.values()) == {1} and len(made) == len(posters), "no bond for a duplicate"
        assert {event.args["asserter"] for event in events} == {net.account(KEYS[0]).address}
        await net.travel(601)

        async def confirmed() -> Any:
            return await net.confirmed_batches() >= len(posters)

        await net.until(confirmed, "every batch is confirmed")
