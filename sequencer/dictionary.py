"""The pages that the sequencer's batches name: found on L1, checked against their addresses, and kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import structlog

from derivation.pages import Pages
from l1.client import L1Client
from l1.contracts import Inbox
from l1.pointers import pointer_address
from verdict.config import Config
from verdict.deployment import Deployment
from verdict.dictionary.pages import PageProblem, read_page

log = structlog.get_logger("sequencer.dictionary")


def named_pages(config: Config, deployment: Deployment, inbox: Inbox) -> tuple[bytes, ...]:
    """Addresses of the pages that new batches are to name. Raises PageProblem for a file that can't be read."""
    names: Sequence[str | Path] = deployment.pages if config.sequencer.pages is None else config.sequencer.pages
    return tuple(inbox.page_pointer(read_page(name)) if isinstance(name, Path) else bytes.fromhex(name[2:]) for name in names)


async def load_pages(pointers: Sequence[bytes], inbox: Inbox, kept: Pages) -> None:
    """Sees to it that the bytes of all of these pages are in `kept`. Raises PageProblem for one that is nowhere."""
    for pointer in pointers:
        on_l1 = await inbox.is_page(pointer)
        if kept.get(pointer) is None:
            if not on_l1:
                raise PageProblem(f"[sequencer] pages names 0x{pointer.hex()}, and the rollup has no such page: "
                                  "`verdict dictionary publish` puts one on L1, `verdict dictionary show` lists them")
            kept.put({pointer: await _code(inbox.l1, inbox.address, pointer)})
        elif not on_l1:
            log.warning("a page is not on L1 now; batches name none until it is", page="0x" + pointer.hex())


async def _code(l1: L1Client, inbox: bytes, pointer: bytes) -> bytes:
    """A page's bytes, out of its code. PageProblem if they aren't those that its address follows from."""
    answer = await l1.request("eth_getCode", ["0x" + pointer.hex(), "latest"])
    try:
        page = bytes.fromhex(answer[2:])[1:]
    except (TypeError, ValueError):
        page = b""
    if pointer_address(inbox, page) != pointer:
        raise PageProblem(f"L1 gives other bytes for page 0x{pointer.hex()} than those that its address follows from")
    return page
