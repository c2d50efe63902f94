"""A user at work: their key, L1, an L2 node, and transactions that are seen through.

What is sent is journaled in data_dir/user, so that Ctrl-C loses nothing: the next command of the same key goes on with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eth_account.signers.local import LocalAccount

from l1.account_view import AccountView
from l1.candidates import L1Receipt, TransactionReverted, TxCandidate, call_fields
from l1.client import BlockId, L1Client, L1Unavailable, RetryPolicy
from l1.contracts import Inbox, Portal, Rollup, revert_reason
from l1.fees import ample_gas
from l1.rpc_errors import RpcError, rpc_error_of
from l1.txmanager import TransactionManager
from verdict.config import Config, load_config
from verdict.deploy import check_deployment, transaction_policy
from verdict.deployment import Deployment
from verdict.errors import L2Problem
from verdict.keys import load_key
from verdict.wallet.currency import Currency, currency_of
from verdict.wallet.report import Report, ether

ROLE = "user"
L2_POLL = 0.25  # seconds


class L2Client(L1Client):
    """An L2 node: what goes wrong with it is not L1's fault."""

    def __init__(self, url: str, retry: RetryPolicy | None = None) -> None:
        super().__init__(url, retry=retry or RetryPolicy())
        self.url = url

    async def request(self, method: str, params: Sequence[Any] = (), *, at: BlockId | None = None) -> Any:
        try:
            return await super().request(method, params, at=at)
        except L1Unavailable as error:
            raise L2Unavailable(f"the L2 node {self.url} does not answer: {error}") from None


class L2Unavailable(L1Unavailable, L2Problem):
    """No answer in time."""


@dataclass
class Session:
    """`l2` None: no node of L2 answers, and the command can do without."""

    config: Config
    deployment: Deployment
    report: Report
    l1: L1Client
    l2: L2Client | None
    account: LocalAccount | None
    currency: Currency
    _stack: contextlib.AsyncExitStack
    _senders: dict[int, TransactionManager]

    @property
    def inbox(self) -> Inbox:
        return Inbox(self.l1, self.deployment.inbox)

    @property
    def rollup(self) -> Rollup:
        return Rollup(self.l1, self.deployment.rollup)

    @property
    def portal(self) -> Portal:
        return Portal(self.l1, self.deployment.portal)

    @property
    def exclusive_timeout(self) -> int:
        """Seconds; 0: anyone may post at any time."""
        rollup = self.config.rollup
        return rollup.exclusive_timeout if rollup.sequencer else 0

    @property
    def node(self) -> L2Client:
        assert self.l2 is not None
        return self.l2

    @property
    def user(self) -> LocalAccount:
        assert self.account is not None
        return self.account

    @property
    def address(self) -> bytes:
        return bytes.fromhex(self.user.address[2:])

    # ---- sending

    async def on_l1(self, what: str, to: bytes, data: bytes, value: int = 0, spends: int | None = None) -> L1Receipt:
        """Says what it costs, sends it, waits for its receipt. `spends`: how much of `value` is not given back, if not all."""
        return await self._send(1, self.l1, self.config.l1.chain_id, what, TxCandidate(to, data, value), spends)

    async def sender_on_l1(self) -> TransactionManager:
        return await self._sender(1, self.l1, self.config.l1.chain_id)

    async def on_l2(self, what: str, to: bytes, data: bytes, value: int = 0) -> L1Receipt:
        return await self._send(2, self.node, self.config.rollup.chain_id, what, TxCandidate(to, data, value), None)

    async def _send(
        self, layer: int, rpc: L1Client, chain_id: int, what: str, candidate: TxCandidate, spends: int | None
    ) -> L1Receipt:
        report, sender = self.report, await self._sender(layer, rpc, chain_id)
        gas, price = await self._cost(rpc, candidate)
        show = ether if layer == 1 else self.currency.show
        beside = candidate.value if spends is None else spends
        report.line("cost", f"about {show(gas * price)} for {gas:,} gas on L{layer}"
                    + (f", beside {show(beside)}" if beside else ""))
        sending = asyncio.create_task(sender.send(candidate))
        try:
            receipt = await report.until(f"{what}: until L{layer} includes it", lambda: _settled(sending), every=0.1)
        finally:
            if not sending.done():
                sending.cancel()
        price = receipt.gas_price
        report.line(
            what, f"0x{receipt.tx_hash.hex()}  L{layer} block {receipt.block_number}, {receipt.gas_used:,} gas, "
            f"{show(receipt.fees)}",
            **{f"l{layer}_transaction": receipt.tx_hash, f"l{layer}_block": receipt.block_number,
               f"l{layer}_gas": receipt.gas_used, f"l{layer}_fee": receipt.fees})  # fmt: skip
        return receipt

    async def _sender(self, layer: int, rpc: L1Client, chain_id: int) -> TransactionManager:
        if layer not in self._senders:
            policy = transaction_policy(self.config)
            if layer == 2:
                policy = replace(policy, confirmations=0, poll=L2_POLL)
            manager = TransactionManager(rpc, self.user.key.hex(), chain_id, self.config.data_dir / ROLE / f"l{layer}", policy)
            self._senders[layer] = await self._stack.enter_async_context(manager)
        return self._senders[layer]

    async def _cost(self, rpc: L1Client, candidate: TxCandidate) -> tuple[int, int]:
        """(gas, wei a gas) as the node sees it now. TransactionReverted with the contract's reason."""
        caps = transaction_policy(self.config).caps
        try:
            gas = int(await rpc.request("eth_estimateGas", [call_fields(self.address, candidate, (), caps)]), 16)
        except RpcError as error:
            raise self._refusal(error) from None
        market = await AccountView(rpc, self.address).market()
        return gas, market.base_fee + max(market.tip, caps.min_tip)

    def _refusal(self, error: RpcError) -> Exception:
        answer = rpc_error_of(error)
        assert answer is not None
        return TransactionReverted(revert_reason(error), answer.data)

    async def gas_on_l2(self, candidate: TxCandidate) -> int:
        """What to give it, with a margin."""
        return ample_gas((await self._cost(self.node, candidate))[0])


async def _settled(sending: asyncio.Task[L1Receipt]) -> L1Receipt | None:
    return sending.result() if sending.done() else None


# ---- running a command


def run(
    config: Path,
    l2_rpc: str,
    as_json: bool,
    main: Callable[[Session], Awaitable[None]],
    *,
    key: bool = True,
    l2: bool = True,
    goes_on: str = "",
) -> None:
    """Runs a command's `main`. `key`: it sends; `l2`: it needs a node of L2; `goes_on`: what to say to Ctrl-C."""
    from verdict.errors import EXIT_FORCED
    from verdict.logging import configure_logging

    configure_logging("console", "error")
    report = Report(as_json)
    try:
        asyncio.run(_run(load_config(config), l2_rpc, report, main, key, l2))
    except KeyboardInterrupt:
        left = "".join(f" L{layer} transaction 0x{tx_hash.hex()} is on its way." for layer, tx_hash in _in_flight(config))
        print(f"\nverdict: stopped waiting; what was sent stays sent.{left} {goes_on}".rstrip(), file=sys.stderr)
        sys.exit(EXIT_FORCED)
    report.end()


def _in_flight(config: Path) -> list[tuple[int, bytes]]:
    """(layer, hash) of what was sent and not seen in a block."""
    from l1.journal import TransactionJournal

    directory, found = load_config(config).data_dir / ROLE, []
    for layer in (1, 2):
        for path in sorted((directory / f"l{layer}").glob("*")):
            journal = TransactionJournal(path)
            found += [(layer, entry.versions[-1].hash) for entry in journal.entries() if entry.versions]
            journal.close()
    return found


async def _run(
    config: Config, l2_rpc: str, report: Report, main: Callable[[Session], Awaitable[None]], key: bool, l2: bool
) -> None:
    account = load_key(ROLE, config.data_dir) if key else None
    async with open_session(config, report, account, l2_rpc, l2=l2) as session:
        await main(session)


@contextlib.asynccontextmanager
async def open_session(
    config: Config, report: Report, account: LocalAccount | None, l2_rpc: str = "", *, l2: bool = True
) -> AsyncIterator[Session]:
    """Connected to both layers. `account` None: it can't send. DeploymentError, L1Problem, L2Problem."""
    async with contextlib.AsyncExitStack() as stack:
        l1 = await stack.enter_async_context(L1Client(config.l1.rpc_url))
        deployment = await check_deployment(config, l1)
        node = await _find_l2(config, l2_rpc, stack, needed=l2)
        currency = await currency_of(l1, Portal(l1, deployment.portal))
        yield Session(config, deployment, report, l1, node, account, currency, stack, {})


async def _find_l2(config: Config, l2_rpc: str, stack: contextlib.AsyncExitStack, *, needed: bool) -> L2Client | None:
    """The node named, else the configuration's own sequencer, else its node. L2Problem."""
    here = [(own.host, own.port) for own in (config.sequencer, config.node)]
    urls = [l2_rpc] if l2_rpc else [
        f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}" for host, port in here]
    for url in urls:
        probe = L2Client(url, RetryPolicy(tries=1, timeout=3.0))
        try:
            found = await probe.chain_id()
        except L1Unavailable:
            continue
        finally:
            await probe.close()
        if found != config.rollup.chain_id:
            raise L2Problem(f"{url} is chain {found}, and rollup.chain_id is {config.rollup.chain_id}")
        return await stack.enter_async_context(L2Client(url))
    if needed:
        raise L2Problem(f"no L2 node answers at {' or '.join(urls)}: start one (`verdict node` derives all of L2 from L1 alone), "
                        "or name another by --l2-rpc")
    return None


def receipt_json(receipt: L1Receipt) -> Mapping[str, Any]:
    """The part of a receipt that bridge/ reads, in the JSON-RPC's shape."""
    return {"logs": receipt.logs, "status": "0x1" if receipt.succeeded else "0x0"}
