"""Page files: the bytes of one dictionary page each, as they will lie on L1."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from l1.pointers import MAX_POINTER_DATA


class PageProblem(Exception):
    """A page, or what one is to be trained from, can't be used. The message says why and what to do."""


def read_page(path: Path) -> bytes:
    """1 to 24,575 bytes. Raises PageProblem."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_POINTER_DATA + 1)
    except FileNotFoundError:
        raise PageProblem(f"{path}: there is no such page; `verdict dictionary train` or `starter` makes one") from None
    except OSError as error:
        raise PageProblem(f"{path} can't be read: {error.strerror or error}") from None
    if not data:
        raise PageProblem(f"{path} is empty: a page has at least one byte")
    if len(data) > MAX_POINTER_DATA:
        raise PageProblem(f"{path} has more than {MAX_POINTER_DATA:,} bytes, which is what a contract's code can hold")
    return data


def write_pages(directory: Path, pages: Sequence[bytes]) -> list[Path]:
    """text.bin, addresses-1.bin, addresses-2.bin, ... Pages are never changed: raises PageProblem, and writes nothing, if
    one of the files is there with other bytes."""
    names = ["text.bin", *(f"addresses-{number}.bin" for number in range(1, len(pages)))]
    paths = [directory / name for name in names]
    for path, page in zip(paths, pages, strict=True):
        if path.exists() and path.read_bytes() != page:
            raise PageProblem(f"{path} is another page already, and pages are never changed; choose another directory")
    directory.mkdir(parents=True, exist_ok=True)
    for path, page in zip(paths, pages, strict=True):
        write_page(path, page)
    return paths


def write_page(path: Path, page: bytes) -> None:
    """Atomic: never half a page."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_bytes(page)
    partial.replace(path)
