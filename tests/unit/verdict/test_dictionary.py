"""Where pages are trained from, their files, and the starter."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from eth_utils import function_signature_to_4byte_selector as selector_of
from typer.testing import CliRunner

from derivation.codec import PAGE_SIZE, ChunkWriter, Dictionary
from verdict.cli import app
from verdict.dictionary.history import from_file, usable
from verdict.dictionary.pages import PageProblem, read_page, write_page, write_pages
from verdict.dictionary.selectors import WELL_KNOWN
from verdict.dictionary.starter import made_up_traffic, starter_page
from verdict.dictionary.trial import train_and_try

ROOT = Path(__file__).resolve().parents[3]
STARTER = ROOT / "configs" / "pages" / "starter.bin"


def history(path: Path, transactions: list[bytes]) -> Path:
    path.write_text("# from nowhere\n\n" + "".join(f"0x{raw.hex()}\n" for raw in transactions))
    return path


def test_transactions_from_a_file(tmp_path: Path) -> None:
    transactions = list(made_up_traffic(50))
    file = history(tmp_path / "raw.txt", transactions)
    assert from_file(file, 100) == transactions
    assert from_file(file, 7) == transactions[-7:]
    file.write_text(file.read_text() + "zz\n")
    with pytest.raises(PageProblem, match="line 53"):
        from_file(file, 100)
    with pytest.raises(PageProblem, match="can't be read"):
        from_file(tmp_path / "nowhere", 100)


def test_what_no_batch_could_hold_is_left_out() -> None:
    assert usable([b"\x7edeposit", b"\x03blobs", b"", b"\x02ok", b"\xf8legacy", b"\x01", b"\x04"]) == [
        b"\x02ok", b"\xf8legacy", b"\x01", b"\x04"]


def test_page_files(tmp_path: Path) -> None:
    files = write_pages(tmp_path / "pages", [b"text", b"a" * 40, b"b" * 40])
    assert [file.name for file in files] == ["text.bin", "addresses-1.bin", "addresses-2.bin"]
    assert [read_page(file) for file in files] == [b"text", b"a" * 40, b"b" * 40]
    write_pages(tmp_path / "pages", [b"text", b"a" * 40])  # the same again
    with pytest.raises(PageProblem, match="never changed"):
        write_pages(tmp_path / "pages", [b"TEXT", b"c" * 40])
    assert read_page(files[0]) == b"text"
    for content, problem in ((b"", "empty"), (bytes(PAGE_SIZE + 1), "more than 24,575")):
        write_page(tmp_path / "bad.bin", content)
        with pytest.raises(PageProblem, match=problem):
            read_page(tmp_path / "bad.bin")
    with pytest.raises(PageProblem, match="no such page"):
        read_page(tmp_path / "nowhere.bin")


def test_train_on_the_command_line(tmp_path: Path) -> None:
    random = Random(1)
    users = [random.randbytes(20) for _ in range(30)]
    transactions = [raw.replace(random.randbytes(20), random.choice(users)) for raw in made_up_traffic(2500, seed=8)]
    file = history(tmp_path / "raw.txt", transactions)
    arguments = ["dictionary", "train", "--file", str(file), "--chain-id", "1", "--out", str(tmp_path / "out"),
                 "--address-pages", "1"]
    said = CliRunner().invoke(app, arguments)
    assert said.exit_code == 0, said.output
    assert "on 250 held back" in said.output and "% less" in said.output
    pages = [read_page(tmp_path / "out" / name) for name in ("text.bin", "addresses-1.bin")]
    assert pages == train_and_try(transactions, 1, 1)[0]
    assert CliRunner().invoke(app, [*arguments, "--rpc", "http://127.0.0.1:1"]).exit_code == 2


def test_the_starter_page_shipped() -> None:
    """Quick checks of the file; that it is what the program makes is the next test."""
    page = read_page(STARTER)
    dictionary = Dictionary([page])
    assert dictionary.selector(0) == bytes.fromhex("a9059cbb")  # transfer(address,uint256)
    assert len(dictionary.selector_index) == len(WELL_KNOWN) <= 256
    assert (2**160 - 1).to_bytes(32, "big") in dictionary.word_index
    held_out = list(made_up_traffic(1500, seed=99))
    sizes = []
    for pages in ([page], []):
        writer = ChunkWriter(1, Dictionary(pages))
        for raw in held_out:
            writer.transaction(raw)
        sizes.append(writer.chunk_count)
    assert sizes[0] < 0.96 * sizes[1]
    assert selector_of("withdraw(uint256)") in dictionary.selector_index


@pytest.mark.slow
def test_the_starter_page_is_what_the_program_makes() -> None:
    """Mend with: rm configs/pages/starter.bin; verdict dictionary starter --out configs/pages/starter.bin"""
    assert starter_page() == read_page(STARTER)
