"""L1 data to Inputs to commitments (docs/protocol.md, sections 2 to 4 and 7). Pure inside, async at the edge."""

import os

# eth-hash picks pycryptodome (5x slower) unless told; must be set before anything imports eth_hash.auto.
os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")
