"""Whose the Rollup's money is, and what taking part has cost somebody. Read from L1 alone, as of its head; amounts in wei.

    await balanced(net)                           # the contract holds just what it owes
    assert await lost(net, address) <= 0          # nothing but gas
"""

from __future__ import annotations

from dataclasses import dataclass, field

from l1.contracts import Rollup
from l1.events import AssertionStatus, GameStatus
from tests.adversarial.kit.purse import Purse
from tests.e2e.devnet import Devnet


@dataclass(frozen=True)
class Books:
    """`credit`: what can be collected, `staked`: bonds of pending assertions and of games not paid out, both by address."""

    held: int
    credit: dict[bytes, int] = field(default_factory=dict)
    staked: dict[bytes, int] = field(default_factory=dict)


async def books(net: Devnet) -> Books:
    """Everybody's, of one L1 block."""
    block = await net.rpc.head()
    rollup = Rollup(net.rpc, net.deployment.rollup)
    events = [event async for event in net.contracts.events(0, block.number)]
    found = Books(await net.rpc.balance(rollup.address, block.hash))
    for who in {bytes.fromhex(event.args["to"][2:]) for event in events if event.name == "Credited"}:
        found.credit[who] = await rollup.credit(who, block.hash)

    def stake(who: bytes, amount: int) -> None:
        found.staked[who] = found.staked.get(who, 0) + amount

    for made in {bytes(event.args["id"]) for event in events if event.name == "AssertionMade"}:
        record = await rollup.assertion(made, block.hash)
        if record.status is AssertionStatus.PENDING:
            stake(record.asserter, net.config.dispute.assertion_bond)
    ended = {bytes(event.args["gameId"]) for event in events if event.name == "GameEnded"}
    for opened in {bytes(event.args["gameId"]) for event in events if event.name == "GameOpened"} - ended:
        game = await rollup.game(opened, block.hash)
        assert game.status in (GameStatus.OPEN, GameStatus.VOID)
        stake(game.challenger, net.config.dispute.challenge_bond)
    return found


async def balanced(net: Devnet) -> Books:
    """The Rollup holds what it owes and what is staked, to the wei."""
    found = await books(net)
    owed = sum(found.credit.values()) + sum(found.staked.values())
    assert found.held == owed, f"the Rollup holds {found.held} wei and owes {owed}"
    return found


async def bonds_out(net: Devnet) -> int:
    """The bonds that the Rollup holds, of pending assertions and of games whose bond nobody has yet."""
    return sum((await balanced(net)).staked.values())


async def lost(net: Devnet, who: bytes) -> int:
    """What they have less than at L1's genesis, beside fees for gas; negative: they have won. What is staked is theirs still.
    Exact only while nobody makes blocks."""
    statement = await Purse(net, who, 0, await net.rpc.balance(who, 0)).statement()
    return -statement.gain - (await books(net)).staked.get(who, 0)
