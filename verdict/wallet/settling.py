"""`verdict settle`: has L1 confirm batches now, by EXECUTE over their steps."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from bridge.errors import BridgeError
from chain.store import ChainStore
from derivation.node import RollupNode
from derivation.proof import ProofRejected, UnknownStep
from derivation.records import DerivedRecord
from l1.account_view import AccountView
from l1.artifacts import address_bytes
from l1.blob_sources import BlobsMissing
from l1.client import L1Client
from l1.contracts import Execute
from l1.kzg import Prover
from settlement.costs import step_costs
from settlement.plan import DoesNotFit, segments
from settlement.settler import Settled, Settler
from verdict.blob_settings import blob_client
from verdict.chunk_proofs import chunk_proofs
from verdict.node_settings import node_settings
from verdict.service import check_identity, rollup_genesis
from verdict.wallet.report import ether
from verdict.wallet.session import Session

POLL = 0.5  # seconds


async def settle(session: Session, batch: int | None, dry_run: bool) -> None:
    """All batches up to `batch` that aren't confirmed; None: the next one. BridgeError says why it can't be."""
    _, posted = await session.inbox.head_batch()
    latest = await session.rollup.latest_confirmed()
    report, first = session.report, latest.batch_count
    report.line("batches", f"{posted} posted, {first} confirmed", posted=posted, confirmed=first)
    last = first if batch is None else batch
    if last >= posted and not (batch is None and first == posted):
        raise BridgeError(f"batch {last} is not posted: L1 has {posted} batches, the first is 0")
    if last < first or first == posted:
        report.line("nothing", "every batch is confirmed" if batch is None else f"batch {batch} is confirmed already",
                    settled=[])
        return
    async with _settler(session) as (node, settler):
        all_done: list[Settled] = []
        for index in range(first, last + 1):
            record = await report.until(f"until batch {index} is derived from L1", lambda index=index: _derived(node, index),
                                        every=POLL)  # type: ignore[misc]
            try:
                await _foresee(session, node, settler, record)
                if not dry_run:
                    all_done += await _settle(session, settler, record)
            except DoesNotFit as error:
                raise BridgeError(f"batch {index} can't be settled: step {error.step}: {error.reason}. It goes the optimistic "
                                  "way: assert it, and wait for the window") from None
            except (UnknownStep, BlobsMissing, ProofRejected) as error:
                raise BridgeError(f"batch {index} can't be proved: {error}") from None
        report.facts["settled"] = [
            {"batch": each.batch, "first": each.first, "end": each.end, "of": each.total, "l1_gas": each.l1_gas,
             "l2_gas": each.l2_gas, "execute_fee": str(each.fee), "cost": str(each.cost), "transaction": "0x" + each.tx_hash.hex()}
            for each in all_done]


async def _derived(node: RollupNode, index: int) -> DerivedRecord | None:
    await node.advance()
    if (blocked := node.blocked) is not None:
        raise BridgeError(f"batch {blocked.posted.header.index} can't be derived: {blocked.reason}")
    record = node.derived(index)
    return record if record is not None and node.is_on_l1(record.hash) else None


async def _foresee(session: Session, node: RollupNode, settler: Settler, record: DerivedRecord) -> None:
    """Says what it will cost, nearly. DoesNotFit, CannotSettle."""
    report, settled = session.report, await settler.progress(record.index)
    costs = await step_costs(node, record.hash)
    already = f", {settled} of them settled already" if settled else ""
    report.line("batch", f"{record.index}: {len(costs)} steps{already}")
    parts = list(segments(costs, await settler.limits(record), settled))
    if not parts:
        return
    market = await AccountView(session.l1, session.address).market()
    price = market.base_fee + max(market.tip, session.config.sequencer.transactions.min_tip)
    gas, l2_gas = sum(each.l1_gas for each in parts), sum(each.l2_gas for each in parts)
    fee = l2_gas * await Execute(session.l1).gas_price()
    count = "one transaction" if len(parts) == 1 else f"{len(parts)} transactions"
    report.line("cost", f"about {ether(gas * price + fee)}: {gas:,} L1 gas in {count}, and EXECUTE of {l2_gas:,} L2 gas",
                foreseen_transactions=len(parts), foreseen_l1_gas=gas, foreseen_l2_gas=l2_gas, foreseen_wei=gas * price + fee)


async def _settle(session: Session, settler: Settler, record: DerivedRecord) -> list[Settled]:
    report = session.report
    done = await settler.settle(record.index)
    after = await session.rollup.latest_confirmed()
    for each in done:
        report.line("settled", f"steps {each.first} to {each.end} of {each.total}: 0x{each.tx_hash.hex()}, {each.l1_gas:,} L1 gas, "
                    f"{ether(each.cost)}; EXECUTE of {each.l2_gas:,} L2 gas, {ether(each.fee)}")
    if not done or not done[-1].confirmed:
        report.line("", "the rest was settled by others")
    cost = sum(each.cost + each.fee for each in done)
    report.line("confirmed", f"batch {record.index}, for {ether(cost)}: L2 block 0x{after.block_hash.hex()}, state root "
                f"0x{after.state_root.hex()}", block_hash=after.block_hash, state_root=after.state_root, wei=cost)
    return done


@contextlib.asynccontextmanager
async def _settler(session: Session) -> AsyncIterator[tuple[RollupNode, Settler]]:
    """With a node of its own, which derives from L1 alone; what it has derived is kept in data_dir/user."""
    config, deployment, l1 = session.config, session.deployment, session.l1
    directory = config.data_dir / "user"
    check_identity(directory, config, deployment)
    async with contextlib.AsyncExitStack() as stack:
        beacon = await stack.enter_async_context(blob_client(config, directory))
        store = stack.enter_context(ChainStore.open(directory / "chain", rollup_genesis(config, deployment)))
        own: L1Client = await stack.enter_async_context(L1Client(config.l1.rpc_url))
        node = RollupNode(node_settings(config, deployment, POLL), store, own, beacon, workers=beacon.workers)
        stack.callback(node.close)
        prover = Prover()
        stack.callback(prover.close)
        yield node, Settler(l1, session.rollup, address_bytes(deployment.stage), node, await session.sender_on_l1(), prover,
                            await chunk_proofs(config, l1), config.challenger.max_proof_calldata)
