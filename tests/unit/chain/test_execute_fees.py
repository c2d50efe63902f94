"""EXECUTE's fee is paid for all that was bought, whatever calls and reverts surround it, and never by anyone else."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from execution.block import WITHDRAWAL_REQUESTS_ADDRESS
from execution.calls import DELEGATION_MARKER, contract_address
from execution.errors import InvalidTransaction, Rejection
from execution.simulation import CallFields
from l1.embedded.meter import EXECUTE_ADDRESS
from tests.unit.chain.call_trees import Buy, Call, Model, Node, Program, Send, nodes
from tests.unit.chain.execute_block import (
    CALL,
    COINBASE,
    DISPUTED,
    GAS_LIMIT,
    PARAMS,
    PRICE,
    SENDER,
    SINK,
    TIP,
    Block,
    execute_data,
    forwarder,
)


@dataclass(frozen=True)
class Sent:
    """A transaction. `slack`: what the sender has beyond gas and value."""

    root: Node | Buy
    how: str  # "call", "create", "self": the sender's own account runs the root by EIP-7702
    value: int
    slack: int


@st.composite
def sendings(draw: st.DrawFn) -> Sent:
    if draw(st.integers(0, 9)) == 0:
        root: Node | Buy = Buy(draw(st.integers(0, DISPUTED)), 0, CALL)
    else:
        root = draw(nodes())
    how = draw(st.sampled_from(["call", "call", "create", "self"]))
    return Sent(root, how, draw(st.sampled_from([0, 60, 150, 400])), draw(st.sampled_from([0, 10_000, 10_000])))


@settings(max_examples=300, deadline=None)
@given(st.lists(sendings(), min_size=1, max_size=3))
def test_all_that_is_bought_is_paid_for(transactions: list[Sent]) -> None:
    block = Block()
    world, me = block.world, SENDER.address
    for number, sent in enumerate(transactions):
        program = Program(number, PRICE)
        to, data = EXECUTE_ADDRESS, b""
        if isinstance(sent.root, Buy):
            data = execute_data(sent.root.gas)
        else:
            code = program.add(sent.root, constructor=sent.how == "create")
            to = {"call": program.addresses.get(id(sent.root), b""), "self": me, "create": b""}[sent.how]
            data = code if sent.how == "create" else b""
        for address, contract in program.contracts.items():
            block.put(address, contract, program.balances[address])
        delegated = DELEGATION_MARKER + program.addresses[id(sent.root)] if to == me else b""
        world.set_code(me, delegated)
        block.fund(sent.value + sent.slack)
        cost = GAS_LIMIT * block.gas_price

        before, sold, used = block.balances(), len(block.clients.sold), block.meter.used
        model = Model(program, before | {me: before[me] - cost}, block.meter.left)
        expected = model.transaction(me, sent.root, to or None, sent.value)

        fields = CallFields(me, to or None, data, sent.value, GAS_LIMIT, block.gas_price)
        simulated = block.builder.call(fields)
        assert (block.meter.used, block.balances()) == (used, {a: before.get(a, 0) for a in block.balances()})
        del block.clients.sold[sold:]
        receipt = block.send(to, sent.value, data)

        after = block.balances()
        bought = sum(block.clients.sold[sold:])
        assert receipt.succeeded == expected == (simulated.error is None)
        assert receipt.gas_used == simulated.gas_used
        assert block.meter.used == used + bought == PARAMS.cumulative_gas_limit - model.left
        assert model.fees == bought * PRICE
        paid = receipt.gas_used * block.gas_price
        model.balances[me] += cost - paid
        model.balances[COINBASE] = model.balances.get(COINBASE, 0) + receipt.gas_used * TIP
        created = sum(model.balances[account] for account in model.balances if account not in after)
        assert created == sum(after[account] for account in after if account not in model.balances)
        for account in after:
            assert after[account] == model.balances.get(account, after[account]), account.hex()
        burned = receipt.gas_used * block.builder.base_fee_per_gas
        assert sum(after.values()) == sum(before.values()) - burned
        if not expected:
            assert not receipt.logs
        event(f"succeeded={expected}, bought={bought > 0}, taken back={model.fees != model.kept}")
        if "UnpaidDues" in (simulated.error or ""):
            event("the sender had moved it away")
            assert receipt.gas_used == GAS_LIMIT


def tree(block: Block, root: Node) -> bytes:
    """Puts the contracts of a tree into the block; the root's address."""
    program = Program(1 << 20, PRICE)
    program.add(root)
    for address, code in program.contracts.items():
        block.put(address, code, program.balances[address])
    return program.addresses[id(root)]


def buying(gas: int, end: str, balance: int = 300) -> Node:
    return Node((Buy(gas, 0, CALL),), end, balance)


def test_the_same_ether_buys_again_and_again_and_the_sender_pays_each_time() -> None:
    block = Block()
    child = buying(4, "revert", balance=0)
    root = tree(block, Node((Call(child, 28, CALL),) * 3, "stop", 0))
    had = block.fund(28 * 3 + 28 * 3)
    receipt = block.send(root, value=28 * 3)
    assert receipt.succeeded and block.meter.used == 12
    assert block.fees == 28 * 3
    assert block.world.get_balance(root) == 28 * 3  # where the value went: nothing of it was EXECUTE's in the end
    spent = 28 * 3 + 28 * 3 + receipt.gas_used * block.gas_price
    assert block.world.get_balance(SENDER.address) == had - spent


def test_the_value_bounds_what_the_transaction_can_buy() -> None:
    block = Block()
    child = buying(4, "revert", balance=0)
    root = tree(block, Node((Call(child, 28, CALL),) * 3, "stop", 300))
    block.fund(10**6)
    assert block.send(root, value=28 * 3 - 1).succeeded
    assert (block.meter.used, block.fees) == (8, 28 * 2)
    answer = block.call(block.put(b"\x0f" * 20, forwarder(CALL, value="6107d0"), 2000), execute_data(4), value=27)
    assert b"EXECUTE: fee 28 wei, the transaction's value stands for 27 wei more" in answer.output


def test_a_wallet_that_sends_no_value_cannot_be_made_to_pay() -> None:
    """A contract has ether of its own, or borrows it, and reverts once it has bought."""
    block = Block()
    root = tree(block, Node((Call(buying(5, "revert"), 0, CALL), Buy(5, 0, CALL)), "stop", 300))
    had = block.fund(10**6)
    receipt = block.send(root)
    assert receipt.succeeded
    assert block.world.get_balance(SENDER.address) == had - receipt.gas_used * block.gas_price
    assert (block.meter.used, block.fees) == (0, 0)


def test_a_sender_that_moves_its_ether_away_fails_and_pays() -> None:
    """By EIP-7702: authorization and nonce stay, as they do when gas runs out; logs, calls and ether are undone."""
    block = Block()
    log = bytes.fromhex("5f5fa0")
    root = Node((Buy(3, 0, CALL), Call(buying(5, "revert", 0), 35, CALL), Send(None)), "stop", 0)
    address = tree(block, root)
    block.put(address, log + block.world.get_code(address))
    had, sink = block.fund(56), block.world.get_balance(SINK)
    nonce = block.world.get_nonce(SENDER.address)
    receipt = block.send(
        SENDER.address, 56, kind=4, nonce=nonce, authorizations=[SENDER.authorize(address, nonce + 1)]
    )
    assert (receipt.succeeded, receipt.gas_used, receipt.logs) == (False, GAS_LIMIT - 12_500, ())  # EIP-7702's refund
    assert block.world.get_code(SENDER.address) == DELEGATION_MARKER + address
    assert block.world.get_nonce(SENDER.address) == nonce + 2
    assert block.world.get_balance(SINK) == sink
    assert (block.meter.used, block.fees) == (8, 56)  # for what it kept and for what it reverted
    assert block.world.get_balance(SENDER.address) == had - 56 - receipt.gas_used * block.gas_price
    # It succeeds if it keeps just the 35 wei that the revert gave back.
    block.put(address, log + block.world.get_code(tree(block, Node((*root.actions[:2], Send(1)), "stop", 0))))
    block.fund(21 + 1 + 35)
    again = block.send(SENDER.address, 56)
    assert again.succeeded and len(again.logs) == 1
    assert block.fees == 2 * 56


def test_a_constructor_that_buys_and_reverts_is_paid_for() -> None:
    block = Block()
    initcode = Program(1, PRICE).add(Node((Buy(6, 0, CALL),), "revert", 0), constructor=True)
    block.fund(42)
    receipt = block.send(b"", 42, initcode)
    assert not receipt.succeeded and receipt.contract_address is not None
    assert not block.world.account_exists(receipt.contract_address)
    assert (block.meter.used, block.fees) == (6, 42)
    assert receipt.gas_used < GAS_LIMIT  # an ordinary revert


def test_ether_sent_to_execute_by_other_means_pays_for_nothing() -> None:
    block = Block()
    gift = Node((), "destroy", 300)
    root = tree(block, Node((Call(gift, 0, CALL), Call(buying(5, "revert"), 0, CALL)), "stop", 0))
    had = block.fund(10**6)
    receipt = block.send(root, value=35)
    assert receipt.succeeded
    assert block.fees == 300 + 35
    assert block.world.get_balance(SENDER.address) == had - 35 - 35 - receipt.gas_used * block.gas_price


def test_a_transaction_that_is_not_included_has_bought_nothing() -> None:
    """EIP-6110: a deposit event with a wrong layout would make the block invalid."""
    block = Block()
    deposit_contract = bytes.fromhex("00000000219ab540356cbb839cbe05303d7705fa")
    topic = "649bbc62d0e31342afea4e5cd82d4049e7e1ee912fc0889aa790803be39038c5"
    block.put(deposit_contract, bytes.fromhex(f"7f{topic}5f5fa100"))
    buy = tree(block, buying(5, "stop"))
    code = block.world.get_code(buy)[:-1] + bytes.fromhex(f"5f5f5f5f5f73{deposit_contract.hex()}5af100")
    block.put(buy, code, 300)
    block.fund(10**6)
    with pytest.raises(InvalidTransaction) as refused:
        block.send(buy, value=35)
    assert refused.value.reason is Rejection.DEPOSIT_LAYOUT
    assert (block.clients.sold, block.meter.used, block.fees) == ([5], 0, 0)
    # A creation that collides runs no frame, and must not be taken for the one before it.
    nonce = block.world.get_nonce(SENDER.address)
    block.put(contract_address(SENDER.address, nonce), b"\x00")
    assert not block.send(b"", 35, b"\x00").succeeded
    assert (block.meter.used, block.meter.left) == (0, PARAMS.cumulative_gas_limit)


def test_a_system_contract_cannot_buy() -> None:
    """It is called without a transaction, so nobody stands for it."""
    block = Block()
    block.put(WITHDRAWAL_REQUESTS_ADDRESS, block.world.get_code(tree(block, buying(5, "stop"))), 300)
    block.fund(10**6)
    block.call(SINK, value=10**6)  # a simulation before it leaves no surety behind
    block.builder.seal()
    assert (block.clients.sold, block.fees) == ([], 0)
