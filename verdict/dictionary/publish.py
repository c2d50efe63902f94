"""Brings pages to L1. A page's address follows from its bytes, so what is there already is found, by whomever it came."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from l1.candidates import InsufficientFunds, TransactionError, TxCandidate
from l1.contracts import Inbox
from l1.txmanager import TransactionManager
from verdict.dictionary.pages import PageProblem


@dataclass(frozen=True, slots=True)
class PublishedPage:
    """`name`: for people; `pointer`: its address on L1, 20 bytes; `transaction`: hash, empty if it was there before."""

    name: str
    pointer: bytes
    size: int
    transaction: bytes = b""
    gas_used: int = 0


def publishing_gas(data: bytes) -> int:
    """L1 gas that publishing takes, at most: 200 a byte of code, 16 to 40 of calldata, 8 of the event."""
    return 120_000 + 265 * len(data)


async def publish_pages(
    pages: Iterable[tuple[str, bytes]], inbox: Inbox, transactions: TransactionManager,
    report: Callable[[PublishedPage], None] = lambda page: None,
) -> list[PublishedPage]:
    """One after the other; interrupted and called again, it goes on where it was. Raises PageProblem."""
    published = []
    for name, data in pages:
        pointer = inbox.page_pointer(data)
        page = PublishedPage(name, pointer, len(data))
        if not await inbox.is_page(pointer):
            try:
                receipt = await transactions.send(TxCandidate(
                    inbox.address, Inbox.publish_page(data), label=f"page {pointer.hex()} {inbox.address.hex()}"))
            except InsufficientFunds as error:
                raise PageProblem(f"0x{transactions.address.hex()} can't pay for page {name}: {error}") from None
            except TransactionError as error:
                raise PageProblem(f"L1 refuses page {name}: {error}") from None
            page = PublishedPage(name, pointer, len(data), receipt.tx_hash, receipt.gas_used)
        published.append(page)
        report(page)
    return published
