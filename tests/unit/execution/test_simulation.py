"""eth_call on a block under construction: its result, and that it leaves nothing."""

import pytest

from execution.block import BlockBuilder
from execution.errors import InvalidTransaction
from execution.header import ancestor_hashes
from execution.simulation import AccountOverride, CallFields
from execution.world import WorldState
from tests.unit.execution.small_rollup import (
    CHAIN_ID,
    FACTORY_AT,
    GENESIS,
    HEADERS,
    MORTAL_INIT,
    REVERT_AT,
    RULES,
    SOURCE,
    STORE_AT,
    WALLETS,
    attributes,
    word,
)

SENDER = WALLETS[0]


@pytest.fixture
def builder() -> BlockBuilder:
    world = WorldState(SOURCE, GENESIS.state_root)
    hashes = ancestor_hashes(GENESIS.hash, 0, HEADERS.__getitem__)
    return BlockBuilder.open(RULES, world, GENESIS, attributes(1_002), hashes)


def test_a_call_says_what_the_transaction_then_does_and_changes_nothing(builder):
    root = builder.world.root()
    data = word(3) + word(4)
    result = builder.call(CallFields(sender=SENDER.address, to=STORE_AT, data=data, gas=100_000))
    assert result.error is None and result.logs[0].topics == (word(4),)
    assert builder.world.root() == root
    raw = SENDER.typed(chain_id=CHAIN_ID, to=STORE_AT, data=data, gas=100_000)
    receipt = builder.apply(raw)
    assert receipt.gas_used == result.gas_used and receipt.logs == result.logs
    assert builder.world.get_storage(STORE_AT, 3) == 4


def test_creations_and_selfdestructs_are_undone(builder):
    builder.world.root()
    result = builder.call(CallFields(sender=SENDER.address, to=FACTORY_AT, data=MORTAL_INIT))
    assert result.error is None
    assert builder.world.get_storage(FACTORY_AT, 0) == 0
    created = builder.call(CallFields(sender=SENDER.address, data=MORTAL_INIT))
    assert created.output == bytes.fromhex("33ff") and created.contract_address is not None
    assert not builder.world.account_exists(created.contract_address)
    sealed = builder.seal()
    other = BlockBuilder.open(
        RULES, WorldState(SOURCE, GENESIS.state_root), GENESIS, attributes(1_002), lambda number: GENESIS.hash
    ).seal()
    assert sealed.hash == other.hash


def test_revert_data_and_failures(builder):
    result = builder.call(CallFields(to=REVERT_AT))
    assert result.reverted and result.output == b""
    failed = builder.call(CallFields(sender=SENDER.address, data=b"\xfe", gas=60_000))
    assert not failed.reverted and failed.error is not None and failed.gas_used == 60_000


def test_what_cant_even_be_tried(builder):
    with pytest.raises(InvalidTransaction):
        builder.call(CallFields(to=STORE_AT, gas=20_999))
    with pytest.raises(InvalidTransaction):
        builder.call(CallFields(to=STORE_AT, value=1))


def test_state_overrides(builder):
    poor = b"\x31" * 20
    # returns slot 5 and the balance of the caller
    code = bytes.fromhex("6005545f52" + "3331602052" + "60405ff3")
    result = builder.call(
        CallFields(sender=poor, to=b"\x32" * 20, gas_price=10**9, gas=100_000),
        overrides={
            poor: AccountOverride(balance=10**18),
            b"\x32" * 20: AccountOverride(code=code, storage={5: 6}),
        },
    )
    assert result.output == word(6) + word(10**18 - 10**9 * 100_000)
    assert not builder.world.account_exists(poor)


def test_a_rejected_transaction_changes_nothing(builder):
    root = builder.world.root()
    with pytest.raises(InvalidTransaction):
        builder.apply(SENDER.typed(chain_id=CHAIN_ID, nonce=5, to=STORE_AT))
    assert builder.world.root() == root and builder.open_block.transaction_count == 0
