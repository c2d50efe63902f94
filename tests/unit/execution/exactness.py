"""Judges cases of Ethereum's tests by the way users go, a JSON line in and a verdict out, and counts what was right."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.unit.execution import specification
from tests.unit.execution.block_lines import Claim, claims
from tests.unit.execution.ethereum_fixtures import Case
from tests.unit.execution.tampering import CHOSEN, tampered
from verdict.execute_verdicts import Answer, InProcess

# Of a block that is tampered with some hundred times. Ethereum's tests have one beyond it, of 90M.
MAX_TAMPERED_GAS = 30_000_000
_JUDGE = InProcess()


@dataclass
class Tally:
    """How many verdicts were right, and which were not."""

    right: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        return self.right + len(self.wrong)

    def count(self, right: bool, description: str) -> None:
        if right:
            self.right += 1
        else:
            self.wrong.append(description)

    def add(self, other: "Tally") -> None:
        self.right += other.right
        self.wrong += other.wrong


def verdict_of(fields: dict) -> Answer:
    return _JUDGE.line(json.dumps(fields).encode())


def kind_of(claim: Claim) -> str:
    if claim.exception is not None:
        return "invalid"
    return "valid" if claim.provable else "blobs"


def judged_blocks(case: Case) -> Iterator[tuple[str, Claim, Answer]]:
    """(valid, invalid or blobs; the claim; the verdict)"""
    for claim in claims(case):
        yield kind_of(claim), claim, verdict_of(claim.fields())


def tally_blocks(case: Case) -> dict[str, Tally]:
    """Valid blocks must be true, invalid ones and those that carry blobs false; an engine may never fail."""
    tallies: dict[str, Tally] = {}
    for kind, _, answer in judged_blocks(case):
        right = answer.result == (kind == "valid") and "failure" not in answer.reason
        tallies.setdefault(kind, Tally()).count(right, f"{case.name}: {kind} block, {answer}")
    return tallies


def tally_tampered(case: Case, group: str) -> Tally:
    """Every line of the group must be false. Where the header's builder may choose a field, the block with another
    value may be valid after all: then the verdict must be what Ethereum's executable specification says."""
    tally = Tally()
    for claim in claims(case):
        if not claim.provable or claim.header.gas_used > MAX_TAMPERED_GAS:
            continue
        for what, fields in tampered(claim, group):
            answer = verdict_of(fields)
            expected = False
            if group == "header" and what in CHOSEN:
                expected = specification.accepts(case, bytes.fromhex(fields["block"][2:]))
            right = answer.result == expected and "failure" not in answer.reason
            if group != "witness" and not expected:
                # The witness is the whole state, so what is found wrong is the lie and nothing else.
                right = right and "InvalidWitness" not in answer.reason
            tally.count(right, f"{case.name}: {what}, {answer}")
    return tally
