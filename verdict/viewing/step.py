"""What a step did, as JSON and for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from execution.abi import commitment
from execution.account import Account
from execution.encoding import keccak
from execution.errors import InvalidTransaction
from execution.receipt import Receipt
from execution.transactions import decode_transaction
from execution.types import BlockStart, Fragment, Input, StepState, Transaction
from verdict.viewing.finding import Found
from verdict.viewing.format import amount, plural, price, size
from view.proofs import place
from view.rendering import address, hexed

KINDS = {"BlockStart": "block start", "BatchEnd": "batch end"}
SHOWN = 40  # changes, for people; --json has all


def step_json(found: Found) -> dict[str, Any]:
    """Amounts in wei as decimal strings, gas and sizes (bytes) as numbers, hashes 0x hex."""
    trace, watched = found.trace, found.trace.watched
    record, header, at = trace.record, trace.record.posted.header, trace.record.posted.inclusion
    outcome = watched.outcome
    cursor = trace.before.cursor
    return {
        "batch": record.index, "batch_hash": hexed(record.hash), "step": trace.step, "steps": record.steps,
        "cursor": {"batch": cursor.batch, "chunk": cursor.chunk, "item": cursor.item}, "place": _place(trace.item, cursor),
        "kind": _kind(trace.item), "source": found.source,
        "also": [{"batch": batch, "step": step} for batch, step in found.also],
        "l1": {"block": at.block_number, "transaction": hexed(at.transaction_hash), "origin": header.origin_number,
               "origin_hash": hexed(header.origin_hash)},
        "block": _block(found),
        "input": _input(trace.item),
        "before": _state(trace.before), "after": _state(trace.after),
        "receipt": None if outcome.receipt is None else _receipt(outcome.receipt),
        "rejection": None if outcome.rejection is None else str(outcome.rejection),
        "sealed": None if outcome.sealed is None else {
            "number": outcome.sealed.header.number, "hash": hexed(outcome.sealed.hash)},
        "accounts": [
            {"address": address(each.address), "before": _account(each.before), "after": _account(each.after)}
            for each in watched.accounts],
        "slots": [
            {"address": address(each.address), "slot": hex(each.slot), "before": hex(each.before), "after": hex(each.after)}
            for each in watched.slots],
        "execute": {
            "result": trace.verdict.result, "reason": trace.verdict.reason, "gas_used": trace.gas_used,
            "calldata_bytes": len(trace.calldata), "calldata_hash": hexed(keccak(trace.calldata)),
            "witness_bytes": trace.witness_size, "nodes": len(trace.witness.state), "codes": len(trace.witness.codes),
            "headers": len(trace.witness.headers)},
        "opcode_count": watched.opcodes.count,
        "opcodes": [
            {"address": address(each.address), "depth": each.depth, "pc": each.position, "op": each.name, "gas": each.gas,
             "cost": each.cost, "stack": [hex(item) for item in each.stack], "error": each.error or None}
            for each in watched.opcodes.opcodes],
    }  # fmt: skip


def _kind(item: Input) -> str:
    name = type(item).__name__
    return KINDS.get(name, name.lower())


def _place(item: Input, cursor: Any) -> str:
    return "the batch's end" if _kind(item) == "batch end" else place(cursor.chunk, cursor.item)


def _block(found: Found) -> dict[str, Any] | None:
    """The L2 block that the step opens, adds to, or ends."""
    trace = found.trace
    opened = trace.after.open if isinstance(trace.item, BlockStart) else trace.before.open
    if opened is None:
        return None
    index = opened.number - trace.record.first_number
    included = trace.watched.outcome.receipt is not None
    return {"number": opened.number, "hash": hexed(trace.record.block_hashes[index]),
            "timestamp": opened.attributes.timestamp, "transaction_index": opened.transaction_count if included else None}


def _input(item: Input) -> dict[str, Any]:
    match item:
        case BlockStart(attributes=attributes):
            return {
                "timestamp": attributes.timestamp, "gas_limit": attributes.gas_limit,
                "fee_recipient": address(attributes.fee_recipient),
                "deposits": [{"index": each.index, "recipient": address(each.address), "amount": str(each.amount * 10**9)}
                             for each in attributes.withdrawals]}
        case Transaction(raw=raw):
            return _transaction(raw)
        case Fragment(data=data):
            return {"bytes": len(data)}
    return {}


def _transaction(raw: bytes) -> dict[str, Any]:
    told: dict[str, Any] = {"hash": hexed(keccak(raw)), "bytes": len(raw)}
    try:
        sent = decode_transaction(raw)
    except InvalidTransaction:
        return told
    return {
        **told, "type": sent.type, "from": address(sent.sender), "to": address(sent.to) if sent.to else None,
        "nonce": sent.nonce, "value": str(sent.value), "gas_limit": sent.gas_limit, "max_fee_per_gas": str(sent.max_fee_per_gas),
        "data_bytes": len(sent.data), "selector": hexed(sent.data[:4]) if sent.to and sent.data else None}


def _state(state: StepState) -> dict[str, Any]:
    opened = state.open
    return {
        "commitment": hexed(commitment(state)), "state_root": hexed(state.state_root), "block_hash": hexed(state.block_hash),
        "open_block": None if opened is None else {
            "number": opened.number, "transactions": opened.transaction_count, "gas_used": opened.gas_used},
        "fragments_bytes": state.fragments_size}


def _receipt(receipt: Receipt) -> dict[str, Any]:
    return {
        "succeeded": receipt.succeeded, "gas_used": receipt.gas_used, "effective_gas_price": str(receipt.effective_gas_price),
        "contract": address(receipt.contract_address) if receipt.contract_address else None,
        "logs": [
            {"address": address(each.address), "topics": [hexed(topic) for topic in each.topics], "data": hexed(each.data)}
            for each in receipt.logs]}


def _account(account: Account | None) -> dict[str, Any] | None:
    if account is None:
        return None
    return {"nonce": account.nonce, "balance": str(account.balance), "code_hash": hexed(account.code_hash)}


# ---- for people


def print_step(step: Mapping[str, Any], console: Console) -> None:
    l1, block = step["l1"], step["block"]
    console.print(f"[bold]step {step['step']:,} of batch {step['batch']}[/bold] ({step['steps']:,} steps): {step['kind']}")
    console.print(f"where      {step['place']}; batch on L1 in block {l1['block']:,}, transaction {l1['transaction']}")
    console.print(f"origin     L1 block {l1['origin']:,} ({l1['origin_hash']})")
    if block:
        index = "" if block["transaction_index"] is None else f", transaction {block['transaction_index']} of it"
        console.print(f"L2 block   {block['number']:,} ({block['hash']}){index}")
    _print_input(console, step)
    _print_outcome(console, step)
    for name in ("before", "after"):
        console.print(f"{name:10} commitment {step[name]['commitment']}, state root {step[name]['state_root']}")
    _print_changes(console, step)
    execute = step["execute"]
    contents = ", ".join(plural(execute[name], name[:-1]) for name in ("nodes", "codes", "headers"))
    console.print(f"witness    {size(execute['witness_bytes'])}: {contents}")
    answer = "true" if execute["result"] else f"false: {execute['reason']}"
    console.print(f"EXECUTE    would be called with {size(execute['calldata_bytes'])} of calldata and "
                  f"{execute['gas_used']:,} L2 gas, and says {answer}")
    for other in step["also"]:
        console.print(f"also       step {other['step']:,} of batch {other['batch']} is the same transaction")
    console.print(f"[dim]read from  {step['source']}[/]")
    _print_opcodes(console, step)


def _print_input(console: Console, step: Mapping[str, Any]) -> None:
    item = step["input"]
    if step["kind"] == "transaction":
        console.print(f"input      transaction {item['hash']}, {size(item['bytes'])}")
        if "from" in item:
            call = f", calls {item['selector']} with {size(item['data_bytes'])}" if item["selector"] else ""
            console.print(f"           from {item['from']} to {item['to'] or 'a new contract'}: {amount(item['value'])}{call}")
            console.print(f"           nonce {item['nonce']}, gas limit {item['gas_limit']:,}, at most "
                          f"{price(item['max_fee_per_gas'])} a gas")
    elif step["kind"] == "block start":
        console.print(f"input      a block of timestamp {item['timestamp']}, gas limit {item['gas_limit']:,}, fees to "
                      f"{item['fee_recipient']}")
        for each in item["deposits"]:
            console.print(f"           deposit {each['index']}: {amount(each['amount'])} for {each['recipient']}")
    elif step["kind"] == "fragment":
        console.print(f"input      {size(item['bytes'])} of a transaction that goes on in the next chunk")


def _print_outcome(console: Console, step: Mapping[str, Any]) -> None:
    if step["rejection"]:
        console.print(f"outcome    [red]rejected, nothing happened[/]: {step['rejection']}")
    if (receipt := step["receipt"]) is not None:
        how = "[green]succeeded[/]" if receipt["succeeded"] else "[red]reverted[/]"
        made = f"; made the contract {receipt['contract']}" if receipt["contract"] else ""
        console.print(f"outcome    {how}: {receipt['gas_used']:,} gas at {price(receipt['effective_gas_price'])}{made}")
        for each in receipt["logs"][:SHOWN]:
            topics = ", ".join(each["topics"])
            console.print(f"log        {each['address']}: {topics or 'no topics'}; {size((len(each['data']) - 2) // 2)} of data")
    if (sealed := step["sealed"]) is not None:
        console.print(f"outcome    sealed block {sealed['number']:,} ({sealed['hash']})")


def _print_changes(console: Console, step: Mapping[str, Any]) -> None:
    changes = [line for each in step["accounts"] for line in _account_lines(each)]
    changes += [f"slot       {each['address']}[{each['slot']}]: {each['before']} -> {each['after']}" for each in step["slots"]]
    for line in changes[:SHOWN]:
        console.print(line, markup=False)
    if len(changes) > SHOWN:
        console.print(f"           and {len(changes) - SHOWN:,} more changes: --json has them")
    if not changes:
        console.print("state      no account and no slot changed")


def _account_lines(change: Mapping[str, Any]) -> list[str]:
    before, after = change["before"], change["after"]
    if after is None:
        return [f"account    {change['address']}: gone, it had {before['balance']} wei"]
    parts = [] if before is not None else ["new"]
    old = before or {"nonce": 0, "balance": "0", "code_hash": after["code_hash"]}
    if old["balance"] != after["balance"]:
        parts.append(f"balance {int(old['balance']):,} -> {int(after['balance']):,} wei")
    if old["nonce"] != after["nonce"]:
        parts.append(f"nonce {old['nonce']} -> {after['nonce']}")
    if old["code_hash"] != after["code_hash"] or (before is None and after["code_hash"] != hexed(keccak(b""))):
        parts.append(f"code {after['code_hash']}")
    return [f"account    {change['address']}: {', '.join(parts) or 'storage'}"]


def _print_opcodes(console: Console, step: Mapping[str, Any]) -> None:
    if not step["opcodes"]:
        return
    console.print()
    console.print(f"{'depth':>5} {'pc':>6}  {'opcode':16}{'gas left':>12}{'cost':>10}  stack, the top first", markup=False)
    for each in step["opcodes"]:
        stack = " ".join(item if len(item) <= 18 else f"{item[:10]}…{item[-6:]}" for item in each["stack"])
        error = f"  {each['error']}" if each["error"] else ""
        gas = f"{each['gas']:>12,}{each['cost']:>10,}"
        console.print(f"{each['depth']:>5} {each['pc']:>6}  {each['op']:16}{gas}  {stack}{error}", markup=False)
    left = step["opcode_count"] - len(step["opcodes"])
    if left:
        console.print(f"and {plural(left, 'instruction')} more: --limit")
