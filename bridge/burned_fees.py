"""What L2's base fees burned, credited on L1 (docs/protocol.md, section 9): which headers the Portal needs next, and the calls
that bring them.

Nothing of an L2 node is believed: each header must hash to what a confirmed assertion, or the header after it, says.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

from bridge.errors import BridgeError, ProofError
from execution.encoding import keccak
from execution.header import Header, decode_header
from l1.artifacts import address_bytes, artifact
from l1.client import L1Client
from l1.contracts import Portal, Rollup
from l1.events import AssertionStatus

HEADERS_PER_CALL = 128
"""About 80 KB of calldata and 4 million gas: what mempools and blocks take."""
MAX_HEADER_SIZE = 1024  # bytes
ZERO = bytes(32)

HeaderSource = Callable[[bytes], Awaitable[bytes]]
"""RLP of an L2 block's header by its hash, from any node."""


@dataclass(frozen=True, slots=True)
class Credited:
    """How far it is. `to`: who is paid, 20 bytes. `block_hash`, `number`: of the last L2 block credited."""

    to: bytes
    block_hash: bytes
    number: int


@dataclass(frozen=True, slots=True)
class CreditCall:
    """One transaction to the Portal. The blocks `first` to `last`, `burned` by them in wei of L2; `pays`: with it the walk
    arrives."""

    data: bytes
    first: int
    last: int
    burned: int
    pays: bool


async def read_credited(portal: Portal) -> Credited:
    """BridgeError if the rollup credits burned fees to nobody."""
    to = address_bytes((await portal.read("burnedFeesTo"))[0])
    if not any(to):
        raise BridgeError("this rollup credits what its base fees burn to nobody: rollup.burned_fees_to was not set")
    block_hash, number = await portal.read("burnedFeesCredited")
    return Credited(to, block_hash, number)


async def confirmed_assertion(rollup: Rollup, batch: int | None = None) -> bytes:
    """Id of the latest confirmed assertion, or of the confirmed one of that batch. BridgeError if there is none."""
    latest = await rollup.latest_confirmed()
    if latest.batch_count == 0:
        raise BridgeError("no assertion is confirmed yet")
    if batch is None:
        return latest.id
    if not 0 <= batch < latest.batch_count:
        raise BridgeError(f"batch {batch} is not confirmed: {latest.batch_count} are, counted from 0")
    assertion = latest.id
    for _ in range(latest.batch_count - 1 - batch):
        assertion = (await rollup.assertion(assertion)).parent_id
    return assertion


async def credit_calls(
    portal: Portal, rollup: Rollup, assertion: bytes, headers: HeaderSource, per_call: int = HEADERS_PER_CALL
) -> AsyncIterator[CreditCall]:
    """What to send, one after another, to credit all that blocks up to that assertion's last one burned. Nothing if it is
    credited. Each is to be included before the next is asked for. BridgeError; ProofError for headers that aren't right."""
    credited, record = await read_credited(portal), await rollup.assertion(assertion)
    if record.status is not AssertionStatus.CONFIRMED:
        raise BridgeError(f"the assertion 0x{assertion.hex()} is not confirmed")
    following, reached, _ = await portal.read("burnedFeesWalk", assertion)
    if following == ZERO:
        following = record.block_hash
        if following == credited.block_hash:
            return
    elif following == credited.block_hash:
        yield CreditCall(_call(assertion, ()), reached, reached - 1, 0, True)
    while following != credited.block_hash:
        found: list[bytes] = []
        burned, last, first = 0, 0, 0
        while following != credited.block_hash and len(found) < per_call:
            rlp = await headers(following)
            header = check_header(rlp, following)
            if header.number <= credited.number:
                return  # an older batch's: that block was credited
            found.append(rlp)
            burned += header.base_fee_per_gas * header.gas_used
            last, first = last or header.number, header.number
            following = header.parent_hash
        yield CreditCall(_call(assertion, found), first, last, burned, following == credited.block_hash)


def check_header(rlp: bytes, expected: bytes) -> Header:
    """ProofError unless it is the header with that hash."""
    if len(rlp) > MAX_HEADER_SIZE or keccak(rlp) != expected:
        raise ProofError(f"the L2 node does not give the header of block 0x{expected.hex()}, which L1 has confirmed: it is wrong "
                         "or behind")
    return decode_header(rlp)


def headers_of(l2: L1Client) -> HeaderSource:
    """From an L2 node's JSON-RPC."""

    async def header(block_hash: bytes) -> bytes:
        answer = await l2.request("debug_getRawHeader", ["0x" + block_hash.hex()])
        if not isinstance(answer, str) or len(answer) > 2 + 2 * MAX_HEADER_SIZE:
            return b""
        try:
            return bytes.fromhex(answer[2:])
        except ValueError:
            return b""

    return header


def _call(assertion: bytes, headers: Sequence[bytes]) -> bytes:
    return artifact("Portal").call("creditBurned", assertion, list(headers))
