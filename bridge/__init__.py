"""What users of a rollup do themselves: bring money in, take it out, send messages, force transactions.

Nothing here trusts a node. What an RPC says is checked against what L1 has confirmed, or against a block hash, before
anybody pays for a transaction with it.
"""
