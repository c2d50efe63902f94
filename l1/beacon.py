"""Blobs from a beacon node (Ethereum Beacon APIs).

/eth/v1/beacon/blobs/{block_id} (since Fusaka; SSZ or JSON, filtered by versioned hash) is asked first, then the older
/eth/v1/beacon/blob_sidecars/{block_id}, which leaves with Gloas; afterwards first the one that answered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from l1.blob_sources import Answer, BlobRequest, Candidate, HttpSource, SourceEmpty, SourceFailed, text_of
from l1.kzg import BLOB_SIZE, versioned_hash
from rpc.errors import RpcError
from rpc.json_input import parse_json
from rpc.limits import ServerLimits

MAX_BLOBS_PER_BLOCK = 128  # more than any blob parameter fork plans
_MAX_JSON_BLOB = 2 * BLOB_SIZE + 4096  # hex, and what else a sidecar says
_MAX_SMALL_ANSWER = 1 << 20
_SSZ = "application/octet-stream"
_JSON = "application/json"
_JSON_LIMITS = ServerLimits(max_depth=16)


class BeaconSource(HttpSource):
    """One beacon node, or a blob archive with the same API."""

    def __init__(self, url: str, *, timeout: float = 10.0) -> None:
        super().__init__(url, timeout=timeout)
        self._clock: tuple[int, int] | None = None  # genesis time, seconds per slot
        self._endpoints = [self._blobs, self._sidecars]

    async def slot_at(self, timestamp: int) -> int:
        """The slot of the L1 block with that timestamp (seconds). SourceFailed if the node doesn't say when slots began."""
        if self._clock is None:
            try:
                genesis = _object(await self.get("/eth/v1/beacon/genesis", _MAX_SMALL_ANSWER, _JSON))
                spec = _object(await self.get("/eth/v1/config/spec", _MAX_SMALL_ANSWER, _JSON))
                self._clock = int(genesis["data"]["genesis_time"]), int(spec["data"]["SECONDS_PER_SLOT"])
            except (SourceEmpty, KeyError, TypeError, ValueError) as error:
                raise SourceFailed(f"the beacon node's genesis or spec is unreadable: {error!r}") from error
        genesis_time, seconds = self._clock
        return max(0, timestamp - genesis_time) // max(1, seconds)

    async def fetch(self, request: BlobRequest) -> Sequence[Candidate]:
        slot = await self.slot_at(request.timestamp)
        empty: list[str] = []
        failed: SourceFailed | None = None
        for endpoint in tuple(self._endpoints):
            try:
                if found := await endpoint(slot, request.hashes):
                    self._endpoints.sort(key=lambda each: each != endpoint)
                    return found
                empty.append(f"slot {slot} has no blobs")
            except SourceEmpty as error:
                empty.append(str(error))
            except SourceFailed as error:
                failed = error
        if failed is not None:
            raise failed
        raise SourceEmpty("; ".join(empty))

    async def _blobs(self, slot: int, hashes: Sequence[bytes]) -> list[Candidate]:
        query = [("versioned_hashes", "0x" + each.hex()) for each in dict.fromkeys(hashes)]
        answer = await self.get(f"/eth/v1/beacon/blobs/{slot}", MAX_BLOBS_PER_BLOCK * _MAX_JSON_BLOB,
                                f"{_SSZ};q=1.0,{_JSON};q=0.9", query)  # fmt: skip
        if answer.content_type == _SSZ:
            body = answer.body  # List[Blob]: the blobs end to end
            if len(body) % BLOB_SIZE:
                raise SourceFailed(f"{len(body):,} bytes of SSZ are not whole blobs")
            return [Candidate(body[at : at + BLOB_SIZE]) for at in range(0, len(body), BLOB_SIZE)]
        entries = await asyncio.to_thread(_list, answer)
        return [Candidate(blob) for each in entries if isinstance(each, str) and (blob := _blob(each))]

    async def _sidecars(self, slot: int, hashes: Sequence[bytes]) -> list[Candidate]:
        answer = await self.get(
            f"/eth/v1/beacon/blob_sidecars/{slot}", MAX_BLOBS_PER_BLOCK * _MAX_JSON_BLOB, _JSON
        )
        found: list[Candidate] = []
        for each in await asyncio.to_thread(_list, answer):
            if not isinstance(each, Mapping):
                continue
            claimed = versioned_hash(_bytes(text_of(each, "kzg_commitment")))
            if claimed in hashes and (blob := _blob(text_of(each, "blob"))):
                found.append(Candidate(blob, claimed))
        return found


def _object(answer: Answer) -> Mapping[str, Any]:
    try:
        found = parse_json(answer.body, _JSON_LIMITS)
    except RpcError as error:
        raise SourceFailed(f"an answer that isn't JSON, or too much of it: {error}") from error
    if not isinstance(found, Mapping):
        raise SourceFailed("an answer that isn't an object")
    return found


def _list(answer: Answer) -> list[Any]:
    data = _object(answer).get("data")
    if not isinstance(data, list):
        raise SourceFailed("an answer without a list of blobs")
    return data[:MAX_BLOBS_PER_BLOCK]


def _bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        return b""


def _blob(text: str) -> bytes | None:
    blob = _bytes(text) if len(text) == 2 + 2 * BLOB_SIZE else b""
    return blob if len(blob) == BLOB_SIZE else None
