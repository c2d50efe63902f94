"""The L2 state transition: `step`, the state trie, witnesses and EXECUTE. Pure: no sockets, files, clocks."""

import os

# eth-hash picks pycryptodome (5x slower) unless told; must be set before anything imports eth_hash.auto.
os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")
