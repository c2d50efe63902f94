"""What happens on L1, as it happens: each transaction to the rollup's contracts, its gas, and what it meant."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from web3 import AsyncWeb3

from execution.transactions import decode_transaction
from l1.artifacts import artifact
from verdict.onchain import Contracts, Event

_TRANSACTION = 1  # InputKind in Types.sol


@dataclass(frozen=True, slots=True)
class Dispute:
    """What the proof that killed an assertion was about. Amounts in wei."""

    step: int
    batch: int
    place: str  # the cursor
    transaction: str  # 0x hash, empty if the step was no transaction
    sender: str
    to: str
    witness_bytes: int
    calldata_bytes: int
    l2_gas: int
    fee: int
    l1_gas: int
    claimed: str
    proved: str


@dataclass
class Record:
    """What the timeline has seen. Events with the L1 time of their block."""

    events: list[tuple[int, Event]] = field(default_factory=list)
    gas: dict[str, list[int]] = field(default_factory=dict)  # by function
    dispute: Dispute | None = None

    def find(self, name: str, **args: Any) -> Event | None:
        """The first event of that name with these arguments."""
        for _, event in self.events:
            if event.name == name and all(event.args[key] == value for key, value in args.items()):
                return event
        return None


class Timeline:
    """Prints one line a transaction. `names`: who has which address (lower case)."""

    def __init__(self, console: Console, names: Mapping[str, str]) -> None:
        self.console = console
        self.names = names
        self.record = Record()
        self.started = time.monotonic()
        self._contracts: Contracts | None = None
        self._next = 0
        self._functions = {
            shape.selector: (contract, name)
            for contract in ("Inbox", "Rollup", "Portal") for name, shape in artifact(contract).functions.items()
        }

    def say(self, who: str, text: str, style: str = "") -> None:
        """A line that is not of L1."""
        self.console.print(f"[dim]{time.monotonic() - self.started:6.1f}s[/dim]  [bold]{who:11}[/bold] {text}", style=style or None)

    def title(self, text: str) -> None:
        self.console.print()
        self.console.rule(f"[bold]{text}[/bold]", align="left", style="dim")

    def follow(self, contracts: Contracts, first: int) -> None:
        """From L1 block `first` on."""
        self._contracts, self._next = contracts, first

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.advance()
            await asyncio.sleep(0.25)

    async def advance(self) -> None:
        contracts = self._contracts
        if contracts is None:
            return
        head = await contracts.w3.eth.block_number
        while self._next <= head:
            block = await contracts.w3.eth.get_block(self._next, full_transactions=True)
            self._next += 1
            for transaction in block["transactions"]:
                await self._transaction(contracts, block, transaction)

    async def _transaction(self, contracts: Contracts, block: Any, transaction: Any) -> None:
        if transaction.get("to") not in (contracts.inbox.address, contracts.rollup.address, contracts.portal.address):
            return
        receipt = await contracts.w3.eth.get_transaction_receipt(transaction["hash"])
        events = [event for log in receipt["logs"] if (event := contracts.decode(log)) is not None]
        self.record.events += [(block["timestamp"], event) for event in events]
        name = self._functions.get(bytes(transaction["input"])[:4], ("", "?"))[1]
        failed = receipt["status"] != 1
        if not failed:
            self.record.gas.setdefault(name, []).append(receipt["gasUsed"])
        blobs = len(transaction.get("blobVersionedHashes") or ())
        with_blobs = f" [dim]+{blobs} blob{'s' if blobs > 1 else ''}[/dim]" if blobs else ""
        style = "red" if failed else _STYLES.get(name, "")
        self.say(self.name(transaction["from"]),
                 f"[cyan]L1 #{block['number']:<3}[/cyan] {name:16} [dim]{receipt['gasUsed']:>10,} gas[/dim]{with_blobs}"
                 + (" [red]reverted[/red]" if failed else ""), style)
        if name in ("proveStep", "proveStepInGame") and not failed:
            self.record.dispute = await self._dispute(contracts, transaction, receipt, events)
        for event in events:
            for line in self._explain(event):
                self.console.print(f"{'':22}{line}")

    def name(self, address: str) -> str:
        return self.names.get(address.lower(), address[:10])

    def _explain(self, event: Event) -> list[str]:
        a = event.args
        match event.name:
            case "BatchPosted":
                header = a["header"]
                taken = (header["depositEnd"] - header["depositStart"], header["forcedEnd"] - header["forcedStart"])
                return [(f"batch {a['index']}: {header['chunkCount']} chunks, origin L1 #{header['originNumber']}, "
                         f"{taken[0]} deposits, {taken[1]} forced transactions")]
            case "AssertionMade":
                return [f"assertion {_short(a['id'])}: {a['steps']} steps lead to state root {_short(a['stateRoot'])}"]
            case "AssertionConfirmed":
                return [f"[green]confirmed[/green] {_short(a['id'])}: state root {_short(a['stateRoot'])} counts on L1"]
            case "GameOpened":
                return [f"game {_short(a['gameId'])} about steps {a['lo']} to {a['hi']}"]
            case "Split":
                return [f"steps {a['lo']} to {a['hi']}: {len(a['commitments'])} commitment(s) in between"]
            case "Picked":
                return [f"the error is in steps {a['lo']} to {a['hi']}"]
            case "StepProved":
                return [(f"step {a['step']}: claimed {_short(a['claimed'])}, EXECUTE says {_short(a['proved'])} "
                        f"({a['gasUsed']:,} L2 gas, fee {a['executeFee']:,} wei)"), *self._dispute_lines()]
            case "AssertionKilled":
                return [(f"[bold red]killed[/bold red] {_short(a['id'])}: {_ether(a['paid'])} to {self.name(a['by'])}, "
                         f"{_ether(a['burned'])} burned")]
            case "Credited":
                return [f"credit to {self.name(a['to'])}: {_ether(a['amount'])}"]
            case "Deposited":
                return [f"deposit of {a['amountGwei'] / 1e9:g} ether for {self.name(a['recipient'])}"]
            case "WithdrawalFinalized":
                return [f"[green]withdrawal paid[/green]: {_ether(a['value'])} to {self.name(a['target'])} on L1"]
            case "SegmentSettled":
                return ["[green]settled[/green]: EXECUTE has run these steps, and L1 takes their end as it is"]
            case "TransactionForced":
                return [f"forced transaction {a['index']}: {len(a['raw'])} bytes, {_short(a['rawHash'])}"]
        return []

    def _dispute_lines(self) -> list[str]:
        found = self.record.dispute
        if found is None:
            return []
        where = f"batch {found.batch}, {found.place}"
        witness = f"witness {found.witness_bytes:,} bytes of {found.calldata_bytes:,} of calldata"
        if not found.transaction:
            return [f"{where}: no transaction; {witness}"]
        return [
            f"{where}: transaction {found.transaction}",
            f"from {self.name(found.sender)} to {self.name(found.to)}; {witness}",
        ]

    async def _dispute(self, contracts: Contracts, transaction: Any, receipt: Any, events: list[Event]) -> Dispute | None:
        proved = next((event for event in events if event.name == "StepProved"), None)
        if proved is None:
            return None
        proof = contracts.rollup.decode_function_input(transaction["input"])[1]["proof"]
        cursor = proof["pre"]["cursor"]
        derived = await contracts.verifier.functions.deriveInput(contracts.inbox.address, proof).call()
        raw = bytes(derived.payload) if derived.kind == _TRANSACTION else b""
        sender = to = tx_hash = ""
        if raw:
            decoded = decode_transaction(raw)
            tx_hash, sender = "0x" + decoded.hash.hex(), "0x" + decoded.sender.hex()
            to = "0x" + decoded.to.hex() if decoded.to else "a new contract"
        return Dispute(
            step=proved.args["step"], batch=cursor["batch"], place=_place(cursor), transaction=tx_hash, sender=sender, to=to,
            witness_bytes=len(proof["witness"]), calldata_bytes=len(transaction["input"]),
            l2_gas=proved.args["gasUsed"], fee=proved.args["executeFee"], l1_gas=receipt["gasUsed"],
            claimed="0x" + bytes(proved.args["claimed"]).hex(), proved="0x" + bytes(proved.args["proved"]).hex())


_STYLES = {"proveStep": "bold", "proveStepInGame": "bold"}


def _place(cursor: Mapping[str, int]) -> str:
    """Where the disputed step's input lies."""
    if cursor["chunk"] == 0:
        return f"forced transaction {cursor['item'] - 1}" if cursor["item"] else "the first block's start"
    return f"chunk {cursor['chunk']}, item {cursor['item']}"


def _short(value: bytes) -> str:
    text = bytes(value).hex()
    return f"0x{text[:8]}…{text[-4:]}"


def _ether(wei: int) -> str:
    return f"{wei / 1e18:.6f} ether"


async def balances(w3: AsyncWeb3, addresses: Mapping[str, str]) -> dict[str, int]:
    """Wei on that chain, by name."""
    return {name: await w3.eth.get_balance(w3.to_checksum_address(address)) for name, address in addresses.items()}
