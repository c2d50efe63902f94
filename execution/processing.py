"""One transaction, as `check_transaction`, `process_transaction` and `process_message_call` of execution-specs
(Prague) have it. py-evm only runs the messages.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from execution.calls import DELEGATION_MARKER, MAX_INITCODE_SIZE, contract_address, delegated_address
from execution.dues import Dues
from execution.errors import InvalidTransaction, Rejection, WorkLimitExceeded
from execution.header import GAS_PER_BLOB, MAX_BLOB_GAS_PER_BLOCK
from execution.receipt import Log
from execution.rules import Rules
from execution.transactions import BLOB, SET_CODE, Authorization, SignedTransaction
from execution.vm import Message, State, TransactionContext
from execution.world import WorldState

SYSTEM_ADDRESS = bytes.fromhex("fffffffffffffffffffffffffffffffffffffffe")
SYSTEM_CALL_GAS = 30_000_000

_NONCE_LIMIT = (1 << 64) - 1
_EXISTING_ACCOUNT_REFUND = 25_000 - 12_500  # EIP-7702
_CALL_STIPEND = 2_300


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a message call. `error` is py-evm's VMError or a description of a creation collision."""

    gas_left: int
    refund: int
    logs: tuple[Log, ...]
    deletions: frozenset[bytes]
    error: Exception | None
    output: bytes


@dataclass(frozen=True, slots=True)
class Executed:
    outcome: Outcome
    gas_used: int
    effective_gas_price: int  # wei
    contract_address: bytes | None
    blob_gas_used: int


class UnpaidDues(Exception):
    """Reverts took fees back, and the sender has moved away what it stood for them with (execution.dues)."""


class CreateCollision(Exception):
    """EIP-684 and EIP-7610: nonce, code or storage where a transaction wants to create a contract."""


def check_transaction(
    rules: Rules, state: State, tx: SignedTransaction, block_gas_left: int, blob_gas_used: int
) -> int:
    """Raises InvalidTransaction; gives the effective gas price in wei. Reads at most the sender's account."""
    if tx.chain_id is not None and tx.chain_id != rules.chain_id:
        raise InvalidTransaction(Rejection.WRONG_CHAIN_ID, f"{tx.chain_id}, this chain is {rules.chain_id}")
    if tx.type == BLOB and not rules.blobs:
        raise InvalidTransaction(Rejection.BLOB_NOT_ALLOWED)
    if rules.tx_gas_cap is not None and tx.gas_limit > rules.tx_gas_cap:
        raise InvalidTransaction(Rejection.TX_GAS_CAP, f"{tx.gas_limit}, the cap is {rules.tx_gas_cap}")
    check_gas(tx.gas_limit, tx.intrinsic_gas, tx.floor_gas)
    if tx.nonce >= _NONCE_LIMIT:
        raise InvalidTransaction(Rejection.NONCE_OVERFLOW, f"{tx.nonce}")
    if tx.to is None and len(tx.data) > MAX_INITCODE_SIZE:
        raise InvalidTransaction(Rejection.INITCODE_SIZE, f"{len(tx.data)} bytes")
    if tx.gas_limit > block_gas_left:
        raise InvalidTransaction(Rejection.BLOCK_GAS, f"{tx.gas_limit}, {block_gas_left} left")
    blob_gas = GAS_PER_BLOB * len(tx.blob_versioned_hashes)
    if blob_gas > MAX_BLOB_GAS_PER_BLOCK - blob_gas_used:
        raise InvalidTransaction(
            Rejection.BLOB_GAS, f"{blob_gas}, {MAX_BLOB_GAS_PER_BLOCK - blob_gas_used} left"
        )
    # Read here, as execution-specs does: what a no-op reads is part of its witness too.
    nonce = state.world.get_nonce(tx.sender)
    base_fee = state.execution_context.base_fee_per_gas
    if tx.max_fee_per_gas < tx.max_priority_fee_per_gas:
        raise InvalidTransaction(
            Rejection.PRIORITY_FEE, f"{tx.max_priority_fee_per_gas} over {tx.max_fee_per_gas} wei"
        )
    if tx.max_fee_per_gas < base_fee:
        raise InvalidTransaction(Rejection.MAX_FEE, f"{tx.max_fee_per_gas} wei, the base fee is {base_fee}")
    max_cost = tx.gas_limit * tx.max_fee_per_gas + tx.value
    if tx.type == BLOB:
        _check_blobs(state, tx)
        max_cost += blob_gas * tx.max_fee_per_blob_gas
    if tx.type == SET_CODE and not tx.authorization_list:
        raise InvalidTransaction(Rejection.EMPTY_AUTHORIZATIONS)
    if nonce != tx.nonce:
        reason = Rejection.NONCE_TOO_LOW if tx.nonce < nonce else Rejection.NONCE_TOO_HIGH
        raise InvalidTransaction(reason, f"{tx.nonce}, the account's is {nonce}")
    balance = state.world.get_balance(tx.sender)
    if balance < max_cost:
        raise InvalidTransaction(Rejection.INSUFFICIENT_FUNDS, f"balance {balance} wei, cost {max_cost}")
    code = state.world.get_code(tx.sender)
    if code and delegated_address(code) is None:
        raise InvalidTransaction(Rejection.SENDER_NOT_EOA, f"0x{tx.sender.hex()}")
    return min(tx.max_fee_per_gas, base_fee + tx.max_priority_fee_per_gas)


def check_gas(gas_limit: int, intrinsic: int, floor: int) -> None:
    if gas_limit < intrinsic:
        raise InvalidTransaction(Rejection.INTRINSIC_GAS, f"{gas_limit}, needed {intrinsic}")
    if gas_limit < floor:
        raise InvalidTransaction(Rejection.FLOOR_GAS, f"{gas_limit}, needed {floor}")


def _check_blobs(state: State, tx: SignedTransaction) -> None:
    if not tx.blob_versioned_hashes:
        raise InvalidTransaction(Rejection.NO_BLOBS)
    for versioned_hash in tx.blob_versioned_hashes:
        if versioned_hash[0] != 1:
            raise InvalidTransaction(Rejection.BLOB_VERSION, f"0x{versioned_hash.hex()}")
    if tx.max_fee_per_blob_gas < state.blob_base_fee:
        raise InvalidTransaction(
            Rejection.BLOB_FEE, f"{tx.max_fee_per_blob_gas} wei, the blob base fee is {state.blob_base_fee}"
        )


def process_transaction(
    rules: Rules,
    state: State,
    tx: SignedTransaction,
    block_gas_left: int,
    blob_gas_used: int,
    work_limit: int | None = None,
) -> Executed:
    """Raises InvalidTransaction; whatever it raises, the world is as before.

    `work_limit`: the gas that may be used after refunds; WorkLimitExceeded when more is certain to be.
    Accounts in `outcome.deletions` are left to `finish_transaction`, so that the caller can still refuse.
    """
    price = check_transaction(rules, state, tx, block_gas_left, blob_gas_used)
    if work_limit is None:
        state.gas_floor = 0
    else:
        # Refunds give back at most a fifth (EIP-3529); a stipend comes back right after it was overpaid.
        most = work_limit * 5 // 4 + 1 + _CALL_STIPEND
        if tx.intrinsic_gas > most:
            raise WorkLimitExceeded(f"intrinsic gas {tx.intrinsic_gas}, paid for {work_limit}")
        state.gas_floor = max(tx.gas_limit - most, 0)
    world = state.world
    world.begin_transaction()
    try:
        return _execute(state, tx, price)
    except BaseException:
        world.revert(0)
        raise
    finally:
        state.gas_floor = state.outer_gas = 0


def _execute(state: State, tx: SignedTransaction, price: int) -> Executed:
    world, block = state.world, state.execution_context
    blob_gas = GAS_PER_BLOB * len(tx.blob_versioned_hashes)
    fee = tx.gas_limit * price + (blob_gas * state.blob_base_fee if blob_gas else 0)
    world.set_nonce_and_balance(tx.sender, tx.nonce + 1, world.get_balance(tx.sender) - fee)
    warm_up(state, tx.sender, tx.access_list)
    target = contract_address(tx.sender, tx.nonce) if tx.to is None else tx.to
    outcome = call_message(
        state,
        TransactionContext(tx.sender, price, tx.blob_versioned_hashes),
        target=target,
        is_creation=tx.to is None,
        value=tx.value,
        data=tx.data,
        gas=tx.gas_limit - tx.intrinsic_gas,
        authorizations=tx.authorization_list,
        chain_id=block.chain_id,
    )
    gas_used = gas_after_refund(tx.gas_limit, outcome, tx.floor_gas)
    world.delta_balance(tx.sender, (tx.gas_limit - gas_used) * price)
    world.delta_balance(block.coinbase, gas_used * (price - block.base_fee_per_gas))
    return Executed(outcome, gas_used, price, target if tx.to is None else None, blob_gas)


def finish_transaction(state: State, executed: Executed) -> None:
    """Can't be undone."""
    if state.dues is not None:
        state.dues.commit()
    for address in executed.outcome.deletions:
        state.world.delete_account(address)


def gas_after_refund(gas_limit: int, outcome: Outcome, floor: int) -> int:
    """EIP-3529's refund of at most a fifth, then EIP-7623's floor."""
    used = gas_limit - outcome.gas_left
    return max(used - min(used // 5, outcome.refund), floor)


def warm_up(state: State, sender: bytes, access_list: Iterable[tuple[bytes, Iterable[int]]]) -> None:
    """EIP-2929, EIP-2930, EIP-3651. Precompiles are always warm."""
    world = state.world
    state.always_warm = state.precompile_addresses
    world.mark_address_warm(sender)
    world.mark_address_warm(state.execution_context.coinbase)
    for address, slots in access_list:
        world.mark_address_warm(address)
        for slot in slots:
            world.mark_storage_warm(address, slot)


def call_message(
    state: State,
    context: TransactionContext,
    *,
    target: bytes,
    is_creation: bool,
    value: int,
    data: bytes,
    gas: int,
    authorizations: Iterable[Authorization] = (),
    chain_id: int = 0,
) -> Outcome:
    """The first frame of a transaction, with EIP-7702's authorizations before it and dues collected after it."""
    world, dues = state.world, state.dues
    if dues is not None:
        dues.begin(value)
    world.mark_address_warm(target)
    refund = 0
    if is_creation:
        if world.has_code_or_nonce(target) or world.has_storage(target):
            return Outcome(0, 0, (), frozenset(), CreateCollision(f"0x{target.hex()}"), b"")
        message = Message(gas, b"", context.origin, value, b"", data, create_address=target)
        run = state.computation_class.apply_create_message
    else:
        if authorizations:
            refund = _set_delegations(state, authorizations, chain_id)
        code, code_address = world.get_code(target), target
        delegate = delegated_address(code)
        if delegate is not None:
            world.mark_address_warm(delegate)
            code, code_address = world.get_code(delegate), delegate
        message = Message(
            gas, target, context.origin, value, data, code,
            code_address=code_address, is_delegation=delegate is not None,
        )  # fmt: skip
        run = state.computation_class.apply_message
    snapshot = world.snapshot()
    frame = run(state, message, context)
    if dues is not None:
        unpaid = _collect(world, dues, context.origin, snapshot)
        if unpaid is not None:
            return Outcome(0, refund, (), frozenset(), unpaid, b"")
    if frame.is_error:
        return Outcome(frame.get_gas_remaining(), refund, (), frozenset(), frame.error, frame.output)
    refund += frame._gas_meter.gas_refunded
    deletions = frozenset(frame.accounts_to_delete)
    return Outcome(frame.get_gas_remaining(), refund, tuple(world.logs), deletions, None, frame.output)


def _collect(world: WorldState, dues: Dues, sender: bytes, snapshot: int) -> UnpaidDues | None:
    """Takes from the sender what reverts took back. If it hasn't that much, all is undone, which gives it the value
    back that it stood with; then it pays, and the error that the transaction fails with is returned."""
    unpaid, balance = dues.unpaid(), world.get_balance(sender)
    error = None
    if unpaid > balance:
        error = UnpaidDues(f"reverts took back {unpaid} wei of fees, and the sender has {balance} wei")
        world.revert(snapshot)
        unpaid = dues.unpaid()
    if unpaid:
        world.delta_balance(sender, -unpaid)
        world.delta_balance(dues.payee, unpaid)
    return error


def system_call(
    state: State, address: bytes, code: bytes, data: bytes, gas: int = SYSTEM_CALL_GAS
) -> Outcome:
    """process_system_transaction: no fee, no nonce, nothing warm. `gas` below 30M stops it as unpaid work."""
    world = state.world
    world.begin_transaction()
    state.always_warm = frozenset()
    if state.dues is not None:
        state.dues.begin(0)
    state.gas_floor = SYSTEM_CALL_GAS - gas
    try:
        context = TransactionContext(SYSTEM_ADDRESS, state.execution_context.base_fee_per_gas)
        delegate = delegated_address(code)
        if delegate is not None:
            world.mark_address_warm(delegate)
            code = world.get_code(delegate)
        message = Message(
            SYSTEM_CALL_GAS, address, SYSTEM_ADDRESS, 0, data, code,
            code_address=delegate or address, should_transfer_value=False, is_delegation=delegate is not None,
        )  # fmt: skip
        frame = state.computation_class.apply_message(state, message, context)
    finally:
        state.gas_floor = state.outer_gas = 0
    error = frame.error if frame.is_error else None
    return Outcome(frame.get_gas_remaining(), 0, (), frozenset(), error, frame.output)


def _set_delegations(state: State, authorizations: Iterable[Authorization], chain_id: int) -> int:
    """EIP-7702's set_delegation; gives the refund. An invalid authorization is skipped."""
    world = state.world
    refund = 0
    for authorization in authorizations:
        if authorization.chain_id not in (0, chain_id) or authorization.nonce >= _NONCE_LIMIT:
            continue
        authority = authorization.authority()
        if authority is None:
            continue
        world.mark_address_warm(authority)
        code = world.get_code(authority)
        if code and delegated_address(code) is None:
            continue
        if world.get_nonce(authority) != authorization.nonce:
            continue
        if world.account_exists(authority):
            refund += _EXISTING_ACCOUNT_REFUND
        delegation = b"" if authorization.address == bytes(20) else DELEGATION_MARKER + authorization.address
        world.set_code(authority, delegation)
        world.increment_nonce(authority)
    return refund
