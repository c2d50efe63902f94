"""What a scenario cost somebody, to the wei. Amounts are wei.

    purse = await Purse.of(net, honest.address)
    ...
    await purse.comes_to(await rewards(net, honest.address))      # gas apart
    statement = await purse.statement()                           # and this is what the gas was
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from l1.contracts import Rollup
from tests.e2e.devnet import Devnet


@dataclass(frozen=True)
class Statement:
    """`gain`: of balance and credit at the Rollup together, gas apart. `fees`: paid for gas. `gas`: L1 gas of `transactions`
    on L1, `reverted` of them reverted."""

    gain: int
    fees: int
    gas: int
    transactions: int
    reverted: int

    def __str__(self) -> str:
        return (f"{self.gain / 1e18:+.6f} ether, {self.gas:,} gas in {self.transactions} transactions "
                f"({self.reverted} reverted) for {self.fees / 1e18:.6f} ether")


class Purse:
    """Of `owner`, since the L1 block in which it was opened."""

    def __init__(self, net: Devnet, owner: bytes, since: int, held: int) -> None:
        self.owner = owner
        self._net = net
        self._since = since
        self._held = held

    @classmethod
    async def of(cls, net: Devnet, owner: bytes) -> Self:
        number = (await net.rpc.head()).number
        return cls(net, owner, number, await _held(net, owner, number))

    async def statement(self) -> Statement:
        until = (await self._net.rpc.head()).number
        fees = gas = transactions = reverted = 0
        for number in range(self._since + 1, until + 1):
            for each in await self._net.rpc.request("eth_getBlockReceipts", [hex(number)]):
                if bytes.fromhex(each["from"][2:]) != self.owner:
                    continue
                used = int(each["gasUsed"], 16)
                fees += used * int(each["effectiveGasPrice"], 16)
                fees += int(each.get("blobGasUsed") or "0x0", 16) * int(each.get("blobGasPrice") or "0x0", 16)
                gas, transactions = gas + used, transactions + 1
                reverted += int(each["status"], 16) == 0
        return Statement(await _held(self._net, self.owner, until) - self._held + fees, fees, gas, transactions, reverted)

    async def comes_to(self, gain: int, what: str = "the purse", timeout: float = 60) -> Statement:
        """Waits until everything but gas adds up to that: bonds may be on their way back."""
        last: list[Statement] = []

        async def reached() -> bool:
            last[:] = [await self.statement()]
            return last[0].gain == gain

        try:
            await self._net.until(reached, f"{what} comes to {gain}", timeout=timeout)
        except AssertionError as error:
            raise AssertionError(f"{error}: it is {last[0].gain}") from None
        return last[0]


async def _held(net: Devnet, owner: bytes, number: int) -> int:
    rollup = Rollup(net.rpc, net.deployment.rollup)
    return await net.rpc.balance(owner, number) + await rollup.credit(owner, number)


async def rewards(net: Devnet, who: bytes) -> int:
    """What they were paid for kills, less what EXECUTE took from them for their proofs."""
    fees = {bytes(each.args["id"]): each.args["executeFee"] for each in await net.events("StepProved")}
    return sum(each.args["paid"] - fees.get(bytes(each.args["id"]), 0)
               for each in await net.events("AssertionKilled") if bytes.fromhex(each.args["by"][2:]) == who)

