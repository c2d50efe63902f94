"""The pool's rules, and that it stays consistent whatever happens."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from chain.mempool import PoolError, PoolLimits, TransactionPool
from chain.pool_errors import (
    AccountLimitExceeded,
    AlreadyKnown,
    InsufficientFunds,
    NonceTooLow,
    PoolFull,
    ReplacementUnderpriced,
    Underpriced,
)
from execution.rules import Rules
from tests.unit.execution.wallet import Wallet

CHAIN_ID = 77
RICH = 10**20
TO = b"\xaa" * 20
WALLETS = [Wallet.number(900 + i) for i in range(6)]
BLOB_HASH = b"\x01" + b"\x07" * 31


def raw(wallet: int = 0, nonce: int = 0, **fields: object) -> bytes:
    return WALLETS[wallet].typed(**{"chain_id": CHAIN_ID, "nonce": nonce, "to": TO, "gas": 21_000, **fields})


def blob(wallet: int = 0, nonce: int = 0, **fields: object) -> bytes:
    return raw(wallet, nonce, **{"kind": 3, "blob_hashes": (BLOB_HASH,), **fields})


def pool(blobs: bool = False, **limits: int) -> TransactionPool:
    return TransactionPool(Rules(CHAIN_ID, blobs=blobs, tx_gas_cap=1 << 24), PoolLimits(**limits), block_gas_limit=30_000_000)


def add(to: TransactionPool, transaction: bytes, nonce: int = 0, balance: int = RICH):
    return to.add(transaction, nonce, balance, 0)


def best(of: TransactionPool, base_fee: int = 0, blob_base_fee: int = 0) -> list[tuple[int, int]]:
    """(wallet, nonce) in the order a block would take them."""
    index = {wallet.address: i for i, wallet in enumerate(WALLETS)}
    return [(index[pooled.sender], pooled.nonce) for pooled in of.best(base_fee, blob_base_fee)]


# --- what is refused for itself ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("transaction", "message"),
    [
        (b"", "no bytes"),
        (b"\x05\xc0", "unknown transaction type"),
        (b"\x02\xc0", "undecodable"),
        (raw(chain_id=78), "invalid chain id for signer: have 78 want 77"),
        (raw(gas=20_999), "intrinsic gas too low: gas 20999, minimum needed 21000"),
        (raw(data=b"\x01" * 100, gas=22_700), "insufficient gas for floor data gas cost: gas 22700, minimum needed 25000"),
        (raw(gas=30_000_001), "exceeds block gas limit"),
        (raw(gas=(1 << 24) + 1), "transaction gas limit too high (cap: 16777216, tx: 16777217)"),
        (raw(tip=11, fee=10), "max priority fee per gas higher than max fee per gas"),
        (raw(to=b"", data=bytes(49_153), gas=10_000_000), "max initcode size exceeded: code size 49153, limit 49152"),
        (raw(data=bytes(131_072), gas=10_000_000), "oversized data: transaction size"),
        (raw(nonce=(1 << 64) - 1), "nonce has max value"),
        (raw(kind=4), "set code tx must have at least one authorization tuple"),
        (blob(), "transaction type not supported"),
        (raw(fee=0, tip=0), "transaction underpriced: gas fee cap 0, minimum needed 1"),
    ],
)  # fmt: skip
def test_refused(transaction: bytes, message: str) -> None:
    with pytest.raises(PoolError) as refusal:
        add(pool(min_fee=1), transaction)
    assert message in refusal.value.message
    assert refusal.value.code == -32000


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"blob_hashes": ()}, "blobless blob transaction"),
        ({"blob_hashes": (BLOB_HASH,) * 10}, "too many blobs in transaction: have 10, permitted 9"),
        ({"blob_hashes": (b"\x02" * 32,)}, "invalid hash version"),
        ({"blob_fee": 0}, "transaction underpriced: blob fee cap 0"),
    ],
)
def test_blob_transactions_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(PoolError, match=message.replace("(", r"\(")):
        add(pool(blobs=True), blob(**fields))


def test_minimum_tip() -> None:
    with pytest.raises(Underpriced, match="gas tip cap 1, minimum needed 2"):
        add(pool(min_tip=2), raw(tip=1))


def test_legacy_without_replay_protection_is_taken() -> None:
    held = pool()
    pooled = add(held, WALLETS[0].legacy(chain_id=None, to=TO, gas=21_000))
    assert pooled.hash in held


# --- nonces, replacement, funds -----------------------------------------------------------------------------------


def test_nonces_follow_each_other_or_wait() -> None:
    held = pool()
    add(held, raw(nonce=5), 5)
    add(held, raw(nonce=7), 5)
    assert held.pending_nonce(WALLETS[0].address) == 6
    assert held.counts() == (1, 1)
    pending, queued = held.content()
    assert (list(pending[WALLETS[0].address]), list(queued[WALLETS[0].address])) == ([5], [7])
    assert best(held) == [(0, 5)]
    add(held, raw(nonce=6), 5)
    assert held.pending_nonce(WALLETS[0].address) == 8
    assert best(held) == [(0, 5), (0, 6), (0, 7)]
    assert held.pending_nonce(WALLETS[1].address) is None
    with pytest.raises(NonceTooLow, match="nonce too low: next nonce 5, tx nonce 4"):
        add(held, raw(nonce=4), 5)
    with pytest.raises(AlreadyKnown, match="already known"):
        add(held, raw(nonce=5), 5)


@pytest.mark.parametrize(
    ("fee", "tip", "taken"),
    [(1100, 110, True), (1099, 110, False), (1100, 109, False), (2000, 100, False), (1000, 200, False), (1001, 110, False)],
)
def test_replacement_needs_ten_percent_more_of_both_fees(fee: int, tip: int, taken: bool) -> None:
    held = pool()
    old = add(held, raw(fee=1000, tip=100))
    if taken:
        new = add(held, raw(fee=fee, tip=tip))
        assert old.hash not in held and new.hash in held and len(held) == 1
    else:
        with pytest.raises(ReplacementUnderpriced, match="replacement transaction underpriced"):
            add(held, raw(fee=fee, tip=tip))
        assert old.hash in held


def test_blob_replacement_needs_twice_all_three_fees() -> None:
    held = pool(blobs=True)
    add(held, blob(fee=1000, tip=100, blob_fee=10))
    for fees in ((1999, 200, 20), (2000, 199, 20), (2000, 200, 19)):
        with pytest.raises(ReplacementUnderpriced):
            add(held, blob(fee=fees[0], tip=fees[1], blob_fee=fees[2]))
    with pytest.raises(PoolError, match="address already reserved"):
        add(held, raw(fee=10_000, tip=1000))
    add(held, blob(fee=2000, tip=200, blob_fee=20))
    assert len(held) == 1


def test_a_senders_transactions_must_be_payable_together() -> None:
    held = pool()
    each = 21_000 * 10 + 5
    add(held, raw(nonce=0, fee=10, value=5), balance=2 * each)
    add(held, raw(nonce=1, fee=10, value=5), balance=2 * each)
    with pytest.raises(InsufficientFunds) as refusal:
        add(held, raw(nonce=2, fee=10, value=5), balance=2 * each)
    assert refusal.value.message == (
        f"insufficient funds for gas * price + value: balance {2 * each}, queued cost {2 * each}, "
        f"tx cost {each}, overshot {each}"
    )
    with pytest.raises(InsufficientFunds, match="balance 4, tx cost 210005, overshot 210001"):
        add(held, raw(1, fee=10, value=5), balance=4)
    add(held, raw(nonce=1, fee=11, tip=2, value=0), balance=2 * each + 21_000)  # what it replaces costs no more


def test_blob_gas_counts_as_cost() -> None:
    held = pool(blobs=True)
    pooled = add(held, blob(fee=10, blob_fee=3, value=7))
    assert pooled.cost == 21_000 * 10 + 131_072 * 3 + 7


# --- limits ---------------------------------------------------------------------------------------------------------


def test_limit_per_sender() -> None:
    held = pool(max_per_sender=2)
    add(held, raw(nonce=0))
    add(held, raw(nonce=1))
    with pytest.raises(AccountLimitExceeded):
        add(held, raw(nonce=2))
    add(held, raw(nonce=1, fee=2 * 10**10, tip=2))  # a replacement takes no room
    add(held, raw(1))


def test_limit_of_queued_ones() -> None:
    held = pool(max_queued=1)
    add(held, raw(nonce=1))
    with pytest.raises(PoolFull):
        add(held, raw(1, nonce=1))
    add(held, raw(1, nonce=0))
    add(held, raw(nonce=0))
    add(held, raw(2, nonce=1))


def test_a_full_pool_gives_up_the_cheapest_for_a_better_one() -> None:
    held = pool(max_transactions=3)
    add(held, raw(0, 0, fee=100))
    cheap = add(held, raw(1, 0, fee=50))
    tail = add(held, raw(1, 1, fee=500))
    with pytest.raises(Underpriced, match="transaction underpriced"):
        add(held, raw(2, 0, fee=50))
    with pytest.raises(PoolFull):
        add(held, raw(1, 2, fee=900))  # its own sender's would have to go
    add(held, raw(2, 0, fee=200))
    assert tail.hash not in held and cheap.hash in held  # the last of that sender: no gap
    add(held, raw(3, 0, fee=200))
    assert cheap.hash not in held
    assert sorted(best(held)) == [(0, 0), (2, 0), (3, 0)]


# --- order ----------------------------------------------------------------------------------------------------------


def test_best_tip_first_in_nonce_order_then_first_come() -> None:
    held = pool()
    add(held, raw(0, 0, fee=100, tip=1))
    add(held, raw(0, 1, fee=100, tip=50))
    add(held, raw(1, 0, fee=100, tip=20))
    add(held, raw(2, 0, fee=100, tip=20))
    add(held, raw(3, 0, fee=30, tip=30))
    assert best(held) == [(3, 0), (1, 0), (2, 0), (0, 0), (0, 1)]
    assert best(held, base_fee=20) == [(1, 0), (2, 0), (3, 0), (0, 0), (0, 1)]  # 30 - 20 is all it can tip
    assert best(held, base_fee=31) == [(1, 0), (2, 0), (0, 0), (0, 1)]
    assert best(held, base_fee=101) == []


def test_what_cannot_pay_holds_back_what_follows_it() -> None:
    held = pool(blobs=True)
    add(held, raw(0, 0, fee=10))
    add(held, raw(0, 1, fee=100))
    add(held, blob(1, 0, fee=100, blob_fee=5))
    assert best(held, base_fee=50, blob_base_fee=5) == [(1, 0)]
    assert best(held, base_fee=50, blob_base_fee=6) == []


def test_skipping_a_sender() -> None:
    held = pool()
    add(held, raw(0, 0, tip=9))
    add(held, raw(0, 1, tip=9))
    add(held, raw(1, 0, tip=1))
    iterator = held.best(0)
    assert not iterator.empty
    assert next(iterator).sender == WALLETS[0].address
    iterator.skip_sender()
    assert [pooled.sender for pooled in iterator] == [WALLETS[1].address]
    assert iterator.empty and pool().best(0).empty


def test_the_iterator_is_a_snapshot() -> None:
    held = pool()
    add(held, raw(0, 0))
    iterator = held.best(0)
    held.clear()
    add(held, raw(1, 0))
    assert [pooled.sender for pooled in iterator] == [WALLETS[0].address]


# --- the chain goes on ------------------------------------------------------------------------------------------------


def test_mined_and_unpayable_ones_go() -> None:
    held = pool()
    for nonce in range(4):
        add(held, raw(nonce=nonce, fee=10, value=5))
    each = 21_000 * 10 + 5
    dropped = held.on_block({WALLETS[0].address: (1, 2 * each), WALLETS[5].address: (3, 0)})
    assert sorted(pooled.nonce for pooled in dropped) == [0, 3]
    assert best(held) == [(0, 1), (0, 2)]


def test_after_a_reorg_the_nonce_may_go_back() -> None:
    held = pool()
    add(held, raw(nonce=3), 3)
    held.on_block({WALLETS[0].address: (2, RICH)})
    assert held.counts() == (0, 1)
    assert held.pending_nonce(WALLETS[0].address) == 2
    add(held, raw(nonce=2), 2)
    assert held.counts() == (2, 0)


def test_a_lower_block_gas_limit_drops_what_no_longer_fits() -> None:
    held = pool()
    add(held, raw(gas=50_000))
    add(held, raw(1, gas=40_000))
    dropped = held.on_block({}, block_gas_limit=45_000)
    assert [pooled.tx.gas_limit for pooled in dropped] == [50_000]
    with pytest.raises(PoolError, match="exceeds block gas limit"):
        add(held, raw(gas=50_000))


def test_removing_one_leaves_a_gap() -> None:
    held = pool()
    first = add(held, raw(nonce=0))
    add(held, raw(nonce=1))
    assert held.remove([first.hash, b"unknown"]) == (first,)
    assert held.counts() == (0, 1)


def test_companions_stay_with_their_transaction() -> None:
    held = pool(blobs=True)
    pooled = held.add(blob(), 0, RICH, 0, companion="sidecar")
    found = held.get(pooled.hash)
    assert found is not None and found.companion == "sidecar"


# --- whatever happens ---------------------------------------------------------------------------------------------------


@dataclass
class OnChain:
    nonce: int = 0
    balance: int = RICH


class AnyUse(RuleBasedStateMachine):
    """Random use against what must always hold."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = pool(max_transactions=8, max_per_sender=4, max_queued=5)
        self.chain = [OnChain() for _ in WALLETS[:3]]

    @rule(
        wallet=st.integers(0, 2), ahead=st.integers(0, 4), fee=st.sampled_from([10, 11, 20, 50]),
        tip=st.sampled_from([1, 2, 10]), value=st.sampled_from([0, 10**6]),
    )  # fmt: skip
    def submit(self, wallet: int, ahead: int, fee: int, tip: int, value: int) -> None:
        account = self.chain[wallet]
        before = {pooled.hash for pooled in self.pool}
        transaction = raw(wallet, account.nonce + ahead, fee=fee, tip=tip, value=value)
        try:
            pooled = self.pool.add(transaction, account.nonce, account.balance, 0)
            assert pooled.hash in self.pool
        except PoolError:
            after = {pooled.hash for pooled in self.pool}
            assert after <= before

    @rule(wallet=st.integers(0, 2), nonces=st.integers(-2, 3), balance=st.sampled_from([RICH, 2 * 10**6, 10**5]))
    def block(self, wallet: int, nonces: int, balance: int) -> None:
        account = self.chain[wallet]
        account.nonce, account.balance = max(0, account.nonce + nonces), balance
        self.pool.on_block({WALLETS[wallet].address: (account.nonce, account.balance)})

    @rule(data=st.data())
    def remove_one(self, data: st.DataObject) -> None:
        hashes = sorted(pooled.hash for pooled in self.pool)
        if hashes:
            self.pool.remove([data.draw(st.sampled_from(hashes))])

    @invariant()
    def consistent(self) -> None:
        pending, queued = self.pool.content()
        flat = {p.hash: p for side in (pending, queued) for run in side.values() for p in run.values()}
        assert set(flat) == {pooled.hash for pooled in self.pool}
        counts = tuple(sum(len(run) for run in side.values()) for side in (pending, queued))
        assert self.pool.counts() == counts
        assert len(flat) <= 8
        for account, wallet in zip(self.chain, WALLETS, strict=False):
            mine = [pooled for pooled in flat.values() if pooled.sender == wallet.address]
            assert len(mine) <= 4
            assert sum(pooled.cost for pooled in mine) <= account.balance
            assert all(pooled.nonce >= account.nonce for pooled in mine)
            nonces = sorted(pending.get(wallet.address, {}))
            assert nonces == list(range(account.nonce, account.nonce + len(nonces)))
            assert account.nonce + len(nonces) not in queued.get(wallet.address, {})
            if mine:
                assert self.pool.pending_nonce(wallet.address) == account.nonce + len(nonces)
        given_best = list(self.pool.best(0))
        assert sorted(p.hash for p in given_best) == sorted(p.hash for run in pending.values() for p in run.values())
        last: dict[bytes, int] = {}
        for pooled in given_best:
            assert last.get(pooled.sender, pooled.nonce - 1) == pooled.nonce - 1
            last[pooled.sender] = pooled.nonce


TestAnyUse = AnyUse.TestCase
TestAnyUse.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
