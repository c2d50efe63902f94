"""A message whose call fails harms nobody: anyone tries it again when its target is ready, or the value goes back; never both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bridge.errors import TooEarly
from bridge.messages import L1Proof, MessageReader, Sent, refund_message, relay_message
from bridge.predeploys import MESSENGER
from l1.artifacts import artifact
from l1.client import L1Client
from l1.contracts import Portal, revert_reason
from l1.rpc_errors import RpcError
from tests.e2e.devnet import ETHER, USER, Devnet

STRANGER, REFUNDED = 5, 6
GAS = 500_000
DOOR = bytes.fromhex(
    "3660095760015f5500"  # called without data: open from now on
    "5b5f546012575f5ffd"  # else, while it is not: reverts
    "5b34600155"  # slot 1: the value that came
    f"63{artifact('Messenger').function('l1Sender').selector.hex()}60e01b5f5260205f60045f335afa505f5160025500"  # slot 2: l1Sender()
)
"""Code of a contract on L2 that takes no message before somebody has opened it."""
CREATE_DOOR = bytes.fromhex(f"60{len(DOOR):02x}8060095f395ff3") + DOOR


async def send(net: Devnet, reader: MessageReader, target: bytes) -> Sent:
    """A message with one ether."""
    refund_to = bytes.fromhex(net.account(REFUNDED).address[2:])
    receipt = await net.send(net.w3, net.account(USER), to=net.deployment.portal, value=ETHER,
                             data=Portal.send_message(target, ETHER, refund_to, b"\x01"))
    return await reader.sent(bytes(receipt["transactionHash"]))


async def proof_of(net: Devnet, reader: MessageReader, sent: Sent) -> L1Proof:
    async def known() -> L1Proof | None:
        try:
            return await reader.proof(sent)
        except TooEarly:
            return None

    found: L1Proof = await net.until(known, "L2 knows the message")
    return found


async def test_tried_again_or_refunded(tmp_path: Path) -> None:
    async with Devnet(tmp_path) as net, net.sequencer(), L1Client(f"http://127.0.0.1:{net.config.sequencer.port}") as node:
        l2, reader = net.l2(), MessageReader(net.rpc, node, bytes.fromhex(net.deployment.portal[2:]))

        async def done(index: int, data: bytes) -> bool:
            """A transaction to the Messenger, whatever becomes of it: whether it succeeded."""
            receipt: Any = await net.send(l2, net.account(index), to="0x" + MESSENGER.hex(), data=data, gas=GAS)
            return bool(receipt["status"])

        async def refused(index: int, data: bytes, why: str) -> None:
            with pytest.raises(RpcError) as failed:
                await node.call(MESSENGER, data, sender=bytes.fromhex(net.account(index).address[2:]))
            assert revert_reason(failed.value).startswith(why)

        async def held() -> int:
            return int(await l2.eth.get_balance("0x" + MESSENGER.hex()))  # type: ignore[arg-type]

        created = await net.send(l2, net.account(USER), to=None, data=CREATE_DOOR, gas=GAS)
        door = created["contractAddress"]
        first, second = [await send(net, reader, bytes.fromhex(door[2:])) for _ in range(2)]
        of_first, of_second = await proof_of(net, reader, first), await proof_of(net, reader, second)
        assert await held() == 2 * ETHER
        await refused(STRANGER, relay_message(first.message, of_first), "CallFailed")
        assert not await done(STRANGER, relay_message(first.message, of_first))
        assert not await reader.is_relayed(first.message.hash) and await held() == 2 * ETHER

        await refused(STRANGER, refund_message(second.message, of_second), "NotRefundTo")
        before = await l2.eth.get_balance(net.account(REFUNDED).address)
        assert await done(REFUNDED, refund_message(second.message, of_second))
        assert 0 < before + ETHER - await l2.eth.get_balance(net.account(REFUNDED).address) < ETHER // 100  # gas

        assert (await net.send(l2, net.account(USER), to=door, gas=GAS))["status"]
        assert await done(STRANGER, relay_message(first.message, of_first))
        assert await held() == 0 and await l2.eth.get_balance(door) == ETHER
        assert int.from_bytes(await l2.eth.get_storage_at(door, 1)) == ETHER
        assert (await l2.eth.get_storage_at(door, 2))[12:].hex() == net.account(USER).address[2:].lower()

        for each, proof in ((first, of_first), (second, of_second)):
            assert await reader.is_relayed(each.message.hash)
            await refused(STRANGER, relay_message(each.message, proof), "AlreadyRelayed")
            await refused(REFUNDED, refund_message(each.message, proof), "AlreadyRelayed")
