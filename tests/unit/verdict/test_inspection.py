"""What code can do, and whether it is the committed one: by bytes."""

from __future__ import annotations

import pytest

from l1.artifacts import artifact
from verdict.inspection.bytecode import abilities, compare, names_of

OURS = ("Inbox", "StepVerifier", "Rollup", "Stage")


@pytest.mark.parametrize("name", OURS)
def test_our_contracts_have_no_powers(name: str) -> None:
    found = abilities(artifact(name).deployed)
    assert not found.changes_code and not found.powers
    assert found.creates == (("CREATE2",) if name in ("Inbox", "Stage") else ())


@pytest.mark.parametrize(("code", "changes"), [
    ("365f5f375f5f365f73" + "11" * 20 + "5af43d5f5f3e5f3d91602a57fd5bf3", ("DELEGATECALL",)),  # EIP-1167's like
    ("33ff", ("SELFDESTRUCT",)),
    ("5f5f5f5f5f5ff2", ("CALLCODE",)),
    ("60f4", ()),  # pushed, not run
    ("00f4", ()),  # after STOP
    ("fef4ff", ()),
    ("005bf4", ("DELEGATECALL",)),  # a jump may come here
    ("605b00f4", ()),  # but not into pushed data
    ("7f" + "5b" * 32 + "00f4", ()),
    ("61f4", ()),  # cut off
])
def test_opcodes_that_can_be_reached(code: str, changes: tuple[str, ...]) -> None:
    assert abilities(bytes.fromhex(code)).changes_code == changes


@pytest.mark.parametrize(("code", "powers"), [
    ("63" + "8da5cb5b" + "14", ("owner()",)),
    ("63" + "3659cfe6" + "14", ("upgradeTo(address)",)),
    ("63" + "8456cb59" + "63" + "5c975abb", ("pause()", "paused()")),
    ("64" + "008da5cb5b", ()),
    ("63" + "12345678", ()),
])
def test_functions_of_owners(code: str, powers: tuple[str, ...]) -> None:
    assert abilities(bytes.fromhex(code)).powers == powers


def deployed(name: str) -> bytearray:
    """With immutables 1, 2, 3, ..."""
    compiled = artifact(name)
    code = bytearray(compiled.deployed)
    for value, places in enumerate(compiled.immutables, 1):
        for start, length in places:
            code[start:start + length] = value.to_bytes(length)
    return code


@pytest.mark.parametrize("name", OURS)
def test_only_immutables_may_differ(name: str) -> None:
    compiled = artifact(name)
    found = compare(bytes(deployed(name)), compiled)
    assert found.difference == ""
    assert found.immutables == tuple(value.to_bytes(32) for value in range(1, len(compiled.immutables) + 1))


def test_any_other_byte_is_a_difference() -> None:
    compiled = artifact("Inbox")
    free = {at for places in compiled.immutables for start, length in places for at in range(start, start + length)}
    for at in [0, 17, len(compiled.deployed) // 2, len(compiled.deployed) - 1]:
        code = deployed("Inbox")
        assert at not in free
        code[at] ^= 1
        assert compare(bytes(code), compiled).difference == f"1 bytes of code differ, the first at {at:,}"
    assert compare(bytes(deployed("Inbox")) + b"\0", compiled).difference.startswith(f"{len(compiled.deployed) + 1:,} bytes")
    assert compare(b"", compiled).difference == "there is no code"


def test_an_immutable_has_one_value() -> None:
    """Its getter could tell one thing and what counts do another."""
    compiled = artifact("Rollup")
    places = next(places for places in compiled.immutables if len(places) > 1)
    code = deployed("Rollup")
    start, length = places[-1]
    code[start:start + length] = (77).to_bytes(length)
    assert "not the same everywhere" in compare(bytes(code), compiled).difference


def test_immutables_are_named_by_what_answers_them() -> None:
    values = [bytes(31) + bytes([i]) for i in (1, 2, 2, 3)]
    named = names_of(values, {"one": values[0], "two": values[1], "also": values[1], "other": bytes(32)})
    assert named == {"one": values[0], "two": values[1], "also": values[1], "immutable 3": values[3]}
