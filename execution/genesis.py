"""The genesis block, always with the system contracts: without EIP-7002's and EIP-7251's no block is valid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from eth.vm.forks.cancun.constants import BEACON_ROOTS_CONTRACT_CODE
from eth.vm.forks.prague.constants import HISTORY_STORAGE_CONTRACT_CODE

from execution.block import (
    BEACON_ROOTS_ADDRESS,
    CONSOLIDATION_REQUESTS_ADDRESS,
    HISTORY_STORAGE_ADDRESS,
    WITHDRAWAL_REQUESTS_ADDRESS,
)
from execution.encoding import EMPTY_ROOT
from execution.header import Header
from execution.requests import DEPOSIT_CONTRACT_ADDRESS
from execution.trie import NoSource
from execution.vm import MAX_CODE_SIZE
from execution.world import WorldState


@dataclass(frozen=True)
class GenesisAccount:
    """`balance` in wei."""

    balance: int = 0
    nonce: int = 0
    code: bytes = b""
    storage: Mapping[int, int] = field(default_factory=dict)


WITHDRAWAL_REQUESTS_CODE = bytes.fromhex(
    "3373fffffffffffffffffffffffffffffffffffffffe1460cb5760115f54807fffffffffffffffffffffffffffffffffffff"
    "ffffffffffffffffffffffffffff146101f457600182026001905f5b5f821115606857810190830284830290049160010191"
    "90604d565b909390049250505036603814608857366101f457346101f4575f5260205ff35b34106101f45760015460010160"
    "0155600354806003026004013381556001015f35815560010160203590553360601b5f5260385f601437604c5fa060010160"
    "0355005b6003546002548082038060101160df575060105b5f5b8181146101835782810160030260040181604c0281546060"
    "1b8152601401816001015481526020019060020154807fffffffffffffffffffffffffffffffff0000000000000000000000"
    "0000000000168252906010019060401c908160381c81600701538160301c81600601538160281c81600501538160201c8160"
    "0401538160181c81600301538160101c81600201538160081c81600101535360010160e1565b910180921461019557906002"
    "556101a0565b90505f6002555f6003555b5f54807fffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
    "ffffff14156101cd57505f5b6001546002828201116101e25750505f6101e8565b01600290035b5f555f600155604c025ff3"
    "5b5f5ffd"
)
CONSOLIDATION_REQUESTS_CODE = bytes.fromhex(
    "3373fffffffffffffffffffffffffffffffffffffffe1460d35760115f54807fffffffffffffffffffffffffffffffffffff"
    "ffffffffffffffffffffffffffff1461019a57600182026001905f5b5f821115606857810190830284830290049160010191"
    "90604d565b9093900492505050366060146088573661019a573461019a575f5260205ff35b341061019a5760015460010160"
    "0155600354806004026004013381556001015f358155600101602035815560010160403590553360601b5f5260605f601437"
    "60745fa0600101600355005b6003546002548082038060021160e7575060025b5f5b81811461012957828101600402600401"
    "81607402815460601b815260140181600101548152602001816002015481526020019060030154905260010160e9565b9101"
    "80921461013b5790600255610146565b90505f6002555f6003555b5f54807fffffffffffffffffffffffffffffffffffffff"
    "ffffffffffffffffffffffffff141561017357505f5b6001546001828201116101885750505f61018e565b01600190035b5f"
    "555f6001556074025ff35b5f5ffd"
)

SYSTEM_CONTRACTS: Mapping[bytes, GenesisAccount] = {
    BEACON_ROOTS_ADDRESS: GenesisAccount(nonce=1, code=BEACON_ROOTS_CONTRACT_CODE),
    HISTORY_STORAGE_ADDRESS: GenesisAccount(nonce=1, code=HISTORY_STORAGE_CONTRACT_CODE),
    WITHDRAWAL_REQUESTS_ADDRESS: GenesisAccount(nonce=1, code=WITHDRAWAL_REQUESTS_CODE),
    CONSOLIDATION_REQUESTS_ADDRESS: GenesisAccount(nonce=1, code=CONSOLIDATION_REQUESTS_CODE),
    # Here Ethereum has its deposit contract. Who deployed that could deploy something else at the same address of
    # another chain, emit events that make blocks invalid (EIP-6110), and stop it: so the place is taken (by STOP).
    DEPOSIT_CONTRACT_ADDRESS: GenesisAccount(nonce=1, code=b"\x00"),
}


def build_genesis(
    alloc: Mapping[bytes, GenesisAccount | int],
    chain_id: int,
    gas_limit: int,
    timestamp: int,
    base_fee_per_gas: int,
    *,
    extra_data: bytes = b"",
    fee_recipient: bytes = bytes(20),
) -> tuple[Header, dict[bytes, bytes], dict[bytes, bytes]]:
    """Header, trie nodes and codes by hash. `alloc` by 20-byte address; an integer is a balance in wei.

    The chain id is no part of the state: two chains of one allocation would have one genesis, so the header's
    `extra_data` is the chain id when none is given. Raises ValueError for code that could not be proved.
    """
    world = WorldState(NoSource(), EMPTY_ROOT)
    for address, account in {**SYSTEM_CONTRACTS, **alloc}.items():
        if isinstance(account, int):
            account = GenesisAccount(balance=account)
        if len(account.code) > MAX_CODE_SIZE:
            raise ValueError(f"0x{address.hex()} has {len(account.code)} bytes of code, EIP-170 allows {MAX_CODE_SIZE}")
        put_account(world, address, account)
    header = Header(
        parent_hash=bytes(32),
        fee_recipient=fee_recipient,
        state_root=world.root(),
        number=0,
        gas_limit=gas_limit,
        timestamp=timestamp,
        base_fee_per_gas=base_fee_per_gas,
        extra_data=extra_data or chain_id.to_bytes((chain_id.bit_length() + 7) // 8, "big"),
    )
    return header, world.new_nodes(), world.new_codes()


def put_account(world: WorldState, address: bytes, account: GenesisAccount) -> None:
    world.set_nonce_and_balance(address, account.nonce, account.balance)
    if account.code:
        world.set_code(address, account.code)
    for slot, value in account.storage.items():
        world.set_storage(address, slot, value)
