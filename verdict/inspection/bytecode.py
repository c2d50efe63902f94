"""What contract code can do and whether it is what was compiled. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eth_hash.auto import keccak

from l1.artifacts import Artifact

_JUMPDEST, _PUSH0, _PUSH1, _PUSH4, _PUSH32 = 0x5B, 0x5F, 0x60, 0x63, 0x7F
_ENDS = frozenset({0x00, 0x56, 0xF3, 0xFD, 0xFE, 0xFF})  # STOP, JUMP, RETURN, REVERT, INVALID, SELFDESTRUCT

CHANGES_CODE = {0xF2: "CALLCODE", 0xF4: "DELEGATECALL", 0xFF: "SELFDESTRUCT"}
"""With these, code that isn't the contract's own runs on its storage and money, or it goes away."""

CREATES = {0xF0: "CREATE", 0xF5: "CREATE2"}

POWERS = (
    "owner()", "admin()", "governor()", "guardian()", "getOwner()", "pendingOwner()", "transferOwnership(address)",
    "acceptOwnership()", "renounceOwnership()", "setOwner(address)", "setAdmin(address)", "changeAdmin(address)", "pause()",
    "unpause()", "paused()", "pause(address)", "superchainConfig()", "upgradeTo(address)",
    "upgradeToAndCall(address,bytes)", "implementation()", "setImplementation(address)", "proxiableUUID()",
    "setCode(bytes)", "setStorage(bytes32,bytes32)", "initialize()", "initialize(address)", "reinitialize(uint8)",
    "grantRole(bytes32,address)", "revokeRole(bytes32,address)", "hasRole(bytes32,address)", "getRoleAdmin(bytes32)",
    "diamondCut((address,uint8,bytes4[])[],address,bytes)", "setSequencer(address)", "setVerifier(address)",
    "setSequencerInbox(address)", "setWindow(uint64)", "sweep(address)", "rescue(address)", "emergencyWithdraw()",
    "emergencyWithdraw(address)", "withdrawETH(address)", "mint(address,uint256)",
)
"""Functions by which others' bridges and tokens are owned, paused, upgraded or emptied."""
_BY_SELECTOR = {keccak(signature.encode())[:4]: signature for signature in POWERS}


@dataclass(frozen=True, slots=True)
class Abilities:
    """Of code that can be reached: opcodes by name, and power functions it may have."""

    changes_code: tuple[str, ...]
    creates: tuple[str, ...]
    powers: tuple[str, ...]


def abilities(code: bytes) -> Abilities:
    """Over-approximates: every JUMPDEST counts as reached, and every pushed selector as a function's."""
    opcodes: set[int] = set()
    pushed: set[bytes] = set()
    at, live = 0, True
    while at < len(code):
        opcode = code[at]
        size = opcode - _PUSH0 if _PUSH1 <= opcode <= _PUSH32 else 0
        live = live or opcode == _JUMPDEST
        if live:
            opcodes.add(opcode)
            if opcode == _PUSH4:
                pushed.add(code[at + 1:at + 5])
            elif size and size < 4:  # a selector that begins with zeros
                pushed.add(code[at + 1:at + 1 + size].rjust(4, b"\0"))
            live = opcode not in _ENDS
        at += 1 + size
    return Abilities(
        tuple(name for opcode, name in CHANGES_CODE.items() if opcode in opcodes),
        tuple(name for opcode, name in CREATES.items() if opcode in opcodes),
        tuple(sorted(_BY_SELECTOR[selector] for selector in pushed if selector in _BY_SELECTOR)),
    )


@dataclass(frozen=True, slots=True)
class Comparison:
    """`difference`: empty if the code is the artifact's. `immutables`: the 32-byte values in it, in the artifact's order."""

    difference: str
    immutables: tuple[bytes, ...] = ()


def compare(code: bytes, artifact: Artifact) -> Comparison:
    """Code on L1 with an artifact, whose immutables may have any value, but each the same in all of its places."""
    if not code:
        return Comparison("there is no code")
    expected = artifact.deployed
    if len(code) != len(expected):
        return Comparison(f"{len(code):,} bytes of code, not {len(expected):,}")
    masked = bytearray(code)
    values = []
    for places in artifact.immutables:
        found = {code[start:start + length] for start, length in places}
        if len(found) > 1:
            listed = ", ".join("0x" + value.hex() for value in sorted(found))
            return Comparison(f"an immutable that is not the same everywhere: {listed}")
        values.append(found.pop())
        for start, length in places:
            masked[start:start + length] = expected[start:start + length]
    if masked != expected:
        first = next(i for i, (a, b) in enumerate(zip(masked, expected, strict=True)) if a != b)
        count = sum(a != b for a, b in zip(masked, expected, strict=True))
        return Comparison(f"{count:,} bytes of code differ, the first at {first:,}")
    return Comparison("", tuple(values))


def names_of(immutables: Sequence[bytes], getters: Mapping[str, bytes]) -> dict[str, bytes]:
    """Each immutable by the getters that answer its value (32 bytes): the code is known to be right, so they say what it
    means. One that no getter answers is named by its place."""
    named: dict[str, bytes] = {}
    for place, value in enumerate(immutables):
        names = [name for name, answer in getters.items() if answer == value]
        for name in names or [f"immutable {place}"]:
            named[name] = value
    return named
