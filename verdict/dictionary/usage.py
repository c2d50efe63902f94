"""What pages a rollup has on L1, and which of its batches name them. From events alone."""

from __future__ import annotations

from dataclasses import dataclass, field

from verdict.onchain import Contracts

TEXT, ADDRESSES = "text", "addresses"


@dataclass(slots=True)
class PageUse:
    """`pointer`: checksummed. `block`: of L1. `batches`: how many name it; `last_batch`: the newest that does, -1 if none.
    `roles`: as what, by the place at which they name it."""

    pointer: str
    size: int
    block: int
    batches: int = 0
    last_batch: int = -1
    roles: set[str] = field(default_factory=set)


@dataclass(slots=True)
class DictionaryUse:
    """`pages` in the order in which they were published. `batches`: of all; `without`: those that name no page; `current`:
    what the newest batch names, in order."""

    pages: dict[str, PageUse] = field(default_factory=dict)
    batches: int = 0
    without: int = 0
    in_calldata: int = 0
    current: tuple[str, ...] = ()


async def read_usage(contracts: Contracts, first: int, last: int) -> DictionaryUse:
    """Over the L1 blocks `first` to `last`."""
    found = DictionaryUse()
    async for event in contracts.events(first, last):
        if event.name == "PagePublished":
            pointer = event.args["pointer"]
            found.pages[pointer] = PageUse(pointer, len(event.args["data"]), event.block_number)
        elif event.name == "BatchPosted":
            header = event.args["header"]
            found.current = tuple(header["pages"])
            found.batches += 1
            found.without += not found.current
            found.in_calldata += any(header["dataRoot"])
            for place, pointer in enumerate(found.current):
                page = found.pages[pointer]  # published before: the Inbox sees to that
                page.batches += 1
                page.last_batch = header["index"]
                page.roles.add(ADDRESSES if place else TEXT)
    return found
