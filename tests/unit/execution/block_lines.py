"""Blocks of Ethereum's tests as lines for `verdict execute`."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from execution.block_import import attributes_of, decode_block, import_block
from execution.header import Header, ancestor_hashes
from execution.rules import Rules
from execution.step import Machine, OverlaySource
from execution.transactions import BLOB
from execution.trie import NoSource
from execution.types import BatchEnd, BlockStart, StepState, Transaction, Witness
from execution.witness import RecordingSource
from execution.world import WorldState
from tests.unit.execution.ethereum_fixtures import Case


@dataclass(frozen=True)
class Claim:
    """A block on its parent. `exception` is Ethereum's name for what is wrong with it, None if nothing is.

    The witness is exactly what a valid block's execution reads; for an invalid one, which may read other things in
    other clients, it is all of the parent's state.
    """

    case: Case
    block: bytes
    exception: str | None
    parent: Header
    world: WorldState  # the parent's
    headers: dict[bytes, bytes]  # RLP by hash: the parent and its ancestors
    witness: Witness

    @property
    def header(self) -> Header:
        return decode_block(self.block)[0]

    @property
    def transactions(self) -> tuple[bytes, ...]:
        return decode_block(self.block)[1]

    @property
    def blobs(self) -> bool:
        return any(raw[0] == BLOB for raw in self.transactions)

    @property
    def provable(self) -> bool:
        """Valid, and something a native rollup executes."""
        return self.exception is None and not self.blobs

    def everything(self) -> Witness:
        """The whole of the parent's state, and all headers."""
        return whole_state(self.world, self.parent, self.headers)

    def fields(self, **changes) -> dict:
        """The line as an object. A block that can't be decoded has no header to copy from: then name them."""
        if not {"post", "gas_used"} <= changes.keys():
            header = decode_block(changes.get("block", self.block))[0]
            changes = {"post": header.state_root, "gas_used": header.gas_used} | changes
        values = {"pre": self.parent.state_root, "block": self.block, "witness": self.witness} | changes
        return {
            "preStateRoot": text(values["pre"]),
            "postStateRoot": text(values["post"]),
            "gasUsed": hex(values["gas_used"]),
            "chainId": hex(self.case.chain_id),
            "fork": "Prague",
            "block": text(values["block"]),
            "witness": {
                "state": [text(item) for item in values["witness"].state],
                "codes": [text(item) for item in values["witness"].codes],
                "headers": [text(item) for item in values["witness"].headers],
            },
        }


def text(data: bytes) -> str:
    return f"0x{data.hex()}"


def whole_state(world: WorldState, parent: Header, headers: dict[bytes, bytes]) -> Witness:
    others = (header for block_hash, header in headers.items() if block_hash != parent.hash)
    return Witness(
        tuple(world.new_nodes().values()),
        tuple(world.new_codes().values()),
        (parent.rlp(), *others),
    )


def claims(case: Case) -> Iterator[Claim]:
    """The blocks of a case, in order; what comes after an invalid one stands on that one's parent."""
    world, parent = case.world(), case.genesis
    headers = {parent.hash: parent.rlp()}
    for block in case.blocks:
        claim = Claim(
            case,
            block.rlp,
            block.exception,
            parent,
            world,
            dict(headers),
            whole_state(world, parent, headers),
        )
        if block.exception is not None:
            yield claim
            continue
        yield replace(claim, witness=recorded(claim)) if claim.provable else claim
        attempt = world.copy()
        hashes = ancestor_hashes(parent.hash, parent.number, headers.__getitem__)
        parent = import_block(case.rules, attempt, parent, block.rlp, hashes).header
        world, headers[parent.hash] = attempt, parent.rlp()


class _MinimalRecording(RecordingSource):
    """Records as geth and reth do: code where it is used, no siblings but those the updates as a whole need."""

    eager_codes = False
    deletions_last = True


def recorded(claim: Claim, *, minimal: bool = False) -> Witness:
    """What executing the block reads."""
    header, transactions, withdrawals = decode_block(claim.block)
    source = OverlaySource(claim.world.new_nodes(), claim.world.new_codes(), NoSource())
    recording = (_MinimalRecording if minimal else RecordingSource)(source, claim.headers.__getitem__)
    state = StepState(claim.parent.state_root, claim.parent.hash)
    machine = Machine(Rules(claim.case.chain_id, tx_gas_cap=None), recording, state, recording.header)
    for item in (BlockStart(attributes_of(header, withdrawals)), *map(Transaction, transactions), BatchEnd()):
        machine.step(item)
    return recording.witness()
