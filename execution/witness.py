"""Witnesses: what an execution reads of state, codes and headers, in the shape of debug_executionWitness.

A witness is exactly what is asked for, and everything in it is needed: without any one item execution raises
InvalidWitness. The rule for codes is the other clients': the code of every account that is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from execution.encoding import keccak
from execution.errors import InvalidWitness
from execution.rules import Rules
from execution.step import Machine
from execution.trie import NodeSource
from execution.types import Input, StepState, Witness


class WitnessSource:
    """A NodeSource, and headers, by the hashes of what the witness holds: so they are what they claim to be.

    `minimal`: as geth and reth record one, with code only where it ran or was copied, and with the siblings of
    deleted entries only where a branch is left with one when all updates are done.
    """

    def __init__(self, witness: Witness, *, minimal: bool = False) -> None:
        self.eager_codes = not minimal
        self.deletions_last = minimal
        self._nodes = {keccak(node): node for node in witness.state}
        self._codes = {keccak(code): code for code in witness.codes}
        self._headers = {keccak(header): header for header in witness.headers}

    def node(self, node_hash: bytes) -> bytes:
        return _find(self._nodes, node_hash, "trie node")

    def code(self, code_hash: bytes) -> bytes:
        return _find(self._codes, code_hash, "code")

    def header(self, block_hash: bytes) -> bytes:
        return _find(self._headers, block_hash, "header")


class RecordingSource:
    """Passes everything through and remembers it, in the order of its first use."""

    eager_codes = True

    def __init__(self, source: NodeSource, headers: Callable[[bytes], bytes]) -> None:
        self._source, self._inner_headers = source, headers
        self._nodes: dict[bytes, bytes] = {}
        self._codes: dict[bytes, bytes] = {}
        self._headers: dict[bytes, bytes] = {}

    def node(self, node_hash: bytes) -> bytes:
        node = self._nodes.get(node_hash)
        if node is None:
            node = self._nodes[node_hash] = self._source.node(node_hash)
        return node

    def code(self, code_hash: bytes) -> bytes:
        code = self._codes.get(code_hash)
        if code is None:
            code = self._codes[code_hash] = self._source.code(code_hash)
        return code

    def header(self, block_hash: bytes) -> bytes:
        header = self._headers.get(block_hash)
        if header is None:
            header = self._headers[block_hash] = self._inner_headers(block_hash)
        return header

    def witness(self) -> Witness:
        """Nodes and codes sorted by hash (deletions happen in no fixed order), headers from the parent back."""
        return Witness(
            tuple(node for _, node in sorted(self._nodes.items())),
            tuple(code for _, code in sorted(self._codes.items())),
            tuple(self._headers.values()),
        )


def build_witness(
    rules: Rules,
    state: StepState,
    inputs: Iterable[Input],
    source: NodeSource,
    headers: Callable[[bytes], bytes],
) -> tuple[StepState, int, Witness]:
    """Executes `inputs` from `state`: the state after them, the gas used, and the witness of all of it.

    `source` must hold the state, and within a block the partial tries (see Machine.roots_source); `headers` gives
    the RLP of a header by its hash.
    """
    recording = RecordingSource(source, headers)
    machine = Machine(rules, recording, state, recording.header)
    gas_used = sum(machine.step(item).gas_used for item in inputs)
    return machine.state, gas_used, recording.witness()


def _find(items: dict[bytes, bytes], key: bytes, kind: str) -> bytes:
    try:
        return items[key]
    except KeyError:
        raise InvalidWitness(f"missing {kind} 0x{key.hex()}") from None
