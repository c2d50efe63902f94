"""A ChainView in memory: blocks on demand from the pool, reorgs on demand. And contracts in hand-written EVM code."""

from __future__ import annotations

from collections.abc import Callable

from eth_account import Account

from chain.events import Broadcast, NewHead, PendingTransaction
from chain.mempool import TransactionPool
from chain.view import BlockRef, StateUnavailable, StoredBlock
from execution.block import BlockBuilder, SealedBlock
from execution.errors import InvalidTransaction, InvalidWitness
from execution.genesis import GenesisAccount, build_genesis
from execution.header import Header
from execution.receipt import Receipt
from execution.rules import Rules
from execution.transactions import decode_transaction
from execution.types import BlockAttributes, Withdrawal
from execution.world import WorldState

CHAIN_ID = 1337
ALICE = Account.from_key("0x" + "a1" * 32)
BOB = Account.from_key("0x" + "b0" * 32)
ETHER = 10**18
GENESIS_TIME = 1_700_000_000
GAS_LIMIT = 30_000_000

TOPIC = bytes.fromhex("ab" * 32)
# No calldata: returns slot 0. Else stores the first word there and logs it with TOPIC.
STORE_CODE = bytes.fromhex("36600e575f545f5260205ff3fefe5b5f35805f555f527f" + TOPIC.hex() + "60205fa100")
STORE = bytes.fromhex("50" * 20)
_REASON = (
    bytes.fromhex("08c379a0") + (32).to_bytes(32, "big") + (4).to_bytes(32, "big") + b"nope".ljust(32, b"\0")
)
REVERT_CODE = bytes.fromhex(f"60{len(_REASON):02x}600a5f3960{len(_REASON):02x}5ffd") + _REASON
REVERT = bytes.fromhex("51" * 20)
# Calls STORE with its own calldata and all gas; reverts if that fails.
FORWARD_CODE = bytes.fromhex("365f5f375f5f365f5f73" + STORE.hex() + "5af16026575f5ffd5b00")
FORWARD = bytes.fromhex("52" * 20)
LOOP = bytes.fromhex("53" * 20)  # runs until the gas is gone
INVALID = bytes.fromhex("54" * 20)
CONTEXT = bytes.fromhex("55" * 20)  # returns number, timestamp, base fee
CONTEXT_CODE = bytes.fromhex("435f52426020524860405260605ff3")
PARENT_HASH = bytes.fromhex("56" * 20)  # returns BLOCKHASH(number - 1)
PARENT_HASH_CODE = bytes.fromhex("60014303405f5260205ff3")


class MemoryChain:
    """Implements chain.view.ChainView. `automine`: submit mines a block."""

    def __init__(self, *, automine: bool = False) -> None:
        self.rules = Rules(chain_id=CHAIN_ID, blobs=True, tx_gas_cap=None)
        self.automine = automine
        self.events = Broadcast()
        self.pool = TransactionPool(self.rules)
        alloc = {
            bytes.fromhex(ALICE.address[2:]): GenesisAccount(balance=1_000 * ETHER),
            bytes.fromhex(BOB.address[2:]): GenesisAccount(balance=1_000 * ETHER),
            STORE: GenesisAccount(code=STORE_CODE, nonce=1, storage={0: 7}),
            REVERT: GenesisAccount(code=REVERT_CODE, nonce=1),
            FORWARD: GenesisAccount(code=FORWARD_CODE, nonce=1),
            LOOP: GenesisAccount(code=bytes.fromhex("5b5f56"), nonce=1),
            INVALID: GenesisAccount(code=b"\xfe", nonce=1),
            CONTEXT: GenesisAccount(code=CONTEXT_CODE, nonce=1),
            PARENT_HASH: GenesisAccount(code=PARENT_HASH_CODE, nonce=1),
        }
        genesis, self._nodes, self._codes = build_genesis(alloc, CHAIN_ID, GAS_LIMIT, GENESIS_TIME, 10**9)
        self._blocks: dict[bytes, StoredBlock] = {}
        self._receipts: dict[bytes, tuple[Receipt, ...]] = {}
        self._canonical: list[Header] = [genesis]
        self._keep(SealedBlock(genesis, (), (), ()))

    # -- NodeSource

    def node(self, node_hash: bytes) -> bytes:
        try:
            return self._nodes[node_hash]
        except KeyError:
            raise InvalidWitness("no such node") from None

    def code(self, code_hash: bytes) -> bytes:
        return self._codes[code_hash]

    # -- ChainView

    def head(self) -> Header:
        return self._canonical[-1]

    def resolve(self, ref: BlockRef) -> Header | None:
        if isinstance(ref, bytes):
            found = self._blocks.get(ref)
            return None if found is None else found.header
        if isinstance(ref, int):
            return self._canonical[ref] if ref < len(self._canonical) else None
        return self._canonical[0] if ref in ("earliest", "safe", "finalized") else self.head()

    def block(self, block_hash: bytes) -> StoredBlock | None:
        return self._blocks.get(block_hash)

    def receipts(self, block_hash: bytes) -> tuple[Receipt, ...]:
        return self._receipts.get(block_hash, ())

    def locate(self, tx_hash: bytes) -> tuple[bytes, int] | None:
        for header in self._canonical:
            for index, raw in enumerate(self._blocks[header.hash].transactions):
                if decode_transaction(raw).hash == tx_hash:
                    return header.hash, index
        return None

    def world_at(self, header: Header) -> WorldState:
        if header.number and header.state_root not in self._nodes:
            raise StateUnavailable("gone")
        return WorldState(self, header.state_root)

    def pending_builder(self) -> BlockBuilder:
        return self._builder(self.head())

    def block_hashes(self, header: Header) -> Callable[[int], bytes]:
        def block_hash(number: int) -> bytes:
            each = header
            while each.number > number:
                each = self._blocks[each.parent_hash].header
            return each.hash

        return block_hash

    async def submit(self, raw: bytes) -> bytes:
        tx = self.pool.decode(raw)
        world = self.world_at(self.head())
        pooled = self.pool.add(raw, world.get_nonce(tx.sender), world.get_balance(tx.sender))
        self.events.publish(PendingTransaction(pooled.hash))
        if self.automine:
            self.mine()
        return pooled.hash

    # -- making blocks

    def mine(self, *raws: bytes, withdrawals: tuple[Withdrawal, ...] = ()) -> Header:
        """A block with these transactions, then what the pool has."""
        sealed = self._build(self.head(), [*raws, *self._waiting()], withdrawals=withdrawals)
        self._canonical.append(sealed.header)
        self._announce((), (sealed.header,))
        return sealed.header

    def reorg(self, depth: int, *raws: bytes) -> list[Header]:
        """Replaces the last `depth` blocks by one more, the first with these transactions."""
        removed = tuple(reversed(self._canonical[-depth:]))
        del self._canonical[-depth:]
        added = []
        for index in range(depth + 1):
            sealed = self._build(self.head(), raws if index == 0 else (), salt=b"reorg")
            self._canonical.append(sealed.header)
            added.append(sealed.header)
        self._announce(removed, tuple(added))
        return added

    def _waiting(self) -> list[bytes]:
        builder = self.pending_builder()
        return [pooled.raw for pooled in self.pool.best(builder.base_fee_per_gas)]

    def _builder(
        self, parent: Header, salt: bytes = b"", withdrawals: tuple[Withdrawal, ...] = ()
    ) -> BlockBuilder:
        attributes = BlockAttributes(
            timestamp=parent.timestamp + 12,
            fee_recipient=b"\xfe" * 20,
            prev_randao=b"\x07" * 32,
            gas_limit=GAS_LIMIT,
            parent_beacon_block_root=b"\x09" * 32,
            extra_data=salt,
            withdrawals=withdrawals,
        )
        return BlockBuilder.open(
            self.rules, self.world_at(parent), parent, attributes, self.block_hashes(parent)
        )

    def _build(
        self, parent: Header, raws: object, *, salt: bytes = b"", withdrawals: tuple[Withdrawal, ...] = ()
    ) -> SealedBlock:
        builder = self._builder(parent, salt, withdrawals)
        for raw in raws:  # type: ignore[attr-defined]
            try:
                builder.apply(raw)
            except InvalidTransaction as error:
                raise AssertionError(str(error)) from error
        sealed = builder.seal()
        self._nodes.update(builder.world.new_nodes())
        self._codes.update(builder.world.new_codes())
        self._keep(sealed)
        return sealed

    def _keep(self, sealed: SealedBlock) -> None:
        senders = tuple(decode_transaction(raw).sender for raw in sealed.transactions)
        self._blocks[sealed.hash] = StoredBlock(
            sealed.header, sealed.transactions, senders, sealed.withdrawals, len(sealed.rlp())
        )
        self._receipts[sealed.hash] = sealed.receipts

    def _announce(self, removed: tuple[Header, ...], added: tuple[Header, ...]) -> None:
        world = self.world_at(self.head())
        self.pool.on_block(
            {sender: (world.get_nonce(sender), world.get_balance(sender)) for sender in self.pool.senders()}
        )
        self.events.publish(NewHead(self.head(), removed, added))


def signed(account, nonce: int, **fields) -> bytes:
    """A type-2 transaction unless the fields say otherwise."""
    tx = {"chainId": CHAIN_ID, "nonce": nonce, "gas": 200_000, "value": 0, **fields}
    if "gasPrice" not in tx:
        tx = {"maxFeePerGas": 5 * 10**9, "maxPriorityFeePerGas": 10**9, **tx}
    return bytes(account.sign_transaction(tx).raw_transaction)
