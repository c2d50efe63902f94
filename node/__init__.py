"""A node that derives the L2 chain from L1 alone, and serves it read-only: `verdict node`.

    L1 -> RollupNode -> chain on disk -> JSON-RPC (latest = safe)
"""
