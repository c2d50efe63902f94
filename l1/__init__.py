"""Ethereum as this project uses it: clients, blobs and KZG, contract bindings, the embedded L1."""

import os

# eth-hash picks pycryptodome (5x slower) unless told; must be set before anything imports eth_hash.auto.
os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")
