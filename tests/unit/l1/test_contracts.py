"""Bindings: calldata, answers, events and errors fit the committed artifacts."""

from __future__ import annotations

from typing import Any

import pytest
from eth_abi import decode as abi_decode
from eth_abi import encode as abi_encode

from execution.encoding import keccak
from execution.types import Cursor, StepState
from l1 import events
from l1.artifacts import AnswerMalformed, ArtifactError, artifact, describe_error, error_names
from l1.batch_header import BATCH_HEADER_ABI, BatchHeader
from l1.client import L1Client, L1Log
from l1.contracts import (
    EXECUTE_ADDRESS,
    Execute,
    Inbox,
    Portal,
    Rollup,
    Stage,
    WithdrawalStatus,
    revert_reason,
)
from l1.rpc_errors import RpcError

WHO = b"\x0d" * 20
POINTER = b"\x0e" * 20
ID, ID2, ID3 = b"\x01" * 32, b"\x02" * 32, b"\x03" * 32
HEADER = BatchHeader(ID, 3, (ID2, ID3), ID, (WHO, POINTER), 70, 5, ID, 6, ID2, 1, 2, 3, 4)


class Canned:
    """A node whose contracts return `data`."""

    def __init__(self, data: bytes) -> None:
        self.data, self.asked = data, []

    async def make_request(self, method: str, params: Any) -> dict[str, Any]:
        self.asked.append(params)
        return {"result": "0x" + self.data.hex()}


def word(value: int | bytes) -> bytes:
    return value.to_bytes(32, "big") if isinstance(value, int) else value.rjust(32, b"\0")


def log(contract: str, name: str, topics: list[bytes], types: list[str], values: list[Any]) -> L1Log:
    shape = next(each for each in artifact(contract).events.values() if each.name == name)
    return L1Log(WHO, (shape.topic, *topics), abi_encode(types, values), 1, ID, ID2, 0)


def test_inbox_events() -> None:
    posted = log("Inbox", "BatchPosted", [word(3), HEADER.hash, word(WHO)], [BATCH_HEADER_ABI], [HEADER.as_tuple()])
    assert events.read_inbox_event(posted) == events.BatchPosted(3, HEADER.hash, WHO, HEADER)
    deposited = log("Inbox", "Deposited", [word(1), word(WHO)], ["uint64"], [9])
    assert events.read_inbox_event(deposited) == events.Deposited(1, WHO, 9)
    calldata = log("Inbox", "CalldataPosted", [ID], ["bytes"], [b"chunks"])
    assert events.read_inbox_event(calldata) == events.CalldataPosted(ID, b"chunks")
    published = log("Inbox", "PagePublished", [word(POINTER)], ["bytes"], [b"page"])
    assert events.read_inbox_event(published) == events.PagePublished(POINTER, b"page")
    forced = log("Inbox", "TransactionForced", [word(1), keccak(b"x")], ["bytes"], [b"x"])
    assert events.read_inbox_event(forced) == events.TransactionForced(1, keccak(b"x"), b"x")


def test_rollup_events() -> None:
    c = b"\x0c" * 31
    cases = [
        (("AssertionMade", [ID, ID2, ID3], ["address", "uint64", "bytes31", "bytes32", "bytes32", "bytes32[]"],
          ["0x" + WHO.hex(), 7, c, ID, ID2, [ID3]]), events.AssertionMade(ID, ID2, ID3, WHO, 7, c, ID, ID2, (ID3,))),
        (("AssertionConfirmed", [ID], ["bytes32", "bytes32"], [ID2, ID3]), events.AssertionConfirmed(ID, ID2, ID3)),
        (("AssertionKilled", [ID, word(WHO)], ["uint8", "uint256", "uint256"], [1, 5, 6]),
         events.AssertionKilled(ID, WHO, events.KillReason.TIMEOUT, 5, 6)),
        (("StepProved", [ID], ["uint64", "bytes31", "bytes31", "uint64", "uint256"], [4, c, c, 21000, 8]),
         events.StepProved(ID, 4, c, c, 21000, 8)),
        (("SegmentSettled", [ID, word(WHO)], ["uint64", "bytes31", "uint64", "uint256"], [4, c, 21000, 8]),
         events.SegmentSettled(ID, WHO, 4, c, 21000, 8)),
        (("GameOpened", [ID, ID2, word(WHO)], ["uint64", "uint64"], [1, 9]), events.GameOpened(ID, ID2, WHO, 1, 9)),
        (("Split", [ID], ["uint64", "uint64", "bytes31[]"], [1, 9, [c, c]]), events.Split(ID, 1, 9, (c, c))),
        (("Picked", [ID], ["uint64", "uint64"], [1, 5]), events.Picked(ID, 1, 5)),
        (("GameEnded", [ID], ["uint8"], [3]), events.GameEnded(ID, events.GameStatus.ASSERTER_WON)),
        (("Credited", [word(WHO)], ["uint256"], [10**18]), events.Credited(WHO, 10**18)),
    ]  # fmt: skip
    for (name, topics, types, values), expected in cases:
        assert events.read_rollup_event(log("Rollup", name, topics, types, values)) == expected
    assert {expected.__class__.__name__ for _, expected in cases} == {
        shape.name for shape in artifact("Rollup").events.values()
    }


def test_other_logs_are_none_and_cut_ones_malformed() -> None:
    assert events.read_inbox_event(L1Log(WHO, (), b"", 1, ID, ID2, 0)) is None
    assert events.read_rollup_event(L1Log(WHO, (ID,), b"", 1, ID, ID2, 0)) is None
    good = log("Inbox", "Deposited", [word(1), word(WHO)], ["uint64"], [9])
    with pytest.raises(AnswerMalformed):
        events.read_inbox_event(L1Log(WHO, good.topics, b"\x01", 1, ID, ID2, 0))
    assert events.read_inbox_event(L1Log(WHO, good.topics[:2], good.data, 1, ID, ID2, 0)) is None


async def test_readers_decode() -> None:
    def contract(kind: type, types: list[str], values: list[Any]) -> Any:
        return kind(L1Client(transports=[Canned(abi_encode(types, values))]), WHO)

    assert await contract(Inbox, ["bytes32", "uint64"], [ID, 4]).head_batch() == (ID, 4)
    assert await contract(Inbox, ["address", "uint64", "uint64"], ["0x" + WHO.hex(), 4, 5]).deposit_at(0) == (WHO, 4, 5)
    assert await contract(Inbox, ["address"], ["0x" + WHO.hex()]).sequencer() == WHO
    latest = await contract(Rollup, ["bytes32", "uint64", "bytes32", "bytes32"], [ID, 4, ID2, ID3]).latest_confirmed()
    assert (latest.id, latest.batch_count, latest.block_hash) == (ID, 4, ID3)
    shape = artifact("Rollup").function("assertion").outputs
    values = (ID, ID2, 3, 4, b"\x0c" * 31, ID, ID2, [ID3], "0x" + WHO.hex(), 100, 0, 1)
    record = await contract(Rollup, list(shape), [values]).assertion(ID)
    assert record.status is events.AssertionStatus.PENDING and record.asserter == WHO
    assert record.checkpoint_blobs == (ID3,) and record.created_at == 100
    shape = artifact("Rollup").function("game").outputs
    values = (ID, "0x" + WHO.hex(), 1, 9, 77, b"\x0a" * 31, b"\x0b" * 31, ID2, 60, 61, 99, 2)
    game = await contract(Rollup, list(shape), [values]).game(ID)
    assert game.challenger == WHO and game.status is events.GameStatus.CHALLENGER_WON and game.moved_at == 99
    assert (game.lo, game.hi, game.congestion, game.lo_commitment) == (1, 9, 77, b"\x0a" * 31)
    assert await contract(Rollup, ["uint64"], [16]).constant("stride") == 16
    assert await contract(Portal, ["uint8"], [2]).withdrawal_status(ID) is WithdrawalStatus.FINALIZED
    assert await contract(Portal, ["uint256"], [1]).is_sent(ID) and not await contract(Portal, ["uint256"], [0]).is_sent(ID)
    assert await contract(Portal, ["address"], ["0x" + WHO.hex()]).vault() == WHO
    assert await contract(Inbox, ["uint256"], [77]).force_fee() == 77
    price = Execute(L1Client(transports=[Canned(word(7))]))
    assert await price.gas_price() == 7 and price.address == EXECUTE_ADDRESS
    assert await price.congested_seconds() == 7
    assert await contract(Stage, ["address"], ["0x" + WHO.hex()]).pointer_of(b"data") == WHO


async def test_no_contract_there() -> None:
    with pytest.raises(AnswerMalformed):
        await Inbox(L1Client(transports=[Canned(b"")]), "0x" + WHO.hex()).head_batch()


def test_calldata() -> None:
    pages = ["0x" + WHO.hex(), "0x" + POINTER.hex()]
    data = Inbox.post_batch(ID, 3, [WHO, POINTER], b"header")
    assert data[:4] == keccak(b"postBatch(bytes32,uint64,address[],bytes)")[:4]
    assert abi_decode(["bytes32", "uint64", "address[]", "bytes"], data[4:]) == (ID, 3, tuple(pages), b"header")
    data = Inbox.post_calldata(ID, b"chunks", [WHO, POINTER], b"header")
    assert data[:4] == keccak(b"postCalldata(bytes32,bytes,address[],bytes)")[:4]
    assert abi_decode(["bytes32", "bytes", "address[]", "bytes"], data[4:]) == (ID, b"chunks", tuple(pages), b"header")
    data = Inbox.publish_page(b"page")
    assert data[:4] == keccak(b"publishPage(bytes)")[:4] and abi_decode(["bytes"], data[4:]) == (b"page",)
    data = Stage.stage(b"piece")
    assert data[:4] == keccak(b"stage(bytes)")[:4] and abi_decode(["bytes"], data[4:]) == (b"piece",)
    for built in (
        Portal.deposit(WHO), Portal.deposit_token(WHO, 7), Portal.send_message(WHO, 7, WHO, b"x"), Inbox.force_transaction(b"x"), Rollup.confirm(ID), Rollup.split(ID, 0, 4, [b"\x0c" * 31]),
        Rollup.pick(ID, 0, 4, [b"\x0c" * 31], 1), Rollup.timeout([ID]), Rollup.kill_orphan(ID), Rollup.reclaim(ID),
        Rollup.withdraw(WHO),
    ):  # fmt: skip
        assert built[:4] in {f.selector for name in ("Inbox", "Rollup", "Portal") for f in artifact(name).functions.values()}

    class Message:
        def as_tuple(self) -> tuple[Any, ...]:
            return 3, "0x" + WHO.hex(), "0x" + POINTER.hex(), 7, b"data"

    kind = "(uint256,address,address,uint256,bytes)"
    for data, name in ((Portal.prove_withdrawal(Message(), ID, [b"node"], [b"leaf"]), b"proveWithdrawal"),
                       (Portal.prove_and_finalize_withdrawal(Message(), ID, [b"node"], [b"leaf"]), b"proveAndFinalizeWithdrawal")):
        assert data[:4] == keccak(name + b"(" + kind.encode() + b",bytes32,bytes[],bytes[])")[:4]
        assert abi_decode([kind, "bytes32", "bytes[]", "bytes[]"], data[4:]) == (
            Message().as_tuple(), ID, (b"node",), (b"leaf",))
    data = Portal.finalize_withdrawal(Message())
    assert data[:4] == keccak(b"finalizeWithdrawal(" + kind.encode() + b")")[:4]
    assert abi_decode([kind], data[4:]) == (Message().as_tuple(),)

    class Ends:
        def as_tuple(self) -> tuple[Any, ...]:
            return [b"\x01" * 48, b"\x01" * 48], [(ID, b"\x02" * 48), (ID2, b"\x02" * 48)]

    final = StepState(ID, ID2, cursor=Cursor(1, 0, 0))
    made = Rollup.make_assertion(ID, ID2, 0, 5, final, Ends())
    assert made[:4] == artifact("Rollup").function("makeAssertion").selector
    assert Rollup.open_game(ID, 1, Ends())[:4] == artifact("Rollup").function("openGame").selector


def test_errors_are_named() -> None:
    selector = next(key for key, name in error_names().items() if name == "WrongBond")
    data = selector + word(1) + word(2)
    assert describe_error(data) == "WrongBond(given=1, expected=2)"
    assert revert_reason(RpcError(3, "execution reverted", "0x" + data.hex())) == "WrongBond(given=1, expected=2)"
    assert describe_error(selector + b"\x01").startswith("WrongBond(unreadable")
    assert describe_error(bytes.fromhex("08c379a0") + abi_encode(["string"], ["why"])) == "why"
    assert "0xdeadbeef" in describe_error(bytes.fromhex("deadbeef"))
    assert revert_reason(RpcError(-32000, "nonce too low")) == "nonce too low"
    assert revert_reason(OSError("down")) == "OSError: down"


def test_missing_artifacts_are_named() -> None:
    with pytest.raises(ArtifactError, match="NoSuchContract"):
        artifact("NoSuchContract")
    with pytest.raises(ArtifactError, match="noSuchFunction"):
        artifact("Inbox").call("noSuchFunction")


def test_deployment_code() -> None:
    code = artifact("Inbox").deployment("0x" + WHO.hex(), 86400, 100, "0x" + POINTER.hex(), 7)
    assert code.startswith(artifact("Inbox").bytecode) and code.endswith(word(WHO) + word(86400) + word(100) + word(POINTER) + word(7))
