"""The part of the standard beacon API that rollups use: genesis, spec, headers and blobs.

Blocks are named by slot, root, "head", "genesis", "finalized" or "justified", as in the Beacon API specification.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, Self

from aiohttp import web

from chain.view import BlockLabel
from execution.header import Header
from l1.blobs import Sidecar, versioned_hash
from l1.embedded.beacon import beacon_root

VERSION = "verdict-embedded-l1/0.1.0"
GENESIS_VALIDATORS_ROOT = bytes(32)
FORK_VERSION = bytes.fromhex("50000000")
SIGNATURE = bytes(96)
_LABELS: Mapping[str, BlockLabel] = {
    "head": "latest", "genesis": "earliest", "finalized": "finalized", "justified": "safe",
}  # fmt: skip


class BeaconView(Protocol):
    """What the API needs of the node."""

    genesis_time: int
    seconds_per_slot: int

    def resolve(self, ref: int | bytes | BlockLabel) -> Header | None: ...
    def block_in_slot(self, slot: int) -> Header | None: ...
    def block_of_beacon_root(self, root: bytes) -> Header | None: ...
    def slot_of(self, header: Header) -> int: ...
    def sidecar_of(self, header: Header) -> Sidecar | None:
        """All blobs of a block in order; empty for one without; None if they have been pruned."""
        ...


class _ApiError(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class BeaconApi:
    """Serves a BeaconView on its own port."""

    def __init__(self, view: BeaconView, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self._view = view
        self.host = host
        self._port = port
        self._runner: web.AppRunner | None = None

    @property
    def port(self) -> int:
        """The actual one after `start` when 0 was asked for."""
        addresses = self._runner.addresses if self._runner is not None else []
        return addresses[0][1] if addresses else self._port

    @property
    def url(self) -> str:
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)
        return f"http://{host}:{self.port}"

    async def start(self) -> None:
        """Listens. Raises OSError if it can't."""
        app = web.Application(middlewares=[_errors_as_json])
        app.add_routes(
            [
                web.get("/eth/v1/node/version", self._version),
                web.get("/eth/v1/node/health", self._health),
                web.get("/eth/v1/node/syncing", self._syncing),
                web.get("/eth/v1/config/spec", self._spec),
                web.get("/eth/v1/beacon/genesis", self._genesis),
                web.get("/eth/v1/beacon/headers", self._header),
                web.get("/eth/v1/beacon/headers/{block_id}", self._header),
                web.get("/eth/v1/beacon/blocks/{block_id}/root", self._root),
                web.get("/eth/v1/beacon/blob_sidecars/{block_id}", self._blob_sidecars),
                web.get("/eth/v1/beacon/blobs/{block_id}", self._blobs),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=2.0)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self.host, self._port).start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.stop()

    # --- endpoints -----------------------------------------------------------------------------------------

    async def _version(self, _request: web.Request) -> web.Response:
        return _data({"version": VERSION})

    async def _health(self, _request: web.Request) -> web.Response:
        return web.Response(status=200)

    async def _syncing(self, _request: web.Request) -> web.Response:
        head = self._view.resolve("latest")
        assert head is not None
        return _data(
            {
                "head_slot": str(self._view.slot_of(head)),
                "sync_distance": "0",
                "is_syncing": False,
                "is_optimistic": False,
                "el_offline": False,
            }
        )

    async def _spec(self, _request: web.Request) -> web.Response:
        return _data(
            {
                "CONFIG_NAME": "verdict-embedded",
                "PRESET_BASE": "mainnet",
                "SECONDS_PER_SLOT": str(self._view.seconds_per_slot),
                "SLOT_DURATION_MS": str(1000 * self._view.seconds_per_slot),
                "SLOTS_PER_EPOCH": "32",
                "MIN_GENESIS_TIME": str(self._view.genesis_time),
                "GENESIS_DELAY": "0",
                "GENESIS_FORK_VERSION": _hex(FORK_VERSION),
                "DENEB_FORK_EPOCH": "0",
                "ELECTRA_FORK_EPOCH": "0",
                "FULU_FORK_EPOCH": str(2**64 - 1),
                "MAX_BLOBS_PER_BLOCK": "6",
                "MAX_BLOBS_PER_BLOCK_ELECTRA": "9",
                "FIELD_ELEMENTS_PER_BLOB": "4096",
                "MIN_EPOCHS_FOR_BLOB_SIDECARS_REQUESTS": "4096",
            }
        )

    async def _genesis(self, _request: web.Request) -> web.Response:
        return _data(
            {
                "genesis_time": str(self._view.genesis_time),
                "genesis_validators_root": _hex(GENESIS_VALIDATORS_ROOT),
                "genesis_fork_version": _hex(FORK_VERSION),
            }
        )

    async def _header(self, request: web.Request) -> web.Response:
        """One header by block id, or the list that `?slot=` asks for."""
        if "block_id" in request.match_info:
            header = self._block(request.match_info["block_id"])
            return self._answer(header, self._header_json(header))
        header = self._block(request.query.get("slot", "head"))
        return self._answer(header, [self._header_json(header)])

    async def _root(self, request: web.Request) -> web.Response:
        header = self._block(request.match_info["block_id"])
        return self._answer(header, {"root": _hex(beacon_root(header.hash))})

    async def _blob_sidecars(self, request: web.Request) -> web.Response:
        header = self._block(request.match_info["block_id"])
        sidecar = self._sidecar(header)
        wanted = _indices(request)
        signed = self._header_json(header)["header"]
        return self._answer(
            header,
            [
                {
                    "index": str(index),
                    "blob": _hex(sidecar.blobs[index]),
                    "kzg_commitment": _hex(sidecar.commitments[index]),
                    "kzg_proof": _hex(sidecar.proofs[index]),
                    "signed_block_header": signed,
                    "kzg_commitment_inclusion_proof": [_hex(bytes(32))] * 17,
                }
                for index in range(len(sidecar.blobs))
                if wanted is None or index in wanted
            ],
            version="electra",
        )

    async def _blobs(self, request: web.Request) -> web.Response:
        header = self._block(request.match_info["block_id"])
        sidecar = self._sidecar(header)
        wanted = _versioned_hashes(request)
        return self._answer(
            header,
            [
                _hex(blob)
                for blob, commitment in zip(sidecar.blobs, sidecar.commitments, strict=True)
                if wanted is None or versioned_hash(commitment) in wanted
            ],
        )

    # --- parts of answers ----------------------------------------------------------------------------------

    def _answer(self, header: Header, data: Any, version: str | None = None) -> web.Response:
        body = {**({"version": version} if version else {}), **self._status(header), "data": data}
        return web.json_response(body, headers={"Eth-Consensus-Version": version} if version else None)

    def _status(self, header: Header) -> dict[str, Any]:
        finalized = self._view.resolve("finalized")
        final = finalized is not None and header.number <= finalized.number
        return {"execution_optimistic": False, "finalized": final}

    def _header_json(self, header: Header) -> dict[str, Any]:
        canonical = self._view.resolve(header.number)
        return {
            "root": _hex(beacon_root(header.hash)),
            "canonical": canonical is not None and canonical.hash == header.hash,
            "header": {
                "message": {
                    "slot": str(self._view.slot_of(header)),
                    "proposer_index": "0",
                    "parent_root": _hex(header.parent_beacon_block_root),
                    "state_root": _hex(header.state_root),
                    "body_root": _hex(header.hash),
                },
                "signature": _hex(SIGNATURE),
            },
        }

    def _block(self, block_id: str) -> Header:
        header: Header | None
        if block_id in _LABELS:
            header = self._view.resolve(_LABELS[block_id])
        elif block_id.isascii() and block_id.isdigit() and len(block_id) <= 20:
            header = self._view.block_in_slot(int(block_id))
        else:
            header = self._view.block_of_beacon_root(_bytes32(block_id, "block id"))
        if header is None:
            raise _ApiError(404, f"NOT_FOUND: no beacon block {block_id}")
        return header

    def _sidecar(self, header: Header) -> Sidecar:
        sidecar = self._view.sidecar_of(header)
        if sidecar is None:
            raise _ApiError(404, "NOT_FOUND: the blobs of this block have been pruned")
        return sidecar


@web.middleware
async def _errors_as_json(request: web.Request, handler: Any) -> web.StreamResponse:
    try:
        return await handler(request)
    except _ApiError as error:
        return web.json_response({"code": error.status, "message": str(error)}, status=error.status)
    except web.HTTPNotFound:
        return web.json_response({"code": 404, "message": "NOT_FOUND: no such endpoint"}, status=404)


def _data(data: Any) -> web.Response:
    return web.json_response({"data": data})


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def _bytes32(text: str, name: str) -> bytes:
    try:
        value = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        value = b""
    if len(value) != 32 or not text.startswith("0x"):
        raise _ApiError(400, f"BAD_REQUEST: invalid {name} {text[:80]!r}")
    return value


def _listed(request: web.Request, key: str) -> list[str] | None:
    values = [part for value in request.query.getall(key, []) for part in value.split(",") if part]
    return values or None


def _indices(request: web.Request) -> set[int] | None:
    values = _listed(request, "indices")
    if values is None:
        return None
    if not all(value.isascii() and value.isdigit() and len(value) < 10 for value in values):
        raise _ApiError(400, "BAD_REQUEST: invalid indices")
    return {int(value) for value in values}


def _versioned_hashes(request: web.Request) -> set[bytes] | None:
    values = _listed(request, "versioned_hashes")
    return None if values is None else {_bytes32(value, "versioned hash") for value in values}
