"""Liars whose own implementation of docs/data.md and docs/protocol.md is this one with one line changed.

Each of CHANGES names the rule that is broken, the module of derivation/ that has it, its line and what the liar has instead. The
changed module is compiled beside the real ones, which stay as they are; with it the liar reads the batch and executes that honestly.
every_rule.py is data in which each of the rules has something to say.
"""

from __future__ import annotations

import itertools
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import derivation.codec
from derivation import inputs
from derivation.batch import BatchData
from derivation.codec import Item, ItemKind, blob_elements
from derivation.deriver import Deriver
from execution.abi import commitment
from execution.header import decode_header
from execution.types import Input
from tests.adversarial.kit.lies import Truth

READING = ("items", "layout", "dictionary", "streams", "strings", "lz", "compact", "reader")
"""The modules of derivation/codec that read chunks, in the order in which they import each other."""
_CODEC = Path(derivation.codec.__path__[0])
_numbers = itertools.count()


@dataclass(frozen=True)
class Change:
    """`module`: of derivation/codec, or "inputs". `line`, a part of it that is there once, becomes `other`."""

    module: str
    line: str
    other: str


class Reading:
    """Derivation as the change has it."""

    def __init__(self, change: Change) -> None:
        self._package = f"liars_{next(_numbers)}"
        self.next_input: Any = inputs.next_input
        self._reader = self._layout = self._dictionary = None
        if change.module == "inputs":
            source = _changed(Path(str(inputs.__file__)), change)
            self.next_input = self._compiled("inputs", source).next_input
            return
        made = {}
        for name in READING:
            path = _CODEC / f"{name}.py"
            source = _changed(path, change) if name == change.module else path.read_text()
            made[name] = self._compiled(name, source.replace("derivation.codec", self._package))
        self._reader, self._layout, self._dictionary = made["reader"], made["layout"], made["dictionary"]

    def _compiled(self, name: str, source: str) -> ModuleType:
        module = ModuleType(f"{self._package}.{name}")
        sys.modules[module.__name__] = module
        exec(compile(source, module.__name__, "exec"), module.__dict__)  # noqa: S102  # our own files
        return module

    def items(self, batch: BatchData, index: int, chain_id: int) -> tuple[Item, ...]:
        """Of chunk `index`, from 0. What makes the liar's decoder fail is garbage to it."""
        if self._reader is None or self._layout is None or self._dictionary is None:
            return batch.items(index, chain_id)
        try:
            chunk = batch.data[2032 * index :][:2032] if batch.header.in_calldata else self._layout.from_elements(blob_elements(batch.blobs, index))
            found = () if chunk is None else self._reader.decode_chunk(chunk, chain_id, self._dictionary.Dictionary(batch.pages))
        except (IndexError, KeyError, OverflowError, ValueError):
            return ()
        return tuple(Item(ItemKind(int(item.kind)), item.payload) for item in found)


def _changed(path: Path, change: Change) -> str:
    source = path.read_text()
    assert source.count(change.line) == 1, f"{path.name} has {change.line!r} {source.count(change.line)} times"
    return source.replace(change.line, change.other)


class LiarsDeriver(Deriver):
    """Asks the liar's rules which Input comes next."""

    def __init__(self, reading: Reading, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._reading = reading

    def next_input(self) -> Input:
        state, timestamp = self.state, None
        if state.cursor.chunk == 0 and state.cursor.item == 0:
            timestamp = decode_header(self.machine.header(state.block_hash)).timestamp
        chosen: Input = self._reading.next_input(self._batch, self._params, state, timestamp)
        return chosen


def read_as(truth: Truth, change: Change) -> LiarsDeriver:
    """A deriver of the same batch, from the same state, for whom the change is right."""
    settings, batch = truth.node.settings, truth.data
    reading = Reading(change)
    false = replace(batch)  # decodes anew
    for index in range(batch.header.chunk_count):
        false._ahead[index] = reading.items(batch, index, settings.params.chain_id)
    honest = truth.node.deriver(batch, truth.start)
    return LiarsDeriver(
        reading, settings.rules, honest.machine.roots_source(), honest.machine.header, truth.start, false, settings.params)


def first_lie(truth: Truth, change: Change) -> tuple[int, bytes]:
    """(k, the wrong commitment that the liar claims after the step from k). ValueError if there is none."""
    deriver, right = read_as(truth, change), truth.commitments
    for step in range(truth.steps):
        if deriver.ended:
            break
        deriver.step()
        if (claimed := commitment(deriver.state)) != right[step + 1]:
            return step, claimed
    raise ValueError("the liar tells the truth")


IN_CODEC: dict[str, Change] = {
    # data.md, section 1: chunks
    "elements are packed otherwise": Change("layout", '"big") << 508', '"big") << 500'),
    "an element of 2^254 is one more bit": Change("layout", ">= 0x40", ">= 0x80"),
    "version 3 is read as 2": Change("reader", "chunk[0] != VERSION", "chunk[0] < VERSION"),
    "64 items are not too many": Change("items", "MAX_ITEMS_PER_CHUNK = 63", "MAX_ITEMS_PER_CHUNK = 64"),
    "what is packed goes on behind its size": Change(
        "reader", 'chunk[HEAD_SIZE : HEAD_SIZE + int.from_bytes(chunk[2:4], "big")]', "chunk[HEAD_SIZE:]"),
    "kinds that are missing are no items": Change("reader", r'body[:count].ljust(count, b"\x00")', "body[:count]"),
    "tags have no limit": Change("reader", "min(rest.varint(), MAX_TAGS)", "rest.varint()"),
    "items are read backwards": Change("reader", "return tuple(items)", "return tuple(reversed(items))"),
    "signatures are counted from one": Change("compact", "SIGNATURE_SIZE * index\n", "SIGNATURE_SIZE * (index + 1)\n"),
    # section 2: the dictionary
    "short pages leave no gap": Change("dictionary", r'page.ljust(PAGE_SIZE, b"\x00")[:-15]', "page"),
    "address pages are read from the last": Change("dictionary", "in address_pages)", "in reversed(address_pages))"),
    "words begin with the text": Change("dictionary", "start = WORDS_START + WORD_SIZE * index", "start = WORD_SIZE * index"),
    "selectors are spelled backwards": Change(
        "dictionary", "return self.text[SELECTOR_SIZE * index : SELECTOR_SIZE * (index + 1)]",
        "return self.text[SELECTOR_SIZE * index : SELECTOR_SIZE * (index + 1)][::-1]"),
    # section 3: LZ4
    "offsets are big-endian": Change("lz", '"little"', '"big"'),
    "matches of three bytes": Change("lz", "_MIN_MATCH = 4", "_MIN_MATCH = 3"),
    "offset 0 repeats the last byte": Change("lz", "out += bytes(size)", "out += out[-1:] * size"),
    "matches don't overlap themselves": Change("lz", "(pattern * (size // offset + 1))[:size]", "(pattern + bytes(size))[:size]"),
    "the text lies at the window's start": Change("dictionary", r'self.text.rjust(WINDOW_SIZE, b"\x00")', r'self.text.ljust(WINDOW_SIZE, b"\x00")'),
    "bodies of 16 KiB": Change("lz", "MAX_BODY = 8_192", "MAX_BODY = 16_384"),
    # section 4: numbers
    "varints are big-endian": Change("streams", "value |= (byte & 0x7F) << shift", "value = value << 7 | byte & 0x7F"),
    "varints of nine bytes": Change("streams", "MAX_VARINT_BYTES = 8", "MAX_VARINT_BYTES = 9"),
    "the exponent is one of two": Change("streams", 'int.from_bytes(self.take(size), "big") * 10**exponent', 'int.from_bytes(self.take(size), "big") << exponent'),
    "10^31, not 0": Change("streams", "return 0 if exponent == _ZERO_EXPONENT else 10**exponent", "return 10**exponent"),
    "plain numbers are a byte shorter": Change("streams", "self.take(exponent + 1)", "self.take(exponent)"),
    "streams end where they end": Change("streams", r'self.data[at:].ljust(size, b"\x00")', "self.data[at:]"),
    "addresses are counted from zero": Change("streams", "self._dictionary.address(reference - 1)", "self._dictionary.address(reference)"),
    "the own list is counted from one": Change("streams", "reference - self._count - 1", "reference - self._count - 2"),
    "beyond the own list is its last": Change("streams", "else _ZERO_ADDRESS", "else self._own[-1]"),
    "dictionary addresses join the own list": Change(
        "streams", "return self._dictionary.address(reference - 1)",
        "return self._own.append(self._dictionary.address(reference - 1)) or self._own[-1]"),
    # section 5: items
    "delta 0 starts a block, a second later": Change("reader", "block_start_item(delta) if delta else SKIP", "block_start_item(delta or 1)"),
    "an empty last fragment joins": Change(
        "reader", "Item(OTHER_KINDS[kind >> 2], payload) if payload else SKIP", "Item(OTHER_KINDS[kind >> 2], payload)"),
    "an unknown kind ends the chunk": Change("reader", "            items.append(SKIP)\n", "            break\n"),
    "fragments and last ones are swapped": Change(
        "reader", "ItemKind.FRAGMENT, ItemKind.LAST_FRAGMENT)", "ItemKind.LAST_FRAGMENT, ItemKind.FRAGMENT)"),
    "the nonce is that before": Change("compact", "self._next_nonce = nonce + 1", "self._next_nonce = nonce"),
    "the first fee is the cap": Change("compact", "tip, cap = fees =", "cap, tip = fees ="),
    "fees of one further before": Change("compact", "back = operands.byte() + 1", "back = operands.byte() + 2"),
    "the second fee is as before, not the first": Change(
        "compact", "return (tip, operands.number()) if mode", "return (operands.number(), cap) if mode"),
    "a legacy price is both fees of those after": Change(
        "compact", "self._fees.append(fees)", "self._fees.append((cap, cap) if kind & 3 == LANE_LEGACY else fees)"),
    "a legacy price is the first fee": Change("compact", "encode_int(cap) + middle + v", "encode_int(tip) + middle + v"),
    "another gas limit, where none is said": Change("compact", "TRANSFER_GAS = 21_000", "TRANSFER_GAS = 30_000"),
    "the recipient before the gas limit": Change(
        "compact", "gas_limit = operands.number() if kind & HAS_GAS_LIMIT else TRANSFER_GAS\n        recipient = addresses.read(operands)",
        "recipient = addresses.read(operands)\n        gas_limit = operands.number() if kind & HAS_GAS_LIMIT else TRANSFER_GAS"),
    "a value is said where it isn't": Change("compact", "if kind & HAS_VALUE else 0", "if not kind & HAS_VALUE else 0"),
    "no chain id in v": Change("compact", "35 + 2 * self._chain_id + parity", "27 + parity"),
    "y_parity is 0": Change("compact", "return s >> 255,", "return 0,"),
    "y_parity stays in s": Change("compact", "encode_int(s & (_PARITY_BIT - 1))", "encode_int(s)"),
    # section 6: strings
    "strings of more than 16 KiB": Change("strings", "min(tags.varint(), MAX_STRING)", "tags.varint()"),
    "multiples of 32 begin with 32": Change("strings", "FIRST_MULTIPLE = 0x3E", "FIRST_MULTIPLE = 0x3F"),
    "right is left": Change("strings", "if tag < LEFT:", "if tag >= LEFT and tag < BARE:"),
    "bare bytes are a word": Change("strings", "    if tag < NEGATIVE:\n        return part\n", ""),
    "negative words are positive": Change("strings", r'part.rjust(WORD_SIZE, b"\xff")', r'part.rjust(WORD_SIZE, b"\x00")'),
    "one byte fewer in a word": Change("strings", "operands.take((tag & 31) + 1)", "operands.take(tag & 31)"),
    "zeros behind an address": Change("strings", "_TWELVE_ZEROS + addresses.read(operands)", "addresses.read(operands) + _TWELVE_ZEROS"),
    "a number is a signed one": Change("strings", "(operands.number() % _WORD_LIMIT)", "(-operands.number() % _WORD_LIMIT)"),
    "a selector's index lies in X": Change("strings", "dictionary.selector(tags.byte())", "dictionary.selector(operands.byte())"),
    "a word's index lies in X": Change("strings", "dictionary.word(tags.byte())", "dictionary.word(operands.byte())"),
    "a selector is spelled in X": Change("strings", "tags.take(SELECTOR_SIZE)", "operands.take(SELECTOR_SIZE)"),
    "all ones are all zeros": Change("strings", r'_ONES = b"\xff" * WORD_SIZE', "_ONES = bytes(WORD_SIZE)"),
    "a run that is cut takes only what it says": Change("strings", "operands.at += count - len(part)", "pass"),
    "zeros are not counted": Change("strings", "part = bytes(min(tags.varint(), length - size))", "part = bytes(min(tags.varint(), length - size)) and b''"),
    "an unknown tag ends the string": Change("strings", "            continue\n", "            break\n"),
    "strings are not cut off": Change("strings", "whole if size <= length else whole[:length]", "whole"),
    "strings are filled up with zeros": Change(
        "strings", "whole if size <= length else whole[:length]", r'whole.ljust(length, b"\x00")[:length]'),
}  # fmt: skip

IN_INPUTS: dict[str, Change] = {
    # protocol.md, section 4: the block that L1 alone decides
    "the first block follows its parent only": Change("inputs", "max(origin_timestamp, parent_timestamp + 1)", "parent_timestamp + 1"),
    "deposits are taken backwards": Change("inputs", "for deposit in batch.deposits)", "for deposit in reversed(batch.deposits))"),
    "forced transactions are taken backwards": Change("inputs", "forced[at.item - 1]", "forced[-at.item]"),
    "the last forced transaction is left out": Change(
        "inputs", "Cursor(at.batch, 0, at.item + 1) if at.item < len(forced) else", "Cursor(at.batch, 0, at.item + 1) if at.item + 1 < len(forced) else"),
    "prev_randao is the origin's hash": Change("inputs", "prev_randao=header.origin_prev_randao", "prev_randao=header.origin_hash"),
    "the beacon root is the batch's parent": Change("inputs", "parent_beacon_block_root=header.origin_hash", "parent_beacon_block_root=header.parent_hash"),
    # blocks of the data
    "deposits in every block": Change(
        "inputs", "BlockStart(attributes_of(batch.header, params, timestamp), following)",
        "BlockStart(attributes_of(batch.header, params, timestamp, tuple(d.as_withdrawal() for d in batch.deposits)), following)"),
    "deltas count from the origin": Change("inputs", "state.open.attributes.timestamp + item.delta", "batch.header.origin_timestamp + item.delta"),
    "just the drift is too late": Change("inputs", "timestamp <= batch.header.origin_timestamp", "timestamp < batch.header.origin_timestamp"),
    "a second more than the drift": Change("inputs", "timestamp + params.max_drift:", "timestamp + params.max_drift + 1:"),
    "an empty chunk takes no step": Change(
        "inputs", "        return Skip(following)\n    if at.item >=",
        "        return next_input(batch, params, __import__('dataclasses').replace(state, cursor=following))\n    if at.item >="),
    # fragments
    "a fragment counts anywhere in its chunk": Change("inputs", "following.item == 0 and size", "size"),
    "the largest fragments are too large": Change(
        "inputs", "following.item == 0 and size <= MAX_TRANSACTION_SIZE", "following.item == 0 and size < MAX_TRANSACTION_SIZE"),
    "fragments have no limit": Change("inputs", "following.item == 0 and size <= MAX_TRANSACTION_SIZE", "following.item == 0"),
    "the largest transaction is too large": Change(
        "inputs", "0 < state.fragments_size and size <= MAX_TRANSACTION_SIZE", "0 < state.fragments_size and size < MAX_TRANSACTION_SIZE"),
    "joined transactions have no limit": Change("inputs", "0 < state.fragments_size and size <= MAX_TRANSACTION_SIZE", "0 < state.fragments_size"),
    "a last fragment alone is a transaction": Change("inputs", "0 < state.fragments_size and size <=", "size <="),
    "fragments are joined backwards": Change("inputs", "tuple(reversed(found))", "tuple(found)"),
    "the last fragment comes first": Change(
        "inputs", 'b"".join(pending_fragments(batch, state, params.chain_id)) + item.payload',
        'item.payload + b"".join(pending_fragments(batch, state, params.chain_id))'),
}  # fmt: skip

IN_THE_NEXT_BATCH: dict[str, Change] = {
    "two seconds after the parent": Change("inputs", "max(origin_timestamp, parent_timestamp + 1)", "max(origin_timestamp, parent_timestamp + 2)"),
}
"""Only where L2 is ahead of the batch's origin, as after a batch that reached the drift."""
