"""A second, independent engine: EXECUTE on EELS, Ethereum's execution specification (`ethereum-execution`).

It shares with the first (`execution.execute`, on py-evm) the immutable types of `execution.types`, the errors and
nothing else: ABI is eth_abi's, RLP ethereum_rlp's, keccak pycryptodome's, the trie its own, and the rules are EELS's.
"""

from execution.eels.engine import execute

__all__ = ["execute"]
