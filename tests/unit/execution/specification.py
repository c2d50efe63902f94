"""Ethereum's executable specification (EELS) on full state: says of a block whether it is valid, by none of our code."""

from ethereum.crypto.hash import keccak256
from ethereum.exceptions import EthereumException
from ethereum.forks.prague.blocks import Block, Header
from ethereum.forks.prague.fork import BlockChain, state_transition
from ethereum.forks.prague.fork_types import Account
from ethereum.forks.prague.state import State, set_account, set_storage, state_root
from ethereum_rlp import rlp
from ethereum_types.bytes import Bytes20, Bytes32
from ethereum_types.numeric import U64, U256, Uint

from tests.unit.execution.ethereum_fixtures import Case


def accepts(case: Case, block: bytes) -> bool:
    """Whether `block` is valid on top of its parent, the genesis block or a valid block of the case."""
    chain = _chain(case)
    ours = rlp.decode_to(Block, block)
    for earlier in case.blocks:
        if keccak256(rlp.encode(chain.blocks[-1].header)) == ours.header.parent_hash:
            break
        if earlier.exception is None:
            state_transition(chain, rlp.decode_to(Block, earlier.rlp))
    try:
        state_transition(chain, ours)
    except EthereumException:
        return False
    return True


def _chain(case: Case) -> BlockChain:
    state = State()
    for address, account in case.alloc.items():
        set_account(
            state, Bytes20(address), Account(Uint(account.nonce), U256(account.balance), account.code)
        )
        for slot, value in account.storage.items():
            set_storage(state, Bytes20(address), Bytes32(slot.to_bytes(32, "big")), U256(value))
    genesis = rlp.decode_to(Header, case.genesis.rlp())
    assert state_root(state) == genesis.state_root
    return BlockChain([Block(genesis, (), (), ())], state, U64(case.chain_id))
