"""KZG: openings are what L1's point evaluation precompile accepts, and nothing else is."""

from __future__ import annotations

import asyncio
import os
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import ckzg
import pytest
from py_arkworks_bls12381 import G1Point

from l1 import blobs, kzg
from l1.blobs import ChunkProofKind
from l1.kzg import BLS_MODULUS, Opening, Prover

RANDOM = Random(4844)
BLOB = b"".join(b"\x00" + RANDOM.randbytes(31) for _ in range(4096))


@pytest.fixture(scope="module")
def commitment() -> bytes:
    return blobs.commitment_of(BLOB)


def point_evaluation(commitment: bytes, index: int, opening: Opening) -> bytes:
    """py-evm's precompile at 0x0a, over its own reading of the input."""
    from eth.vm.forks.cancun.computation import CANCUN_PRECOMPILES

    class Message:
        data = (
            blobs.versioned_hash(commitment) + blobs.point_of(index) + opening.value + commitment + opening.proof
        )
        is_static = False
        data_as_bytes = data

    class Computation:
        msg = Message()
        output = b""

        def consume_gas(self, *_: object, **__: object) -> None: ...

    computation = Computation()
    CANCUN_PRECOMPILES[b"\x00" * 19 + b"\x0a"](computation)  # type: ignore[arg-type]
    return computation.output


@pytest.mark.parametrize("index", [0, 1, 63, 64, 4095])
def test_opening_gives_the_element_and_verifies(commitment: bytes, index: int) -> None:
    opening = blobs.open_element(BLOB, index)
    assert opening.value == blobs.element_of(BLOB, index)
    assert blobs.verify_opening(commitment, index, opening)
    assert not blobs.verify_opening(commitment, (index + 1) % 4096, opening)
    assert not blobs.verify_opening(commitment, index, Opening(bytes(32), opening.proof))
    assert not blobs.verify_opening(commitment, index, Opening(opening.value, b"\xff" * 48))


def test_precompile_accepts_the_opening(commitment: bytes) -> None:
    output = point_evaluation(commitment, 77, blobs.open_element(BLOB, 77))
    assert output == (4096).to_bytes(32, "big") + BLS_MODULUS.to_bytes(32, "big")


def test_chunk_opens_on_worker_processes_with_a_live_event_loop() -> None:
    async def scenario() -> tuple[list[Opening], int]:
        prover, ticks = Prover(workers=1), 0
        job = asyncio.create_task(prover.open_elements(BLOB, [64 * 3, 64 * 3 + 1]))
        while not job.done():
            ticks += 1
            await asyncio.sleep(0.01)
        prover.close()
        return job.result(), ticks

    openings, ticks = asyncio.run(scenario())
    assert [opening.value for opening in openings] == [blobs.element_of(BLOB, i) for i in (192, 193)]
    assert ticks > 10


def test_open_chunk_is_the_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    proved: list[int] = []

    async def openings(self: Prover, blob: bytes, indices: range) -> list[Opening]:
        proved.extend(indices)
        return [Opening(blobs.element_of(blob, index), b"") for index in indices]

    monkeypatch.setattr(Prover, "open_elements", openings)
    chunk = asyncio.run(blobs.open_chunk(Prover(0), BLOB, 5, ChunkProofKind.POINTS))
    assert proved == list(range(320, 384))
    assert chunk.data == BLOB[5 * 2048 : 6 * 2048]
    for cell in (-1, 64):
        with pytest.raises(IndexError):
            asyncio.run(blobs.open_chunk(Prover(0), BLOB, cell))


def holds(chunk: blobs.ChunkProof, cell: int) -> bool:
    """Whether c-kzg takes the cell proof, made from uncompressed points again."""
    commitment, proof = (
        G1Point.from_xy_bytes_be(point[16:64] + point[80:]).to_compressed_bytes()
        for point in (chunk.commitment, *chunk.proofs)
    )
    return ckzg.verify_cell_kzg_proof_batch([commitment], [cell], [chunk.data], [proof], blobs.trusted_setup())


def test_cell_proofs_verify_and_are_made_once_a_blob(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[bytes] = []
    prove_cells = kzg.prove_cells
    monkeypatch.setattr(kzg, "prove_cells", lambda blob: made.append(blob) or prove_cells(blob))

    async def opened(prover: Prover) -> None:
        for cell in (0, 5, 63):
            chunk = await blobs.open_chunk(prover, BLOB, cell)
            assert chunk.data == BLOB[cell * 2048 : (cell + 1) * 2048] and not chunk.path
            assert holds(chunk, cell) and not holds(chunk, cell + 1)

    asyncio.run(opened(Prover(0)))
    assert made == [BLOB]


def test_cell_proofs_come_from_a_worker() -> None:
    async def proved() -> kzg.CellProofs:
        prover = Prover(workers=1)
        try:
            return await prover.prove_cells(bytes(blobs.BLOB_SIZE))
        finally:
            prover.close()

    cells = asyncio.run(proved())
    assert cells.commitment == bytes(128) and cells.proofs == (bytes(128),) * 64  # the zero polynomial: infinity
    with pytest.raises(ValueError):
        kzg.prove_cells(b"\xff" * blobs.BLOB_SIZE)


def test_the_setup_page_is_the_ceremonys() -> None:
    """Mend with: python solidity/tools/kzg_setup.py"""
    script = Path(__file__).parents[3] / "solidity" / "tools" / "kzg_setup.py"
    made = runpy.run_path(str(script))
    assert made["SOURCE"].read_text() == made["source"]()
    assert len(made["page"]()) == 64 * 96 + 2 * 192


def test_sidecar_verifies_and_a_changed_one_does_not() -> None:
    sidecar = blobs.to_sidecar([BLOB])
    assert blobs.verify_sidecar(sidecar)
    changed = blobs.Sidecar((BLOB[:-1] + bytes([BLOB[-1] ^ 1]),), sidecar.commitments, sidecar.proofs)
    assert not blobs.verify_sidecar(changed)
    assert sidecar.versioned_hashes == (blobs.blob_versioned_hash(BLOB),)


def test_pack_and_unpack() -> None:
    data = RANDOM.randbytes(130_000)
    packed = blobs.pack(data)
    assert [len(blob) for blob in packed] == [blobs.BLOB_SIZE] * 2
    assert blobs.unpack(packed)[: len(data)] == data and not any(blobs.unpack(packed)[len(data) :])
    assert blobs.pack(b"") == []
    with pytest.raises(ValueError):
        blobs.unpack([b"\x01" + bytes(blobs.BLOB_SIZE - 1)])
    with pytest.raises(ValueError):
        blobs.commitment_of(b"\xff" * blobs.BLOB_SIZE)
    with pytest.raises(IndexError):
        blobs.point_of(4096)


KILLED = """
import asyncio, os, signal, sys
from l1.kzg import Prover

async def main():
    prover = Prover(workers=1)
    await prover.open_elements(bytes(131072), [0])
    print(*prover._pool._pool._processes, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    asyncio.run(main())
"""


def test_workers_do_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    ended = subprocess.run([sys.executable, str(script)], stdout=subprocess.PIPE, text=True, timeout=60, check=False)
    assert ended.returncode == -signal.SIGKILL
    worker, deadline = int(ended.stdout), time.monotonic() + 20
    while _runs(worker):
        assert time.monotonic() < deadline, "the worker is still there"
        time.sleep(0.05)


def _runs(pid: int) -> bool:
    """A zombie that nobody reaps has ended too."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_a_worker_that_is_killed_costs_no_opening() -> None:
    blob = bytes(blobs.BLOB_SIZE)
    prover = Prover(1)
    try:
        first = await prover.open_elements(blob, [0])
        for _ in range(3):
            workers = prover._pool._pool
            assert workers is not None
            for pid in list(workers._processes):
                os.kill(pid, signal.SIGKILL)
            assert await prover.open_elements(blob, [0]) == first
            await prover.open_elements(blob, [1])
            if prover._pool._pool is None:  # it rests, and works here
                break
    finally:
        prover.close()
