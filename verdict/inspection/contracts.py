"""One contract of a deployment as L1 has it: its code, how it was made, what its immutables say."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from eth_abi import encode as abi_encode
from eth_abi.exceptions import DecodingError
from eth_hash.auto import keccak

from l1.artifacts import AnswerMalformed, Artifact, artifact
from l1.client import L1Client
from l1.rpc_errors import RpcError
from verdict.inspection.bytecode import Abilities, abilities, compare, names_of

PROXY_SLOTS = {
    "EIP-1967 implementation": int.from_bytes(keccak(b"eip1967.proxy.implementation")) - 1,
    "EIP-1967 admin": int.from_bytes(keccak(b"eip1967.proxy.admin")) - 1,
    "EIP-1967 beacon": int.from_bytes(keccak(b"eip1967.proxy.beacon")) - 1,
    "EIP-1822": int.from_bytes(keccak(b"PROXIABLE")),
    "ZeppelinOS implementation": int.from_bytes(keccak(b"org.zeppelinos.proxy.implementation")),
}
MADE_BY_CONSTRUCTOR = "KzgSetup"
"""Its code is data that its constructor returns: the artifact's creation code is run to know it."""

_WORDS = frozenset({"address", "bool", "bytes32", "bytes31", "uint64", "uint256", "uint8"})


@dataclass(frozen=True, slots=True)
class Inspected:
    """`differences`: from the committed artifact. `getters`: what its functions without arguments answer, 32 bytes each.
    `unknown`: what this L1 node couldn't say."""

    name: str
    address: bytes
    differences: tuple[str, ...]
    abilities: Abilities
    immutables: Mapping[str, bytes] = field(default_factory=dict)
    getters: Mapping[str, bytes] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)  # of the getters: ABI types
    proxies: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


async def inspect_contract(
    l1: L1Client, name: str, address: bytes, creation: bytes | None, named: Collection[str], block: int
) -> Inspected:
    """At an L1 block. `creation`: hash of the transaction that made it; None: another contract did. `named`: getters of
    immutables. Raises what the client raises."""
    compiled = artifact(name)
    code = await l1.code(address, block)
    differences: list[str] = []
    values: tuple[bytes, ...] = ()
    if name == MADE_BY_CONSTRUCTOR:
        made = await l1.request("eth_call", [{"data": "0x" + compiled.bytecode.hex()}, hex(block)])
        if code != bytes.fromhex(made[2:]):
            differences.append("the code is not what its constructor makes")
    else:
        comparison = compare(code, compiled)
        values = comparison.immutables
        if comparison.difference:
            differences.append(comparison.difference)
    unknown: tuple[str, ...] = ()
    if creation is not None:
        found, unknown = await _creation(l1, compiled, address, creation)
        differences += found
    getters = {} if differences else await _getters(l1, compiled, address, block)
    proxies = []
    for title, slot in PROXY_SLOTS.items():
        if any(await l1.storage(address, slot, block)):
            proxies.append(title)
    return Inspected(
        name, address, tuple(differences), abilities(code if name != MADE_BY_CONSTRUCTOR else b""),
        names_of(values, {getter: answer for getter, answer in getters.items() if getter in named}), getters, _kinds(compiled), tuple(proxies), unknown)


async def _creation(
    l1: L1Client, compiled: Artifact, address: bytes, transaction: bytes
) -> tuple[list[str], tuple[str, ...]]:
    """(differences, what isn't known). Code alone doesn't say what storage a contract was given: another constructor could
    have written anything before it left the right code. So the transaction must carry the committed one."""
    receipt, sent = await l1.receipt(transaction), await l1.transaction(transaction)
    if receipt is None or sent is None:
        text = f"L1 does not know the transaction 0x{transaction.hex()} that made it, so what its constructor wrote is unknown"
        return [], (f"{compiled.name}: {text}",)
    if (receipt.get("contractAddress") or "").lower() != "0x" + address.hex() or int(receipt["status"], 16) != 1:
        return [f"0x{transaction.hex()} is not the transaction that made it"], ()
    data = bytes.fromhex((sent.get("input") or sent.get("data") or "0x")[2:])
    if not data.startswith(compiled.bytecode):
        return ["it was made by other code than the committed constructor"], ()
    try:
        compiled.constructor_arguments(data)
    except (AnswerMalformed, DecodingError):
        return ["it was made with other arguments than its constructor takes"], ()
    return [], ()


async def _getters(l1: L1Client, compiled: Artifact, address: bytes, block: int) -> dict[str, bytes]:
    answers = {}
    for name in _kinds(compiled):
        try:
            answer = await l1.call(address, compiled.call(name), block)
        except RpcError:
            continue  # such as l2Sender(), outside of a withdrawal
        if len(answer) == 32:
            answers[name] = answer
    return answers


def _kinds(compiled: Artifact) -> dict[str, str]:
    return {name: shape.outputs[0] for name, shape in compiled.functions.items()
            if not shape.inputs and len(shape.outputs) == 1 and shape.outputs[0] in _WORDS}


def word(kind: str, value: object) -> bytes:
    """A value as a getter answers it."""
    return abi_encode([kind], [value])


def shown(kind: str, value: bytes) -> str | int:
    """A getter's answer for people and JSON: addresses and bytes as 0x hex, numbers as numbers."""
    if kind == "address":
        return "0x" + value[12:].hex()
    if kind.startswith("bytes"):
        return "0x" + value[:int(kind[5:])].hex()
    return int.from_bytes(value)
