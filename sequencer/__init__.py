"""The sequencer daemon: JSON-RPC, mempool, block building, batch posting, asserting.

    pool -> builder -> ledger (sealed blocks and batch records, one store) -> batcher -> Inbox on L1
                          ^                                                      |
                          +---- follower <---- RollupNode, derives from L1 <-----+----> asserter -> Rollup on L1

The ledger is what the sequencer promises; what L1 derives is what holds. The follower brings the first in line with
the second; the asserter knows only the second.
"""
