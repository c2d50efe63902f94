"""The page's own files, as they go out. They are read once, and nothing else can be asked for."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path

DIRECTORY = Path(__file__).parent / "static"
INDEX = "index.html"
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_WORTH_PACKING = 600  # bytes


@dataclass(frozen=True, slots=True)
class Body:
    """`packed`: gzip of `plain`, or the same where that isn't worth it. `etag`: weak, it stands for both."""

    plain: bytes
    packed: bytes
    etag: str
    content_type: str

    @classmethod
    def of(cls, plain: bytes, content_type: str) -> Body:
        packed = gzip.compress(plain, 6, mtime=0) if len(plain) > _WORTH_PACKING else plain
        return cls(plain, packed, f'W/"{hashlib.sha256(plain).hexdigest()[:24]}"', content_type)


def load_assets(directory: Path = DIRECTORY) -> dict[str, Body]:
    """By file name."""
    return {
        file.name: Body.of(file.read_bytes(), _TYPES[file.suffix])
        for file in sorted(directory.iterdir()) if file.suffix in _TYPES
    }  # fmt: skip
