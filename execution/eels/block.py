"""Headers and the block under construction, as EELS's `fork` has them."""

from __future__ import annotations

from collections.abc import Callable

from ethereum.crypto.hash import Hash32, keccak256
from ethereum.exceptions import EthereumException
from ethereum_rlp import rlp
from ethereum_rlp.exceptions import DecodingError as TypeMismatch
from ethereum_types.bytes import Bytes8, Bytes32
from ethereum_types.numeric import U64, U256, Uint

from execution.eels.prague import fork, vm
from execution.eels.prague.blocks import Header, Receipt, Withdrawal
from execution.eels.prague.bloom import logs_bloom
from execution.eels.prague.fork_types import Address, Bloom, Root
from execution.eels.prague.requests import (
    DEPOSIT_CONTRACT_ADDRESS,
    DEPOSIT_EVENT_SIGNATURE_HASH,
    compute_requests_hash,
    extract_deposit_data,
)
from execution.eels.prague.trie import root
from execution.eels.prague.vm.gas import BLOB_BASE_FEE_UPDATE_FRACTION, calculate_excess_blob_gas
from execution.eels.rlp import DecodingError, decode
from execution.eels.transactions import NotIncluded, decode_transaction
from execution.eels.trie import EMPTY_ROOT, PartialTrie
from execution.eels.witness import Hashed
from execution.eels.world import State
from execution.errors import InvalidBlock, InvalidWitness, WorkLimitExceeded
from execution.types import EMPTY_BLOOM, BlockAttributes, OpenBlock

MAX_EXTRA_DATA = 32  # bytes
# The blob base fee would pass 2^256 (e^178), and computing it would take forever.
MAX_EXCESS_BLOB_GAS = 178 * int(BLOB_BASE_FEE_UPDATE_FRACTION)

# A transaction that uses `paid` gas has used at most this before its refund of a fifth (EIP-3529); the second term
# is for rounding and for a call's stipend.
_ROUNDING_AND_STIPEND = 1 + 2_300

_SMALL_NUMBERS = ("number", "gas_limit", "gas_used", "timestamp", "blob_gas_used", "excess_blob_gas")


def decode_header(data: bytes) -> Header:
    """Raises InvalidWitness unless `data` is canonical RLP of a Prague header."""
    try:
        header = rlp.deserialize_to(Header, decode(data, 1))
    except (DecodingError, TypeMismatch) as error:
        raise InvalidWitness(f"no header: {error}") from None
    if rlp.encode(header) != data:
        raise InvalidWitness("not the canonical encoding of a header")
    if any(int(getattr(header, name)) >> 64 for name in _SMALL_NUMBERS):
        raise InvalidWitness("a number in a header is over 64 bits")
    if int(header.difficulty) >> 256 or int(header.base_fee_per_gas) >> 256:
        raise InvalidWitness("a number in a header is over 256 bits")
    return header


class Ancestors:
    """What BLOCKHASH looks up: EELS asks for item -n for the hash of the block n before the open one."""

    def __init__(self, parent_hash: bytes, parent_number: int, header_of: Callable[[bytes], Header]) -> None:
        self._hashes = [parent_hash]  # the parent's first
        self._parent_number = parent_number
        self._header_of = header_of

    def __getitem__(self, index: int) -> Hash32:
        wanted = -int(index)
        while len(self._hashes) < wanted:
            header = self._header_of(self._hashes[-1])
            if int(header.number) != self._parent_number - (len(self._hashes) - 1):
                raise InvalidWitness(f"the header of block {header.number} is where another belongs")
            self._hashes.append(bytes(header.parent_hash))
        return Hash32(self._hashes[wanted - 1])


class Block:
    """Made by `open_block` or from an OpenBlock; then `apply` any number of times, and `seal` once."""

    def __init__(
        self,
        chain_id: int,
        tx_gas_cap: int,
        state: State,
        witness: Hashed,
        opened: OpenBlock,
        parent_hash: bytes,
        header_of: Callable[[bytes], Header],
    ) -> None:
        if opened.excess_blob_gas > MAX_EXCESS_BLOB_GAS:
            raise InvalidBlock(f"excess blob gas {opened.excess_blob_gas} is out of reach")
        self._opened = opened
        self._parent_hash = parent_hash
        self._tx_gas_cap = tx_gas_cap
        self._count = opened.transaction_count
        self._gas_used = opened.gas_used
        self._bloom = int.from_bytes(opened.logs_bloom, "big")
        self._deposits = opened.deposit_requests
        self._transactions = PartialTrie(witness.node, opened.transactions_root)
        self._receipts = PartialTrie(witness.node, opened.receipts_root)
        attributes = opened.attributes
        self._environment = vm.BlockEnvironment(
            chain_id=U64(chain_id),
            state=state,
            block_gas_limit=Uint(attributes.gas_limit),
            block_hashes=Ancestors(parent_hash, opened.number - 1, header_of),
            coinbase=Address(attributes.fee_recipient),
            number=Uint(opened.number),
            base_fee_per_gas=Uint(opened.base_fee_per_gas),
            time=U256(attributes.timestamp),
            prev_randao=Bytes32(attributes.prev_randao),
            excess_blob_gas=U64(opened.excess_blob_gas),
            parent_beacon_block_root=Hash32(attributes.parent_beacon_block_root),
        )

    def begin(self) -> None:
        """The system calls at a block's start (EIP-4788, EIP-2935)."""
        environment = self._environment
        for address, data in (
            (fork.BEACON_ROOTS_ADDRESS, environment.parent_beacon_block_root),
            (fork.HISTORY_STORAGE_ADDRESS, self._parent_hash),
        ):
            fork.process_unchecked_system_transaction(environment, address, data)

    def apply(self, raw: bytes) -> int:
        """The gas used. Raises NotIncluded if it can't be included; then nothing has changed."""
        environment, gas_left = self._environment, self._opened.attributes.gas_limit - self._gas_used
        state, work = environment.state, environment.state.work
        tx = decode_transaction(raw, int(environment.chain_id), self._tx_gas_cap)
        if int(tx.gas) > gas_left:
            raise NotIncluded("more gas than is left in the block")
        before = state.journal.mark()
        output = vm.BlockOutput(block_gas_used=Uint(self._gas_used))
        work.floor = max(int(tx.gas) - work.transactions * 5 // 4 - _ROUNDING_AND_STIPEND, 0)
        try:
            fork.process_transaction(environment, output, tx, Uint(self._count))
            used = int(output.block_gas_used) - self._gas_used
            if used > work.transactions:
                raise WorkLimitExceeded("more gas used than was paid for")
            deposits = _deposits(output.block_logs)
        except EthereumException as error:
            # Also for deposits: the event would make the block invalid, so the transaction can't be included.
            state.undo(before)
            raise NotIncluded(f"{type(error).__name__}: {error}") from None
        work.transactions -= used
        self._gas_used += used
        self._deposits += deposits
        self._bloom |= int.from_bytes(logs_bloom(output.block_logs), "big")
        (key,) = output.receipt_keys
        receipt = output.receipts_trie._data[key]
        self._transactions.put(key, raw)
        self._receipts.put(key, rlp.encode(receipt) if isinstance(receipt, Receipt) else receipt)
        self._count += 1
        return used

    def opened(self) -> OpenBlock:
        """As it is now."""
        before = self._opened
        return OpenBlock(
            number=before.number,
            attributes=before.attributes,
            base_fee_per_gas=before.base_fee_per_gas,
            excess_blob_gas=before.excess_blob_gas,
            transaction_count=self._count,
            gas_used=self._gas_used,
            logs_bloom=self._bloom.to_bytes(256, "big"),
            transactions_root=self._transactions.root(),
            receipts_root=self._receipts.root(),
            deposit_requests=self._deposits,
        )

    def seal(self) -> Header:
        """Withdrawals, requests, header. Raises EELS's InvalidBlock if an EIP-7002 or EIP-7251 call fails."""
        environment, opened = self._environment, self.opened()
        attributes = opened.attributes
        output = vm.BlockOutput()
        fork.process_withdrawals(
            environment,
            output,
            tuple(
                Withdrawal(
                    U64(item.index), U64(item.validator_index), Address(item.address), U256(item.amount)
                )
                for item in attributes.withdrawals
            ),
        )
        if opened.deposit_requests:
            output.requests.append(fork.DEPOSIT_REQUEST_TYPE + opened.deposit_requests)
        fork.process_general_purpose_requests(environment, output)
        return Header(
            parent_hash=Hash32(self._parent_hash),
            ommers_hash=fork.EMPTY_OMMER_HASH,
            coinbase=environment.coinbase,
            state_root=Root(environment.state.root()),
            transactions_root=Root(opened.transactions_root),
            receipt_root=Root(opened.receipts_root),
            bloom=Bloom(opened.logs_bloom),
            difficulty=Uint(0),
            number=environment.number,
            gas_limit=environment.block_gas_limit,
            gas_used=Uint(opened.gas_used),
            timestamp=environment.time,
            extra_data=attributes.extra_data,
            prev_randao=environment.prev_randao,
            nonce=Bytes8(bytes(8)),
            base_fee_per_gas=environment.base_fee_per_gas,
            withdrawals_root=root(output.withdrawals_trie),
            blob_gas_used=U64(0),
            excess_blob_gas=environment.excess_blob_gas,
            parent_beacon_block_root=environment.parent_beacon_block_root,
            requests_hash=Hash32(compute_requests_hash(output.requests)),
        )


def child_of(parent: Header, attributes: BlockAttributes) -> OpenBlock:
    """The block that `attributes` open on `parent`, still empty. Raises InvalidBlock for what no client accepts."""
    if attributes.timestamp <= int(parent.timestamp):
        raise InvalidBlock(f"timestamp {attributes.timestamp} after {parent.timestamp}")
    if len(attributes.extra_data) > MAX_EXTRA_DATA:
        raise InvalidBlock(f"{len(attributes.extra_data)} bytes of extra data")
    try:
        base_fee = fork.calculate_base_fee_per_gas(
            Uint(attributes.gas_limit), parent.gas_limit, parent.gas_used, parent.base_fee_per_gas
        )
    except EthereumException:
        raise InvalidBlock(f"gas limit {attributes.gas_limit} after {parent.gas_limit}") from None
    if int(parent.number) + 1 >= 1 << 64 or int(base_fee) >= 1 << 256:
        raise InvalidBlock("number or base fee out of reach")
    return OpenBlock(
        number=int(parent.number) + 1,
        attributes=attributes,
        base_fee_per_gas=int(base_fee),
        excess_blob_gas=int(calculate_excess_blob_gas(parent)),
        transaction_count=0,
        gas_used=0,
        logs_bloom=EMPTY_BLOOM,
        transactions_root=EMPTY_ROOT,
        receipts_root=EMPTY_ROOT,
        deposit_requests=b"",
    )


def header_hash(header: Header) -> bytes:
    return bytes(keccak256(rlp.encode(header)))


def _deposits(logs: tuple[vm.Log, ...]) -> bytes:
    """EIP-6110, of one transaction; `parse_deposit_requests` wants a block's receipts. Raises EELS's InvalidBlock."""
    return b"".join(
        extract_deposit_data(log.data)
        for log in logs
        if log.address == DEPOSIT_CONTRACT_ADDRESS and log.topics[:1] == (DEPOSIT_EVENT_SIGNATURE_HASH,)
    )
