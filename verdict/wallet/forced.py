"""`verdict force`: L2 transactions that no sequencer can leave out."""

from __future__ import annotations

import time
from typing import Any

from bridge.errors import BridgeError
from bridge.forced import check_forced, forced_in, turn_of
from execution.transactions import SignedTransaction
from l1.account_view import AccountView
from l1.candidates import TxCandidate
from l1.contracts import Inbox
from verdict.wallet.report import duration, ether, when
from verdict.wallet.session import Session, receipt_json

HEADROOM = 2
"""Times the fee as it is now goes along, so that others' forced transactions before it don't make it fail; the rest comes
back."""
PATIENT_FEE = 10
"""Times L2's base fee that it may cost: it waits for longer than an ordinary one."""


async def sign(session: Session, to: bytes, value: int, data: bytes, gas: int | None, nonce: int | None) -> bytes:
    """An L2 transaction of the user's. BridgeError if they can't pay for it: it would be a no-op."""
    node = session.node
    gas = gas or await session.gas_on_l2(TxCandidate(to, data, value))
    market = await AccountView(node, session.address).market()
    tip = session.config.sequencer.transactions.min_tip
    nonce = int(await node.request("eth_getTransactionCount", [session.user.address, "latest"]), 16) if nonce is None else nonce
    fields: dict[str, Any] = {
        "chainId": session.config.rollup.chain_id, "nonce": nonce, "to": to, "value": value, "data": data, "gas": gas,
        "maxFeePerGas": PATIENT_FEE * market.base_fee + tip, "maxPriorityFeePerGas": tip}
    balance = await node.balance(session.address)
    if balance < value + gas * fields["maxFeePerGas"]:
        show = session.currency.show
        raise BridgeError(f"{session.user.address} has {show(balance)} on L2; the transaction needs {show(value)} and up to "
                          f"{show(gas * fields['maxFeePerGas'])} for gas: it would be a no-op")
    return bytes(session.user.sign_transaction(fields).raw_transaction)


async def force(session: Session, raw: bytes, wait: bool = True) -> bytes | None:
    """Queues it on L1 and waits until L2 has it. Its hash; None if it turned out to be a no-op, or nobody waits."""
    config, report, inbox = session.config, session.report, session.inbox
    transaction = check_forced(raw, config.rollup.chain_id, config.rollup.tx_gas_cap)
    fee = await inbox.force_fee()
    report.line("force", f"L2 transaction 0x{transaction.hash.hex()} of 0x{transaction.sender.hex()}, nonce "
                f"{transaction.nonce}, {len(raw):,} bytes", transaction=transaction.hash, sender=transaction.sender)
    await _warn(session, transaction)
    report.line("fee", f"{ether(fee)} to the Inbox, burned (what is sent above it comes back)", fee=fee)
    receipt = await session.on_l1("queue", inbox.address, Inbox.force_transaction(raw), HEADROOM * fee, spends=fee)
    (forced,) = forced_in(receipt_json(receipt), inbox.address)
    await _say_turn(session, forced.index)
    if not wait or session.l2 is None:
        return None
    return await _taken_in(session, transaction, forced.index)


async def _warn(session: Session, transaction: SignedTransaction) -> None:
    """What looks like a no-op from here; other transactions may come before it, so it is not refused. BridgeError if L2 has
    it already."""
    if session.l2 is None:
        return
    if (receipt := await session.l2.receipt(transaction.hash)) is not None:
        raise BridgeError(f"L2 has this transaction already, in block {int(receipt['blockNumber'], 16)}")
    sender = "0x" + transaction.sender.hex()
    nonce = int(await session.l2.request("eth_getTransactionCount", [sender, "latest"]), 16)
    if nonce != transaction.nonce:
        session.report.line("careful", f"L2's next nonce of {sender} is {nonce}: with {transaction.nonce} this is a no-op unless "
                            "that changes")
    balance = await session.l2.balance(transaction.sender)
    if balance < transaction.value + transaction.gas_limit * transaction.max_fee_per_gas:
        session.report.line("careful", f"{sender} has {session.currency.show(balance)} on L2 now, too little for value and gas")


async def _say_turn(session: Session, index: int) -> None:
    turn = await turn_of(session.inbox, index, session.exclusive_timeout)
    report, now = session.report, (await session.l1.head()).timestamp
    before = f" after {turn.batches_before} batches of earlier ones" if turn.batches_before else ""
    report.line("taken in by", f"the first batch with L1 block {turn.l1_block} or a later one for its origin{before}",
                index=index, due_origin=turn.l1_block, anyone_from=turn.anyone_from)
    if turn.anyone_from == 0:
        report.line("", "anyone may post that batch at any time")
    else:
        left = f" (in {duration(turn.anyone_from - now)})" if turn.anyone_from > now else ""
        report.line("", f"from {when(turn.anyone_from)}{left} on anyone may post that batch, if the sequencer does not")


async def _taken_in(session: Session, transaction: SignedTransaction, index: int) -> bytes | None:
    started = time.monotonic()

    async def look() -> tuple[Any] | None:
        receipt = await session.node.receipt(transaction.hash)
        if receipt is not None:
            return (receipt,)
        _, next_forced = await session.inbox.next_due()
        return (None,) if next_forced > index and await _derived(session) else None

    (receipt,) = await session.report.until(f"until L2 has forced transaction {index}", look, every=0.5)
    report = session.report
    if receipt is None:
        report.line("no-op", "its batch is on L1 and L2 has no such transaction: it could not be included (wrong nonce, too poor)",
                    included=False)
        return None
    worked = int(receipt["status"], 16) == 1
    report.line("included", f"L2 block {int(receipt['blockNumber'], 16)}, {'success' if worked else 'its call reverted'}, after "
                f"{duration(time.monotonic() - started)}", included=True, succeeded=worked, l2_block=int(receipt["blockNumber"], 16))
    return transaction.hash


async def _derived(session: Session) -> bool:
    """Whether the L2 node has all batches that are on L1. Nodes that don't say: assumed."""
    from l1.rpc_errors import RpcError

    try:
        status = await session.node.request("verdict_syncStatus")
    except RpcError:
        return True
    _, count = await session.inbox.head_batch()
    return int(status["derivedBatches"]) >= count
