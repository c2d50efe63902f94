"""Blocks, receipts and state on disk; used by the L2 node and by the embedded L1."""
