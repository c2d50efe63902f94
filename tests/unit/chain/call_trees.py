"""Random trees of calls around EXECUTE: as EVM bytecode, and as a model of who has how much ether afterwards.

A Node is a contract of its own. It buys L2 gas, calls or creates other nodes, sends ether away, and ends in one of the
ways a frame can end. The model knows nothing of gas: every node is given enough for what its tree can use.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from hypothesis import strategies as st

from l1.embedded.meter import EXECUTE_ADDRESS
from tests.unit.chain.execute_block import (
    CALL,
    CALLCODE,
    DELEGATECALL,
    DISPUTED,
    SINK,
    STATICCALL,
    execute_data,
)

GAS_BY_DEPTH = (0, 4_000_000, 800_000, 160_000)  # for the child of a node at the depth before


@dataclass(frozen=True)
class Buy:
    """EXECUTE by some kind of call, with so much above its fee (below 0: too little)."""

    gas: int
    extra: int
    kind: str


@dataclass(frozen=True)
class Send:
    """Ether to SINK; None: all that there is."""

    value: int | None


@dataclass(frozen=True)
class Call:
    """`kind` CALL or DELEGATECALL, or "create": then the child runs as a constructor."""

    child: Node
    value: int
    kind: str


@dataclass(frozen=True)
class Node:
    actions: tuple[Buy | Send | Call, ...]
    end: str  # "stop", "revert", "invalid", or "destroy": SELFDESTRUCT to EXECUTE's account
    balance: int


@st.composite
def nodes(draw: st.DrawFn, depth: int = 0) -> Node:
    """Drawn by hand: hypothesis takes forever to print a failure made of nested `builds`."""
    # Those that are called revert more often than not, and the root seldom: or there would be little to collect.
    ends = ["stop"] * 5 + ["revert", "invalid", "destroy"] if depth == 0 else ["stop", "revert", "revert", "invalid", "destroy"]
    actions = tuple(draw(_actions(depth)) for _ in range(draw(st.integers(1, 3))))
    return Node(actions, draw(st.sampled_from(ends)), draw(st.sampled_from([0, 300])))


@st.composite
def _actions(draw: st.DrawFn, depth: int) -> Buy | Send | Call:
    what = draw(st.sampled_from(["buy", "buy", "buy", "send", "call", "call"]))
    if what == "send":
        return Send(draw(st.sampled_from([None, 1, 1, 40])))
    if what == "buy" or depth == len(GAS_BY_DEPTH) - 1:
        kind = draw(st.sampled_from([CALL] * 6 + [CALLCODE, DELEGATECALL, STATICCALL]))
        return Buy(draw(st.integers(0, DISPUTED)), draw(st.sampled_from([0, 0, 0, 5, -1])), kind)
    kind = draw(st.sampled_from([CALL, CALL, CALL, DELEGATECALL] + (["create"] if depth < 2 else [])))
    return Call(draw(nodes(depth + 1)), draw(st.integers(0, 150)), kind)


# --- bytecode ------------------------------------------------------------------------------------------------


def _push(value: int) -> str:
    size = max((value.bit_length() + 7) // 8, 1)
    return f"{0x5F + size:02x}{value.to_bytes(size, 'big').hex()}"


@dataclass
class Program:
    """The contracts of a tree by address. `number` makes them others than those of other trees."""

    number: int
    price: int
    contracts: dict[bytes, bytes] = field(default_factory=dict)
    balances: dict[bytes, int] = field(default_factory=dict)
    addresses: dict[int, bytes] = field(default_factory=dict)  # by id() of the node

    def add(self, node: Node, depth: int = 0, *, constructor: bool = False) -> bytes:
        """Its code; it also gets an address, unless it is a constructor."""
        if not constructor:
            address = (0xC0FFEE << 64 | self.number << 32 | len(self.contracts)).to_bytes(20, "big")
            self.addresses[id(node)] = address
            self.contracts[address] = b""
            self.balances[address] = node.balance
        body, tails = "", []
        for action in node.actions:
            if isinstance(action, Buy):
                body += self._buy(action)
            elif isinstance(action, Send):
                amount = "47" if action.value is None else _push(action.value)
                body += f"5f5f5f5f{amount}73{SINK.hex()}5af150"
            elif action.kind == "create":
                initcode = self.add(action.child, depth + 1, constructor=True)
                tails.append((len(body) // 2, initcode))
                body += f"61{len(initcode):04x}61ffff5f39" + f"61{len(initcode):04x}5f{_push(action.value)}f050"
            else:
                self.add(action.child, depth + 1)
                value = _push(action.value) if action.kind == CALL else ""
                target = self.addresses[id(action.child)].hex()
                body += f"5f5f5f5f{value}73{target}{_push(GAS_BY_DEPTH[depth + 1])}{action.kind}50"
        ends = {"stop": "00", "revert": "5f5ffd", "invalid": "fe", "destroy": "610101ff"}
        code = bytearray.fromhex(body + ends[_end(node, constructor)])
        for at, initcode in tails:
            code[at + 4 : at + 6] = len(code).to_bytes(2, "big")  # where CODECOPY finds it
            code += initcode
        if not constructor:
            self.contracts[address] = bytes(code)
        return bytes(code)

    def _buy(self, buy: Buy) -> str:
        value = max(buy.gas * self.price + buy.extra, 0)
        body = "".join(
            f"{_push(int.from_bytes(execute_data(buy.gas).ljust(192, bytes(1))[at : at + 32], 'big'))}{_push(at)}52"
            for at in range(0, 192, 32)
        )
        paid = _push(value) if buy.kind in (CALL, CALLCODE) else ""
        return body + f"5f5f60a45f{paid}{_push(0x0101)}5a{buy.kind}50"


def _end(node: Node, constructor: bool) -> str:
    """CREATE gives all but a 64th of the gas, so a constructor must not burn it."""
    return "revert" if constructor and node.end == "invalid" else node.end


# --- the model -----------------------------------------------------------------------------------------------


class Model:
    """Ether by account, and what was bought. Revert by copying."""

    def __init__(self, program: Program, balances: dict[object, int], left: int) -> None:
        self.program = program
        self.balances = dict(balances)
        self.left = left  # L2 gas of the block
        self._tokens: Iterator[int] = iter(range(1 << 30))  # for created contracts

    def transaction(self, sender: bytes, root: Node | Buy, to: object, value: int) -> bool:
        """Whether it succeeds. The gas has been paid for. `to`: where the root runs, None for a creation."""
        self.surety, self.fees, self.kept = value, 0, 0
        start = dict(self.balances)
        if isinstance(root, Buy):
            succeeded = self._buy(sender, root, value)
        else:
            context = self._new() if to is None else to
            self._move(sender, context, value)
            succeeded = self._run(root, context, constructor=to is None)
        if not succeeded:
            self.balances, self.kept = dict(start), 0
        if self.fees - self.kept > self.balances[sender]:
            self.balances, self.kept, succeeded = dict(start), 0, False
        self._move(sender, EXECUTE_ADDRESS, self.fees - self.kept)
        return succeeded

    def _new(self) -> object:
        return ("created", next(self._tokens))

    def _move(self, source: object, target: object, value: int) -> None:
        self.balances[source] = self.balances.get(source, 0) - value
        self.balances[target] = self.balances.get(target, 0) + value

    def _run(self, node: Node, context: object, *, constructor: bool) -> bool:
        """The frame of a node, without the value it is called with."""
        for action in node.actions:
            has = self.balances.get(context, 0)
            if isinstance(action, Buy):
                self._buy(context, action, max(action.gas * self.program.price + action.extra, 0))
            elif isinstance(action, Send):
                value = has if action.value is None else action.value
                if value <= has:
                    self._move(context, SINK, value)
            elif action.kind == DELEGATECALL:
                self._frame(action.child, context, context, 0)
            elif action.value <= has:
                creates = action.kind == "create"
                target = self._new() if creates else self.program.addresses[id(action.child)]
                self._frame(action.child, context, target, action.value, constructor=creates)
        end = _end(node, constructor)
        if end == "destroy":
            self._move(context, EXECUTE_ADDRESS, self.balances.get(context, 0))
        return end in ("stop", "destroy")

    def _frame(self, node: Node, source: object, target: object, value: int, *, constructor: bool = False) -> None:
        balances, kept = dict(self.balances), self.kept
        self._move(source, target, value)
        if not self._run(node, target, constructor=constructor):
            self.balances, self.kept = balances, kept

    def _buy(self, context: object, buy: Buy, value: int) -> bool:
        fee = buy.gas * self.program.price
        if (
            buy.kind != CALL
            or value > self.balances.get(context, 0)
            or value < fee
            or buy.gas > self.left
            or self.fees + fee > self.surety
            or buy.gas == DISPUTED
        ):
            return False
        self.left -= buy.gas
        self.fees += fee
        self.kept += fee
        self._move(context, EXECUTE_ADDRESS, fee)
        return True
