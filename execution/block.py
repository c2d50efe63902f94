"""One block under construction. The L1 chain, the L2 chain and `step` all build blocks with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from execution.encoding import EMPTY_ROOT, encode_bytes, encode_int, wrap_list
from execution.errors import InvalidBlock, InvalidTransaction, Rejection, WorkLimitExceeded
from execution.header import Header, gas_limit_allowed, next_base_fee, next_excess_blob_gas
from execution.processing import (
    SYSTEM_CALL_GAS,
    Executed,
    Outcome,
    finish_transaction,
    process_transaction,
    system_call,
)
from execution.receipt import Receipt, bloom
from execution.requests import (
    CONSOLIDATION_REQUEST_TYPE,
    DEPOSIT_REQUEST_TYPE,
    WITHDRAWAL_REQUEST_TYPE,
    InvalidDepositEvent,
    deposit_requests,
    requests_hash,
)
from execution.rules import Rules
from execution.simulation import AccountOverride, CallFields, CallResult, simulate
from execution.transactions import SignedTransaction, decode_transaction
from execution.trie import NodeSource, NoSource, Trie
from execution.types import EMPTY_BLOOM, BlockAttributes, OpenBlock, Withdrawal
from execution.vm import BlockContext, State
from execution.world import WorldState

BEACON_ROOTS_ADDRESS = bytes.fromhex("000f3df6d732807ef1319fb7b8bb8522d0beac02")  # EIP-4788
HISTORY_STORAGE_ADDRESS = bytes.fromhex("0000f90827f1c53a10cb7a02335b175320002935")  # EIP-2935
WITHDRAWAL_REQUESTS_ADDRESS = bytes.fromhex("00000961ef480eb55e80d19ad83579a64c007002")  # EIP-7002
CONSOLIDATION_REQUESTS_ADDRESS = bytes.fromhex("0000bbddc7ce488642fb579f8b00f3a590007251")  # EIP-7251

MAX_EXTRA_DATA = 32  # bytes
GWEI = 10**9


@dataclass(frozen=True)
class SealedBlock:
    """`transactions` and `receipts` are all of the block's, or after `resume` those applied since."""

    header: Header
    transactions: tuple[bytes, ...]
    receipts: tuple[Receipt, ...]
    withdrawals: tuple[Withdrawal, ...]
    requests: tuple[bytes, ...] = ()

    @property
    def hash(self) -> bytes:
        return self.header.hash

    def rlp(self) -> bytes:
        """[header, transactions, ommers, withdrawals], for a block that holds all of its transactions."""
        transactions = b"".join([raw if raw[0] >= 0xC0 else encode_bytes(raw) for raw in self.transactions])
        withdrawals = b"".join([encode_withdrawal(withdrawal) for withdrawal in self.withdrawals])
        return wrap_list(self.header.rlp() + wrap_list(transactions) + b"\xc0" + wrap_list(withdrawals))


@dataclass
class WorkBudget:
    """Gas that may still be used: by transactions after refunds, and by system calls, which no one pays for."""

    transactions: int
    system_calls: int


@dataclass
class _Items:
    """An MPT over the block's items by index; additions wait until the root is asked for."""

    trie: Trie
    waiting: list[tuple[int, bytes]] = field(default_factory=list)

    def root(self) -> bytes:
        for index, item in self.waiting:
            self.trie.set(encode_int(index), item)
        self.waiting.clear()
        return self.trie.root()


class BlockBuilder:
    """Made by `open` or `resume`; then `apply` any number of times, and `seal` once."""

    def __init__(
        self,
        rules: Rules,
        world: WorldState,
        parent_hash: bytes,
        block: OpenBlock,
        source: NodeSource,
        block_hashes: Callable[[int], bytes],
        budget: WorkBudget | None = None,
    ) -> None:
        self.rules = rules
        self.world = world
        self.parent_hash = parent_hash
        self.number = block.number
        self.attributes = attributes = block.attributes
        self.base_fee_per_gas = block.base_fee_per_gas
        self.excess_blob_gas = block.excess_blob_gas
        self.transaction_count = block.transaction_count
        self.gas_used = block.gas_used
        self.blob_gas_used = 0
        self.transactions: list[bytes] = []
        self.receipts: list[Receipt] = []
        self._bloom = int.from_bytes(block.logs_bloom, "big")
        self._deposit_requests = block.deposit_requests
        self._transactions = _Items(Trie(source, block.transactions_root))
        self._receipts = _Items(Trie(source, block.receipts_root))
        self._budget = budget
        self.state = State(
            world,
            BlockContext(
                chain_id=rules.chain_id,
                number=block.number,
                timestamp=attributes.timestamp,
                coinbase=attributes.fee_recipient,
                prev_randao=attributes.prev_randao,
                gas_limit=attributes.gas_limit,
                base_fee_per_gas=block.base_fee_per_gas,
                excess_blob_gas=block.excess_blob_gas,
                block_hashes=block_hashes,
            ),
            rules.precompiles,
            rules.dues,
        )

    @classmethod
    def open(
        cls,
        rules: Rules,
        world: WorldState,
        parent: Header,
        attributes: BlockAttributes,
        block_hashes: Callable[[int], bytes],
        budget: WorkBudget | None = None,
    ) -> BlockBuilder:
        """The child of `parent`, whose state `world` is. Raises InvalidBlock for attributes no client accepts."""
        if attributes.timestamp <= parent.timestamp:
            raise InvalidBlock(f"timestamp {attributes.timestamp}, the parent's is {parent.timestamp}")
        if len(attributes.extra_data) > MAX_EXTRA_DATA:
            raise InvalidBlock(f"{len(attributes.extra_data)} bytes of extra data")
        if not gas_limit_allowed(attributes.gas_limit, parent.gas_limit):
            raise InvalidBlock(f"gas limit {attributes.gas_limit}, the parent's is {parent.gas_limit}")
        base_fee = next_base_fee(parent)
        if parent.number + 1 >> 64 or base_fee >> 256:
            raise InvalidBlock("number or base fee out of reach")
        block = OpenBlock(
            number=parent.number + 1,
            attributes=attributes,
            base_fee_per_gas=base_fee,
            excess_blob_gas=next_excess_blob_gas(parent),
            transaction_count=0,
            gas_used=0,
            logs_bloom=EMPTY_BLOOM,
            transactions_root=EMPTY_ROOT,
            receipts_root=EMPTY_ROOT,
            deposit_requests=b"",
        )
        builder = cls(rules, world, parent.hash, block, NoSource(), block_hashes, budget)
        # Unchecked: without code, or when the call fails, the block goes on.
        builder._system_call(BEACON_ROOTS_ADDRESS, attributes.parent_beacon_block_root)
        builder._system_call(HISTORY_STORAGE_ADDRESS, parent.hash)
        return builder

    @classmethod
    def resume(
        cls,
        rules: Rules,
        world: WorldState,
        parent_hash: bytes,
        open_block: OpenBlock,
        source: NodeSource,
        block_hashes: Callable[[int], bytes],
        budget: WorkBudget | None = None,
    ) -> BlockBuilder:
        """In mid-block: `source` holds the partial transactions and receipts tries."""
        return cls(rules, world, parent_hash, open_block, source, block_hashes, budget)

    @property
    def open_block(self) -> OpenBlock:
        """Computes the partial roots: for the gas used alone there is `gas_used`."""
        return OpenBlock(
            number=self.number,
            attributes=self.attributes,
            base_fee_per_gas=self.base_fee_per_gas,
            excess_blob_gas=self.excess_blob_gas,
            transaction_count=self.transaction_count,
            gas_used=self.gas_used,
            logs_bloom=self._bloom.to_bytes(256, "big"),
            transactions_root=self._transactions.root(),
            receipts_root=self._receipts.root(),
            deposit_requests=self._deposit_requests,
        )

    def partial_nodes(self) -> dict[bytes, bytes]:
        """Nodes of the partial transactions and receipts tries that `resume` would have to find."""
        self._transactions.root(), self._receipts.root()
        return self._transactions.trie.new_nodes() | self._receipts.trie.new_nodes()

    def apply(self, raw: bytes) -> Receipt:
        """Raises InvalidTransaction if it can't be included; then nothing has changed."""
        tx = decode_transaction(raw)
        executed = process_transaction(
            self.rules,
            self.state,
            tx,
            self.attributes.gas_limit - self.gas_used,
            self.blob_gas_used,
            None if self._budget is None else self._budget.transactions,
        )
        if self._budget is not None and executed.gas_used > self._budget.transactions:
            self.world.revert(0)
            raise WorkLimitExceeded("more gas used than was paid for")
        try:
            self._deposit_requests += deposit_requests(executed.outcome.logs)
        except InvalidDepositEvent as error:
            # It would make the block invalid, so it can't be included.
            self.world.revert(0)
            raise InvalidTransaction(Rejection.DEPOSIT_LAYOUT, str(error)) from None
        if self._budget is not None:
            self._budget.transactions -= executed.gas_used
        finish_transaction(self.state, executed)
        receipt = self._receipt(tx, executed)
        self._transactions.waiting.append((self.transaction_count, raw))
        self._receipts.waiting.append((self.transaction_count, receipt.rlp()))
        self.transaction_count += 1
        self.transactions.append(raw)
        self.receipts.append(receipt)
        return receipt

    def _receipt(self, tx: SignedTransaction, executed: Executed) -> Receipt:
        self.gas_used += executed.gas_used
        self.blob_gas_used += executed.blob_gas_used
        logs = executed.outcome.logs
        bits = bloom(logs) if logs else 0
        self._bloom |= bits
        return Receipt(
            type=tx.type,
            succeeded=executed.outcome.error is None,
            cumulative_gas_used=self.gas_used,
            logs_bloom=bits.to_bytes(256, "big"),
            logs=logs,
            gas_used=executed.gas_used,
            effective_gas_price=executed.effective_gas_price,
            contract_address=executed.contract_address,
            blob_gas_used=executed.blob_gas_used,
            blob_gas_price=self.state.blob_base_fee if executed.blob_gas_used else 0,
        )

    def call(
        self, tx_fields: CallFields, *, overrides: Mapping[bytes, AccountOverride] | None = None
    ) -> CallResult:
        """eth_call: no signature, nonce or fee checks, and no change. Raises InvalidTransaction if it can't be
        tried at all (too little gas or funds)."""
        return simulate(self.state, tx_fields, self.attributes.gas_limit, overrides or {})

    def seal(self) -> SealedBlock:
        """Withdrawals, requests, header. Raises InvalidBlock if an EIP-7002 or EIP-7251 call fails.

        An L2's genesis has both contracts, so there it can't fail; were it to fail, no post-state could be
        proved and EXECUTE would say false to all.
        """
        withdrawals = Trie(NoSource())
        self.world.begin_transaction()
        for index, withdrawal in enumerate(self.attributes.withdrawals):
            withdrawals.set(encode_int(index), encode_withdrawal(withdrawal))
            self.world.delta_balance(withdrawal.address, withdrawal.amount * GWEI)
        requests = self._requests()
        header = Header(
            parent_hash=self.parent_hash,
            fee_recipient=self.attributes.fee_recipient,
            state_root=self.world.root(),
            transactions_root=self._transactions.root(),
            receipts_root=self._receipts.root(),
            logs_bloom=self._bloom.to_bytes(256, "big"),
            number=self.number,
            gas_limit=self.attributes.gas_limit,
            gas_used=self.gas_used,
            timestamp=self.attributes.timestamp,
            extra_data=self.attributes.extra_data,
            prev_randao=self.attributes.prev_randao,
            base_fee_per_gas=self.base_fee_per_gas,
            withdrawals_root=withdrawals.root(),
            blob_gas_used=self.blob_gas_used,
            excess_blob_gas=self.excess_blob_gas,
            parent_beacon_block_root=self.attributes.parent_beacon_block_root,
            requests_hash=requests_hash(requests),
        )
        return SealedBlock(
            header, tuple(self.transactions), tuple(self.receipts), self.attributes.withdrawals, requests
        )

    def _requests(self) -> tuple[bytes, ...]:
        requests = [DEPOSIT_REQUEST_TYPE + self._deposit_requests] if self._deposit_requests else []
        for kind, address in (
            (WITHDRAWAL_REQUEST_TYPE, WITHDRAWAL_REQUESTS_ADDRESS),
            (CONSOLIDATION_REQUEST_TYPE, CONSOLIDATION_REQUESTS_ADDRESS),
        ):
            outcome = self._system_call(address, b"")
            if outcome is None:
                raise InvalidBlock(f"no code at the system contract 0x{address.hex()}")
            if outcome.error is not None:
                raise InvalidBlock(f"the system contract 0x{address.hex()} failed: {outcome.error!r}")
            if outcome.output:
                requests.append(kind + outcome.output)
        return tuple(requests)

    def _system_call(self, address: bytes, data: bytes) -> Outcome | None:
        """None if there is no code."""
        code = self.world.get_code(address)
        if not code:
            return None
        if self._budget is None:
            return system_call(self.state, address, code, data)
        outcome = system_call(
            self.state, address, code, data, min(self._budget.system_calls, SYSTEM_CALL_GAS)
        )
        self._budget.system_calls = max(self._budget.system_calls - (SYSTEM_CALL_GAS - outcome.gas_left), 0)
        return outcome


def encode_withdrawal(withdrawal: Withdrawal) -> bytes:
    """EIP-4895."""
    return wrap_list(
        encode_int(withdrawal.index)
        + encode_int(withdrawal.validator_index)
        + encode_bytes(withdrawal.address)
        + encode_int(withdrawal.amount)
    )
