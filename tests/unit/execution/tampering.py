"""Every way of tampering with a valid block that its line can suffer, each as a line that must be false.

Where a block is changed its header is made to fit what the body says, as far as one can without executing, so that the
change has to be found by execution. The witness then is the parent's whole state: nothing is false for want of a node.
"""

from collections.abc import Iterator
from dataclasses import replace

from execution.block import encode_withdrawal
from execution.block_import import decode_block
from execution.encoding import encode_bytes, encode_int, wrap_list
from execution.header import Header
from execution.trie import NoSource, Trie
from execution.types import Withdrawal, Witness
from tests.unit.execution.block_lines import Claim, text

GROUPS = ("roots and gas", "transactions", "header", "witness")


def items_root(items) -> bytes:
    trie = Trie(NoSource())
    for index, item in enumerate(items):
        trie.set(encode_int(index), item)
    return trie.root()


def block_rlp(header: Header, transactions: tuple[bytes, ...], withdrawals: tuple[Withdrawal, ...]) -> bytes:
    body = b"".join(raw if raw[0] >= 0xC0 else encode_bytes(raw) for raw in transactions)
    deposits = b"".join(map(encode_withdrawal, withdrawals))
    return wrap_list(header.rlp() + wrap_list(body) + b"\xc0" + wrap_list(deposits))


def flipped(data: bytes, position: int = 0) -> bytes:
    """One bit is another."""
    return data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]


def swapped_within(data: bytes) -> bytes | None:
    """Two of its bytes in each other's place; None if all are the same."""
    for position in range(1, len(data)):
        if data[position] != data[0]:
            return bytes([data[position]]) + data[1:position] + data[:1] + data[position + 1 :]
    return None


def tampered(claim: Claim, group: str) -> Iterator[tuple[str, dict]]:
    """(what was done, the line as an object) of one of GROUPS."""
    return {
        "roots and gas": roots_and_gas,
        "transactions": changed_transactions,
        "header": header_fields,
        "witness": witness_items,
    }[group](claim)


def roots_and_gas(claim: Claim) -> Iterator[tuple[str, dict]]:
    header, transactions, withdrawals = decode_block(claim.block)
    wrong = flipped(header.state_root, 31)
    yield "post root", claim.fields(post=wrong)
    yield (
        "post root, in the header too",
        claim.fields(block=block_rlp(replace(header, state_root=wrong), transactions, withdrawals)),
    )
    yield (
        "post root is the pre root",
        claim.fields(
            post=claim.parent.state_root,
            gas_used=header.gas_used,
            block=block_rlp(replace(header, state_root=claim.parent.state_root), transactions, withdrawals),
        ),
    )
    yield "pre root", claim.fields(pre=flipped(claim.parent.state_root))
    for change in (-1, 1):
        gas_used = header.gas_used + change
        if gas_used < 0:
            continue
        yield f"gas used {change:+}", claim.fields(gas_used=gas_used, post=header.state_root)
        yield (
            f"gas used {change:+}, in the header too",
            claim.fields(block=block_rlp(replace(header, gas_used=gas_used), transactions, withdrawals)),
        )


def changed_transactions(claim: Claim) -> Iterator[tuple[str, dict]]:
    header, transactions, withdrawals = decode_block(claim.block)
    everything = claim.everything()

    def lines(what: str, body: tuple[bytes, ...]) -> Iterator[tuple[str, dict]]:
        rooted = replace(header, transactions_root=items_root(body))
        for note, head in (("", header), (", the root too", rooted)):
            yield what + note, claim.fields(block=block_rlp(head, body, withdrawals), witness=everything)

    for index, raw in enumerate(transactions):
        before, after = transactions[:index], transactions[index + 1 :]
        # The last byte is of the signature: another sender, or none.
        yield from lines(f"transaction {index} changed", (*before, flipped(raw, len(raw) - 1), *after))
        yield from lines(f"transaction {index} removed", before + after)
        yield from lines(f"transaction {index} twice", (*before, raw, raw, *after))
        if raw[0] < 0xC0:
            yield from lines(f"transaction {index} cut off", (*before, raw[:-1], *after))
        if after and after[0] != raw:
            # With the root to fit, two that don't depend on each other may well stand the other way round.
            yield next(
                lines(f"transactions {index}, {index + 1} swapped", (*before, after[0], raw, *after[1:]))
            )


def header_fields(claim: Claim) -> Iterator[tuple[str, dict]]:
    """Each of the 21, bit by bit or by one; and those that a block may choose also beyond what it may choose."""
    header, transactions, withdrawals = decode_block(claim.block)
    everything = claim.everything()
    parent = claim.parent
    for name in Header.__dataclass_fields__:
        value = getattr(header, name)
        if isinstance(value, int):
            changes = {"": value + 1}
        elif name == "extra_data":
            changes = {"": flipped(value) if value else b"\x01", ", 33 bytes": bytes(33)}
        else:
            changes = {"": flipped(value, len(value) - 1), ", its first bit": flipped(value)}
        if name == "timestamp":
            changes |= {", the parent's": parent.timestamp, ", before the parent's": parent.timestamp - 1}
        if name == "gas_limit":
            bound = parent.gas_limit // 1024
            changes |= {", a jump up": parent.gas_limit + bound, ", a jump down": parent.gas_limit - bound}
        for note, changed in changes.items():
            if isinstance(changed, int) and not 0 <= changed < 1 << 64:
                continue
            block = block_rlp(replace(header, **{name: changed}), transactions, withdrawals)
            yield name + note, claim.fields(block=block, witness=everything)


# Fields that whoever builds a block may choose: with another value it may be valid still, if nothing executed reads it.
CHOSEN = {
    "fee_recipient", "fee_recipient, its first bit", "prev_randao", "prev_randao, its first bit",
    "gas_limit", "timestamp", "extra_data", "parent_beacon_block_root", "parent_beacon_block_root, its first bit",
}  # fmt: skip


def witness_items(claim: Claim) -> Iterator[tuple[str, dict]]:
    for kind in ("state", "codes", "headers"):
        items: tuple[bytes, ...] = getattr(claim.witness, kind)
        for index, item in enumerate(items):
            changes: dict[str, bytes | None] = {
                "dropped": None,
                "flipped at its start": flipped(item),
                "flipped in its middle": flipped(item, len(item) // 2),
                "flipped at its end": flipped(item, len(item) - 1),
                "with bytes swapped": swapped_within(item),
                "cut off": item[:-1],
                "with a byte more": item + b"\0",
                "empty": b"",
                "another one's": items[index - 1] if items[index - 1] != item else None,
            }
            for what, changed in changes.items():
                if changed is None and what != "dropped":
                    continue
                rest = (*items[:index], *([] if changed is None else [changed]), *items[index + 1 :])
                witness = replace(claim.witness, **{kind: rest})
                yield f"{kind} {index} {what}", claim.fields(witness=witness)


def with_witness(fields: dict, witness: Witness) -> dict:
    names = ("state", "codes", "headers")
    return fields | {"witness": {name: [text(item) for item in getattr(witness, name)] for name in names}}
