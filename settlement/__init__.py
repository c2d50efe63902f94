"""Instant settlement: batches confirmed on L1 by EXECUTE over their steps (docs/settlement.md).

plan.py cuts a batch into segments (pure), costs.py says what its steps take, settler.py carries a batch through.
"""
