"""`verdict withdraw`: start on L2, prove and finalize on L1 once that has confirmed the state with the withdrawal."""

from __future__ import annotations

from bridge import tokens
from bridge.errors import BridgeError, TooEarly
from bridge.predeploys import L2_TOKEN_BRIDGE, MESSAGE_PASSER
from bridge.withdrawals import Initiated, Stage, Standing, WithdrawalReader, withdrawals_in
from l1.artifacts import artifact
from l1.candidates import TransactionReverted
from l1.contracts import Portal
from verdict.wallet import forced
from verdict.wallet.report import duration, when
from verdict.wallet.session import Session, receipt_json

_ORDER = list(Stage)


def reader(session: Session) -> WithdrawalReader:
    return WithdrawalReader(session.l1, session.node, session.rollup, session.portal, session.deployment.block_number)


async def start(session: Session, amount: str, to: bytes, data: bytes, token: bytes | None, force: bool) -> None:
    """`to`: 20 bytes, on L1. `token`: of L1, through the bridge. `force`: the L2 transaction goes through L1."""
    report, gas_token = session.report, session.currency.token
    native = token is None or (gas_token is not None and token == gas_token.address)
    if native:
        target, calldata, value = await _native(session, amount, to, data)
    else:
        assert token is not None
        if data:
            raise BridgeError("--data goes with ether only: a token's withdrawal has a call of its own, to the TokenBridge")
        target, calldata, value = await _token(session, amount, to, token)
    if force:
        raw = await forced.sign(session, target, value, calldata, None, None)
        tx_hash = await forced.force(session, raw)
        if tx_hash is None:
            raise BridgeError("nothing was withdrawn: the forced transaction was a no-op")
        withdrawal = await reader(session).initiated(tx_hash)
    else:
        receipt = await session.on_l2("withdraw", target, calldata, value)
        (withdrawal,) = withdrawals_in(receipt_json(receipt))
    report.line("initiated", f"withdrawal 0x{withdrawal.message.hash.hex()}, number {withdrawal.message.nonce}",
                transaction=withdrawal.transaction, withdrawal=withdrawal.message.hash, nonce=withdrawal.message.nonce)
    await status(session, withdrawal)


async def _native(session: Session, text: str, to: bytes, data: bytes) -> tuple[bytes, bytes, int]:
    currency = session.currency
    try:
        value = currency.parse(text)
    except ValueError as error:
        raise BridgeError(str(error)) from None
    currency.on_l1(value)
    if to in _forbidden(session):
        raise BridgeError(f"0x{to.hex()} is a contract of the rollup or its gas token: the Portal never pays or calls it")
    session.report.line("withdraw", f"{currency.show(value)} from {session.user.address} on L2 to 0x{to.hex()} on L1"
                        + (f", with {len(data)} bytes of data" if data else ""), amount=value, target=to)
    return MESSAGE_PASSER, artifact("MessagePasser").call("initiateWithdrawal", to, data), value


def _forbidden(session: Session) -> set[bytes]:
    """Targets that the Portal refuses."""
    currency = session.currency
    found = {session.portal.address, session.inbox.address, currency.vault}
    return {each for each in found | {currency.token.address if currency.token else bytes(20)} if any(each)}


async def _token(session: Session, text: str, to: bytes, token: bytes) -> tuple[bytes, bytes, int]:
    known = await tokens.read_token(session.l1, token)
    try:
        amount = tokens.parse_units(text, known.decimals, known.symbol)
    except ValueError as error:
        raise BridgeError(str(error)) from None
    on_l2 = await tokens.bridged_token(session.node, token)
    held = 0 if not await session.node.code(on_l2) else await tokens.balance_of(session.node, on_l2, session.address)
    if held < amount:
        raise BridgeError(f"{session.user.address} has {known.show(held)} on L2 (token 0x{on_l2.hex()}), not {known.show(amount)}")
    session.report.line("withdraw", f"{known.show(amount)} (token 0x{token.hex()}) from {session.user.address} on L2 to "
                        f"0x{to.hex()} on L1", amount=amount, target=to, token=token)
    return L2_TOKEN_BRIDGE, tokens.bridge_withdraw(token, to, amount), 0


async def status(session: Session, withdrawal: Initiated) -> Standing:
    """Says how it stands, and what is next."""
    found = await reader(session).standing(withdrawal)
    report, named = session.report, f"0x{withdrawal.transaction.hex()}"
    now = (await session.l1.head()).timestamp
    text = {
        Stage.WAITING_FOR_BATCH: f"waiting for its batch: L2 block {withdrawal.l2_block} is not on L1 yet",
        Stage.WAITING_FOR_ASSERTION: "its batch is on L1; waiting for somebody to assert the state after it",
        Stage.READY: f"ready: verdict withdraw finalize {named}",
        Stage.PROVEN: f"proven: verdict withdraw finalize {named}",
        Stage.FINALIZED: "finalized: L1 has paid it",
    }.get(found.stage)
    if text is None:
        assert found.at is not None
        left = f" (in {duration(found.at - now)})" if found.at > now else " (now)"
        games = f"; {found.open_games} games about it are open" if found.open_games else ""
        text = f"waiting for confirmation: L1 can confirm the assertion from {when(found.at)}{left}{games}"
    report.line("status", text, status=found.stage.value, confirmable_at=found.at, transaction=withdrawal.transaction,
                withdrawal=withdrawal.message.hash, l2_block=withdrawal.l2_block)
    return found


def describe(session: Session, withdrawal: Initiated) -> None:
    message = withdrawal.message
    session.report.line("withdrawal", f"0x{message.hash.hex()}: {session.currency.show(message.value)} to 0x{message.target.hex()} on L1"
                        + (f" and a call with {len(message.data)} bytes" if message.data else "")
                        + f", from 0x{message.sender.hex()} on L2",
                        withdrawal=message.hash, nonce=message.nonce, sender=message.sender, target=message.target,
                        value=message.value, data=message.data)


async def prove(session: Session, withdrawal: Initiated, wait: bool) -> None:
    describe(session, withdrawal)
    found = await _reached(session, withdrawal, wait)
    if found.stage is not Stage.READY:
        raise BridgeError(f"the withdrawal is {found.stage.value} already")
    assertion_id, proof = await reader(session).prove(withdrawal.message)
    session.report.line("proof", f"{len(proof.account_proof)} and {len(proof.storage_proof)} trie nodes, checked against "
                        f"assertion 0x{assertion_id.hex()}", assertion=assertion_id)
    await session.on_l1("prove", session.portal.address, Portal.prove_withdrawal(
        withdrawal.message, assertion_id, proof.account_proof, proof.storage_proof))
    session.report.line("next", f"anyone: verdict withdraw finalize 0x{withdrawal.transaction.hex()}", status=Stage.PROVEN.value)


async def finalize(session: Session, withdrawal: Initiated, wait: bool) -> None:
    """Proves it first, in the same transaction, if nobody has."""
    describe(session, withdrawal)
    found, message = await _reached(session, withdrawal, wait), withdrawal.message
    if found.stage is Stage.FINALIZED:
        raise BridgeError("the withdrawal was finalized already: each is paid once")
    if found.stage is Stage.READY:
        assertion_id, proof = await reader(session).prove(message)
        session.report.line("proof", f"{len(proof.account_proof)} and {len(proof.storage_proof)} trie nodes, checked against "
                            f"assertion 0x{assertion_id.hex()}", assertion=assertion_id)
        calldata = Portal.prove_and_finalize_withdrawal(message, assertion_id, proof.account_proof, proof.storage_proof)
    else:
        calldata = Portal.finalize_withdrawal(message)
    try:
        await session.on_l1("finalize", session.portal.address, calldata)
    except TransactionReverted as error:
        raise BridgeError(f"L1 refuses it now, and nothing is lost: {error}. If it is the target's call that fails, it can be "
                          "tried again at any time") from None
    paid = session.currency.show(message.value - message.value % session.currency.unit)
    session.report.line("finalized", f"0x{message.target.hex()} has got {paid}", status=Stage.FINALIZED.value)


async def _reached(session: Session, withdrawal: Initiated, wait: bool) -> Standing:
    """How it stands, once it is ready or more. TooEarly if it isn't and nobody waits."""
    found = await reader(session).standing(withdrawal)
    if _ORDER.index(found.stage) >= _ORDER.index(Stage.READY):
        return found
    if not wait:
        await status(session, withdrawal)
        raise TooEarly("too early: L1 has not confirmed the L2 state with this withdrawal (--wait to wait for it)")
    await status(session, withdrawal)

    async def look() -> Standing | None:
        found = await reader(session).standing(withdrawal)
        return found if _ORDER.index(found.stage) >= _ORDER.index(Stage.READY) else None

    return await session.report.until("until L1 has confirmed it", look, every=min(5.0, session.config.l1.slot))
