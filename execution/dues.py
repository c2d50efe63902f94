"""What transactions owe to a precompile besides gas and value, and no revert undoes (EXECUTE's fee on L1:
docs/protocol.md, section 8). No L2 has any.
"""

from __future__ import annotations

from typing import Protocol


class Dues(Protocol):
    """One block's account, for a precompile that sells something for ether.

    For each transaction `begin`, then its frames, in which the precompile sells, then `unpaid`. At last `commit`: without
    it the transaction was only simulated, or is not included after all, and has bought nothing.
    """

    payee: bytes  # address that the fees go to

    def begin(self, surety: int) -> None:
        """A transaction begins. Its sender stands for fees up to `surety` wei, kept and reverted ones together."""

    def unpaid(self) -> int:
        """Wei: fees of the transaction that reverts took back from `payee`."""

    def commit(self) -> None:
        """The transaction is in the block, and what it bought is sold."""
