"""Blocks that break a rule and hold together all the same (forgery.py): none may be true."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest

from execution.block import BlockBuilder
from execution.block_import import decode_block
from execution.errors import InvalidTransaction
from execution.header import EMPTY_REQUESTS_HASH, Header, ancestor_hashes, decode_header, next_base_fee
from execution.rules import Rules
from execution.types import Witness
from execution.world import WorldState
from tests.unit.execution import forgery, small_rollup
from tests.unit.execution.bad_transactions import Bad, bad_transactions, funded, good
from tests.unit.execution.block_lines import Claim, claims, whole_state
from tests.unit.execution.ethereum_fixtures import PATH, Case, cases
from tests.unit.execution.forgery import attributes_in, forge
from tests.unit.execution.tampering import block_rlp
from verdict.execute_verdicts import Answer, InProcess

ALL = cases()
pytestmark = pytest.mark.skipif(not ALL, reason=f"{PATH} is not here")
JUDGE = InProcess()
# A block with both would be refused for its blobs alone.
INVALID_TRANSACTION = [
    case
    for case in ALL
    for block in case.blocks
    if (block.exception or "").startswith("TransactionException")
    or block.exception
    in ("BlockException.INVALID_DEPOSIT_EVENT_LAYOUT", "BlockException.SYSTEM_CONTRACT_CALL_FAILED")
]
# One valid block of each folder.
FOLDERS = list(
    {case.group.rsplit("/", 1)[0]: case for case in ALL if not any(b.exception for b in case.blocks)}.values()
)


def judge(fields: dict) -> Answer:
    answer = JUDGE.line(json.dumps(fields).encode())
    assert "failure" not in answer.reason, answer
    return answer


def refused(fields: dict) -> None:
    """False, and not because anything is missing that a true claim would have had."""
    answer = judge(fields)
    assert not answer.result
    assert "missing" not in answer.reason and "InvalidWitness" not in answer.reason, answer


@cache
def provable(index: int) -> Claim | None:
    return next((claim for claim in claims(FOLDERS[index]) if claim.provable), None)


FOLDER = pytest.mark.parametrize(
    "folder", range(len(FOLDERS)), ids=[case.group.rsplit("/", 1)[0] for case in FOLDERS]
)


def forged(claim: Claim, builder: type[BlockBuilder] = forgery.Liar, **changes) -> bytes:
    """The claim's own block, made again by a liar."""
    return forge(
        claim.case.chain_id, claim.world, claim.parent, claim.headers,
        replace(attributes_in(claim.block), **changes), claim.transactions, builder=builder,
    ).rlp()  # fmt: skip


@FOLDER
def test_a_liar_with_nothing_to_lie_about_makes_the_block_itself(folder):
    claim = provable(folder)
    if claim is None:
        pytest.skip("EIP-4844: every block of this folder that was drawn carries blobs")
    assert forged(claim) == claim.block


@pytest.mark.parametrize("case", INVALID_TRANSACTION, ids=lambda case: case.name)
def test_ethereums_invalid_transactions_executed_all_the_same(case):
    for claim in claims(case):
        if claim.exception is None:
            continue
        attributes = attributes_in(claim.block)
        sealed = forge(
            case.chain_id, claim.world, claim.parent, claim.headers, attributes, claim.transactions
        )
        assert len(sealed.receipts) == len(claim.transactions)
        refused(claim.fields(block=sealed.rlp(), witness=claim.everything()))


# -- valid blocks with one invalid transaction in them --


class Scene:
    """A claim's world with wallets added, and its block on that."""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self.world: WorldState = claim.world.copy()
        funded(self.world)
        self.parent: Header = replace(claim.parent, state_root=self.world.root())
        self.headers = {self.parent.hash: self.parent.rlp()}
        self.attributes = attributes_in(claim.block)
        self.base_fee = next_base_fee(self.parent)

    @property
    def witness(self) -> Witness:
        return whole_state(self.world, self.parent, self.headers)

    def line(self, transactions: tuple[bytes, ...], bad: Bad | None = None) -> dict:
        pretended = {} if bad is None or bad.pretended is None else {bad.raw: bad.pretended}
        sealed = forge(
            self.claim.case.chain_id, self.world, self.parent, self.headers, self.attributes, transactions,
            pretended=pretended,
        )  # fmt: skip
        assert len(sealed.receipts) == len(transactions)
        changes = {"block": sealed.rlp(), "pre": self.parent.state_root, "witness": self.witness}
        return self.claim.fields(**changes, post=sealed.header.state_root, gas_used=sealed.header.gas_used)


@cache
def scene(folder: int) -> Scene | None:
    claim = provable(folder)
    return None if claim is None or claim.parent.number else Scene(claim)


NAMES = list(bad_transactions(1, 7, 10**8))


@FOLDER
@pytest.mark.parametrize("place", ["first", "last"])
def test_an_invalid_transaction_in_a_valid_block(folder, place):
    stage = scene(folder)
    if stage is None:
        pytest.skip("EIP-4844: every block of this folder that was drawn carries blobs")
    chain_id, own = stage.claim.case.chain_id, stage.claim.transactions

    def with_one(raw: bytes) -> tuple[bytes, ...]:
        return (raw, *own) if place == "first" else (*own, raw)

    # The same transaction with nothing wrong, in the same place, is proved.
    assert judge(stage.line(with_one(good(chain_id, stage.base_fee)))).result
    for name, bad in bad_transactions(chain_id, stage.base_fee, stage.attributes.gas_limit).items():
        answer = judge(stage.line(with_one(bad.raw), bad))
        assert not answer.result, name
        assert bad.rejection.value in answer.reason, (name, answer)


@pytest.mark.parametrize("name", NAMES)
def test_each_of_them_breaks_the_rule_it_is_named_after(name):
    stage = next(made for index in range(len(FOLDERS)) if (made := scene(index)) is not None)
    chain_id = stage.claim.case.chain_id
    bad = bad_transactions(chain_id, stage.base_fee, stage.attributes.gas_limit)[name]
    hashes = ancestor_hashes(stage.parent.hash, stage.parent.number, stage.headers.__getitem__)
    rules = Rules(chain_id, tx_gas_cap=None)
    builder = BlockBuilder.open(rules, stage.world.copy(), stage.parent, stage.attributes, hashes)
    with pytest.raises(InvalidTransaction) as caught:
        builder.apply(bad.raw)
    assert caught.value.reason is bad.rejection


@FOLDER
def test_an_invalid_transaction_hidden_in_the_body(folder):
    """The header of a valid block, the body with one more that can't be included: as a no-op it would leave no mark."""
    claim = provable(folder)
    if claim is None:
        pytest.skip("EIP-4844: every block of this folder that was drawn carries blobs")
    header, transactions, withdrawals = decode_block(claim.block)
    raw = next(
        iter(bad_transactions(claim.case.chain_id, header.base_fee_per_gas, header.gas_limit).values())
    ).raw
    answer = judge(claim.fields(block=block_rlp(header, (*transactions, raw), withdrawals)))
    assert not answer.result
    assert "transactions root" in answer.reason


# -- rules of blocks --


def claims_where(group: str, wanted: Callable[[Claim], bool], limit: int = 3) -> list[Claim]:
    """The first few provable ones of a group, at most one a case."""
    found: list[Claim] = []
    for case in ALL:
        if group not in case.group or any(block.exception for block in case.blocks):
            continue
        for claim in claims(case):
            if claim.provable and wanted(claim):
                found.append(claim)
                break
        if len(found) == limit:
            break
    return found


def test_withdrawals_that_nobody_gets():
    chosen = claims_where("withdrawals", lambda claim: any(w.amount for w in decode_block(claim.block)[2]))
    assert chosen
    for claim in chosen:
        block = forged(claim, forgery.NoWithdrawals)
        assert decode_block(block)[0].withdrawals_root == claim.header.withdrawals_root
        refused(claim.fields(block=block, witness=claim.everything()))


def test_withdrawals_that_the_body_leaves_out():
    for claim in claims_where(
        "withdrawals", lambda claim: any(w.amount for w in decode_block(claim.block)[2])
    ):
        block = block_rlp(claim.header, claim.transactions, ())
        refused(claim.fields(block=block, witness=claim.everything()))


def test_requests_left_out():
    chosen = claims_where("prague/eip7", lambda claim: claim.header.requests_hash != EMPTY_REQUESTS_HASH)
    assert chosen
    for claim in chosen:
        block = forged(claim, forgery.NoRequests)
        assert decode_block(block)[0].requests_hash == EMPTY_REQUESTS_HASH
        refused(claim.fields(block=block, witness=claim.everything()))


@pytest.mark.parametrize(
    "builder",
    [forgery.NoSystemCalls, forgery.WrongBaseFee, forgery.WrongExcessBlobGas],
    ids=lambda b: b.__name__,
)
@FOLDER
def test_a_block_made_by_other_rules(folder, builder):
    claim = provable(folder)
    if claim is None:
        pytest.skip("EIP-4844: every block of this folder that was drawn carries blobs")
    block = forged(claim, builder)
    assert block != claim.block
    refused(claim.fields(block=block, witness=claim.everything()))


@FOLDER
def test_attributes_out_of_bounds(folder):
    claim = provable(folder)
    if claim is None:
        pytest.skip("EIP-4844: every block of this folder that was drawn carries blobs")
    parent = claim.parent
    bound = parent.gas_limit // 1024
    for changes in (
        {"timestamp": parent.timestamp},
        {"gas_limit": parent.gas_limit + bound},
        {"gas_limit": parent.gas_limit - bound},
        {"gas_limit": 4_999},
        {"extra_data": bytes(33)},
    ):
        block = forged(claim, forgery.AnyTime, **changes)
        refused(claim.fields(block=block, witness=claim.everything()))
    for changes in ({"extra_data": bytes(32)}, {"gas_limit": parent.gas_limit + bound - 1}):
        if claim.transactions and "gas_limit" in changes:
            continue  # GASLIMIT may be read
        assert judge(claim.fields(block=forged(claim, **changes), witness=claim.everything())).result


# -- another past --


@FOLDER
def test_a_parent_with_another_state(folder):
    """Money out of nothing: a made-up state, proved by its own nodes, below a header that says so or does not."""
    claim = provable(folder)
    if claim is None:
        pytest.skip("EIP-4844: every block of this folder that was drawn carries blobs")
    world = claim.world.copy()
    world.set_balance(b"\xee" * 20, 10**30)
    made_up = world.root()
    sealed = forge(
        claim.case.chain_id,
        world,
        claim.parent,
        claim.headers,
        attributes_in(claim.block),
        claim.transactions,
    )
    witness = whole_state(world, claim.parent, claim.headers)
    result = {"post": sealed.header.state_root, "gas_used": sealed.header.gas_used, "block": sealed.rlp()}
    refused(claim.fields(**result, pre=made_up, witness=witness))
    # The parent's header names the made-up state: then it is not the parent any more.
    liar = replace(claim.parent, state_root=made_up)
    answer = judge(claim.fields(**result, pre=made_up, witness=replace(witness, headers=(liar.rlp(),))))
    assert not answer.result
    assert "no header of the parent" in answer.reason
    # And with the real root before it the made-up nodes are of no use.
    assert not judge(claim.fields(**result, witness=witness)).result


def reader_of_old_hashes() -> Claim:
    """The fourth block of a small chain, which stores the hash of the genesis block (BLOCKHASH)."""
    rules = Rules(small_rollup.CHAIN_ID)
    world, parent = WorldState(small_rollup.SOURCE, small_rollup.GENESIS.state_root), small_rollup.GENESIS
    case = Case("small rollup", "", small_rollup.CHAIN_ID, parent, {}, ())
    headers = {parent.hash: parent.rlp()}
    for number in range(1, 5):
        hashes = ancestor_hashes(parent.hash, parent.number, headers.__getitem__)
        before = world.copy()
        builder = BlockBuilder.open(rules, world, parent, small_rollup.attributes(2_000 + number), hashes)
        if number == 4:
            asks = small_rollup.ANCESTOR_AT, small_rollup.word(4)
            builder.apply(
                small_rollup.WALLETS[0].typed(
                    chain_id=small_rollup.CHAIN_ID, to=asks[0], data=asks[1], fee=2 * 10**9
                )
            )
        sealed = builder.seal()
        if number < 4:
            parent = sealed.header
            headers[parent.hash] = parent.rlp()
    state = Witness(
        (*small_rollup.NODES.values(), *before.new_nodes().values()), tuple(small_rollup.CODES.values()), ()
    )
    chain = (
        parent.rlp(),
        *(rlp for block_hash, rlp in reversed(headers.items()) if block_hash != parent.hash),
    )
    return Claim(case, sealed.rlp(), None, parent, before, headers, replace(state, headers=chain))


def test_forged_ancestors():
    claim = reader_of_old_hashes()
    assert judge(claim.fields()).result
    parent, third, second, *rest = claim.witness.headers
    lie = replace(decode_header(second), extra_data=b"another past")
    for headers in (
        (parent, third, lie.rlp(), *rest),
        (parent, third, *rest),
        (parent, second, *rest),
        (parent,),
    ):
        answer = judge(claim.fields(witness=replace(claim.witness, headers=headers)))
        assert not answer.result
        assert "missing header" in answer.reason
    # A lie beside the truth changes nothing, nor does the order: reth's begins with the oldest.
    for headers in ((parent, lie.rlp(), third, second, *rest), tuple(reversed(claim.witness.headers))):
        assert judge(claim.fields(witness=replace(claim.witness, headers=headers))).result
    # What BLOCKHASH would have said with the lie in the chain, executed so and sealed so.
    attributes = attributes_in(claim.block)
    for said in (lie.hash, bytes(32)):
        sealed = forge(
            small_rollup.CHAIN_ID, claim.world, claim.parent, claim.headers, attributes, claim.transactions,
            block_hashes=lambda number, said=said: said,
        )  # fmt: skip
        assert sealed.header.state_root != claim.header.state_root
        refused(claim.fields(block=sealed.rlp()))
