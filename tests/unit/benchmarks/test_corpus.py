"""The transactions of the data benchmarks: valid, always the same, and the tests are none that dictionaries were trained on."""

import hashlib
from itertools import chain

import pytest

from benchmarks.data.corpus import CHAIN_ID, WORKLOADS, generate, load
from benchmarks.data.scene import call
from benchmarks.data.sides import blocks_of, chunks_of, split
from derivation.codec import EMPTY_DICTIONARY
from execution.transactions import decode_transaction


@pytest.mark.parametrize("name", WORKLOADS)
def test_always_the_same_and_always_new(name):
    first, second = (generate(name, history=300, test=150) for _ in range(2))
    assert first == second
    history, test = (list(chain.from_iterable(blocks)) for blocks in (first.history, first.test))
    assert len(set(history) | set(test)) == len(history) + len(test) >= 450
    assert generate(name, history=300, test=150, seed=2) != first


def test_the_same_on_every_machine():
    """If this changes, the tables in docs/benchmarks.md are of other transactions: measure anew."""
    workload = generate("mixed", history=200, test=100)
    assert hashlib.sha256(b"".join(chain.from_iterable(workload.test))).hexdigest()[:16] == "e2d8bc5e17ee2fc0"


def test_signatures_and_nonces_are_real():
    workload = generate("mixed", history=1_500, test=1)
    nonces: dict[bytes, int] = {}
    for raw in chain.from_iterable(workload.history):
        transaction = decode_transaction(raw)
        assert transaction.chain_id == CHAIN_ID
        if transaction.sender in nonces:
            assert transaction.nonce == nonces[transaction.sender] + 1
        nonces[transaction.sender] = transaction.nonce
    assert 300 < len(nonces) < 1_400


def test_selectors_are_those_of_the_chain():
    known = {
        "transfer(address,uint256)": "a9059cbb",
        "exactInputSingle((address,address,uint24,address,uint256,uint256,uint160))": "04e45aaf",
        "exactInput((bytes,address,uint256,uint256))": "b858183f",
        "multicall(uint256,bytes[])": "5ae401dc",
        "execute(bytes,bytes[],uint256)": "3593564c",
        "swap(address,(address,address,address,address,uint256,uint256,uint256),bytes,bytes)": "12aa3caf",
    }
    for signature, selector in known.items():
        inner = signature[signature.index("(") :]
        assert _selector_of(signature, inner) == selector


def _selector_of(signature: str, inner: str) -> str:
    def zero(kind: str) -> object:
        if kind.endswith("[]"):
            return []
        return {"a": bytes(20), "u": 0, "b": b""}[kind[0]]

    def split_types(text: str) -> list[object]:
        out, depth, start = [], 0, 0
        for at, letter in enumerate(text + ","):
            depth += (letter == "(") - (letter == ")")
            if letter == "," and depth == 0:
                part = text[start:at]
                out.append(tuple(split_types(part[1:-1])) if part[0] == "(" else zero(part))
                start = at + 1
        return out

    return call(signature, *split_types(inner[1:-1]))[:4].hex()


def test_files_of_a_real_chain(tmp_path):
    workload = generate("ERC-20", history=100, test=100)
    blocks = [*workload.history, *workload.test]
    path = tmp_path / "chain.txt"
    path.write_text("\n".join("".join(f"0x{raw.hex()}\n" for raw in block) for block in blocks))
    loaded = load(path, CHAIN_ID)
    assert [*loaded.history, *loaded.test] == blocks
    assert abs(sum(map(len, loaded.history)) - sum(map(len, loaded.test))) < 60
    path.write_text("02\n02\n")
    with pytest.raises(ValueError, match="1 blocks"):
        load(path, CHAIN_ID)


def test_our_side_counts_every_byte():
    workload = generate("mixed", history=1, test=300)
    count = sum(map(len, workload.test))
    chunks = chunks_of(workload.test, CHAIN_ID, EMPTY_DICTIONARY)
    assert blocks_of(chunks, CHAIN_ID, EMPTY_DICTIONARY) == [list(block) for block in workload.test]
    parts = split(chunks, CHAIN_ID, EMPTY_DICTIONARY, count)
    assert 2_032 * (len(chunks) - 1) < parts.total * count <= 2_032 * len(chunks)
    assert 0 <= parts.waste < 5 and 55 < parts.signatures <= 64 and parts.heads * count == pytest.approx(4 * len(chunks))
