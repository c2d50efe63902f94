"""Rendering against a transaction everybody knows, and the ABI's revert reasons."""

from __future__ import annotations

from eth_abi import encode

from chain.view import StoredBlock
from execution.header import Header
from execution.receipt import Log, Receipt
from execution.simulation import CallResult
from execution.transactions import decode_transaction
from rpc import render
from rpc.eth.log_filter import LogFilter
from rpc.eth.revert import failure, revert_reason

# The example of EIP-155.
EIP155 = bytes.fromhex(
    "f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025a028ef61340bd939bc2195"
    "fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83"
)


def header(**fields) -> Header:
    return Header(
        **{
            "parent_hash": b"\x01" * 32,
            "fee_recipient": b"\x02" * 20,
            "state_root": b"\x03" * 32,
            "number": 17,
            "gas_limit": 36_000_000,
            "timestamp": 1_700_000_000,
            "base_fee_per_gas": 10**9,
            **fields,
        }
    )


def test_protected_legacy_transaction():
    rendered = render.pending_transaction(decode_transaction(EIP155))
    assert rendered == {
        "blockHash": None,
        "blockNumber": None,
        "transactionIndex": None,
        "from": "0x9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f",
        "gas": "0x5208",
        "gasPrice": "0x4a817c800",
        "hash": "0x33469b22e9f636356c4160a87eb19df52b7412e8eac32a4a55ffe88ea8350788",
        "input": "0x",
        "nonce": "0x9",
        "to": "0x3535353535353535353535353535353535353535",
        "value": "0xde0b6b3a7640000",
        "type": "0x0",
        "chainId": "0x1",
        "v": "0x25",
        "r": "0x28ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276",
        "s": "0x67cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83",
    }


def test_receipt_of_mined_transaction():
    block = header()
    stored = StoredBlock(block, (EIP155, EIP155), (b"\x00" * 20,) * 2, (), 1_000)
    logs = (Log(b"\x0a" * 20, (b"\x0b" * 32,), b"\x0c"),)
    receipts = [
        Receipt(0, True, 21_000, bytes(256), logs, 21_000, 20 * 10**9),
        Receipt(0, False, 42_000, bytes(256), logs, 21_000, 20 * 10**9, contract_address=b"\x0d" * 20),
    ]
    first, second = render.receipts(stored, receipts)
    assert first["status"] == "0x1" and second["status"] == "0x0"
    assert first["contractAddress"] is None and second["contractAddress"] == "0x" + "0d" * 20
    assert second["logs"] == [
        {
            "address": "0x" + "0a" * 20,
            "topics": ["0x" + "0b" * 32],
            "data": "0x0c",
            "blockNumber": "0x11",
            "blockHash": "0x" + block.hash.hex(),
            "blockTimestamp": hex(1_700_000_000),
            "transactionHash": "0x33469b22e9f636356c4160a87eb19df52b7412e8eac32a4a55ffe88ea8350788",
            "transactionIndex": "0x1",
            "logIndex": "0x1",
            "removed": False,
        }
    ]
    assert set(first) == {
        "transactionHash",
        "transactionIndex",
        "blockHash",
        "blockNumber",
        "from",
        "to",
        "contractAddress",
        "gasUsed",
        "cumulativeGasUsed",
        "effectiveGasPrice",
        "logs",
        "logsBloom",
        "status",
        "type",
    }


def test_revert_reasons():
    error = bytes.fromhex("08c379a0")
    panic = bytes.fromhex("4e487b71")
    assert revert_reason(error + encode(["string"], ["no ünicode? yes"])) == "no ünicode? yes"
    assert revert_reason(panic + (0x11).to_bytes(32, "big")) == "arithmetic underflow or overflow"
    assert revert_reason(panic + (0x99).to_bytes(32, "big")) == "unknown panic code: 0x99"
    for junk in (
        b"",
        b"\x01",
        error,
        error + b"\xff" * 64,
        error + b"\xff" * 200,
        panic + b"\x00",
        b"\x01" * 100,
    ):
        assert revert_reason(junk) is None
    result = CallResult(b"\x01\x02", 1, 1, (), "Revert: x", True, None, ())
    assert failure(result).to_json() == {"code": 3, "message": "execution reverted", "data": "0x0102"}


def test_bloom_never_hides_a_log():
    from execution.receipt import bloom

    log = Log(b"\x0a" * 20, (b"\x0b" * 32, b"\x0c" * 32), b"")
    bits = bloom([log]).to_bytes(256, "big")
    for wanted in (
        LogFilter(),
        LogFilter(addresses=frozenset({log.address})),
        LogFilter(topics=(frozenset(), frozenset({log.topics[1]}))),
        LogFilter(addresses=frozenset({log.address, b"\x01" * 20}), topics=(frozenset({log.topics[0]}),)),
    ):
        assert wanted.matches(log) and wanted.may_be_in(bits)
    for wanted in (
        LogFilter(addresses=frozenset({b"\x01" * 20})),
        LogFilter(topics=(frozenset({log.topics[1]}),)),
        LogFilter(topics=(frozenset(),) * 3),
    ):
        assert not wanted.matches(log)
    assert not LogFilter(addresses=frozenset({b"\x01" * 20})).may_be_in(bits)
