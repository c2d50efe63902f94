"""Messages from L1 to L2: read from a receipt of L1, proved to L2's Messenger with what L2 knows of L1.

A block of L2 knows one block of L1, its origin, by hash (EIP-4788). A message can be relayed once the origin of some L2
block is not older than the message. Values are wei of L2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eth_abi import encode as abi_encode

from bridge.errors import NotFound, ProofError, TooEarly
from bridge.predeploys import MESSENGER
from bridge.state_proof import prove_slot, state_root_of
from bridge.withdrawals import mapping_slot
from execution.encoding import keccak
from l1.artifacts import AnswerMalformed, address_bytes, artifact
from l1.client import L1Client, L1Inconsistent, read_log

SENT_MESSAGES = 0
"""The Portal's slot of `mapping(bytes32 hash => uint256 one) sentMessages`."""
ROOTS_KEPT = 8_191
"""L2 blocks whose origin the EIP-4788 contract still knows."""


@dataclass(frozen=True, slots=True)
class DepositMessage:
    """`DepositMessage` in Messages.sol. Addresses 20 bytes: `sender` on L1, `target` and `refund_to` on L2."""

    nonce: int
    sender: bytes
    target: bytes
    value: int
    refund_to: bytes
    data: bytes

    def as_tuple(self) -> tuple[Any, ...]:
        """In the shape eth-abi takes."""
        return self.nonce, self.sender, self.target, self.value, self.refund_to, self.data

    @property
    def hash(self) -> bytes:
        """keccak256(abi.encode(message)), 32 bytes."""
        return keccak(abi_encode(["(uint256,address,address,uint256,address,bytes)"], [self.as_tuple()]))

    @property
    def slot(self) -> int:
        """Where the Portal has `sentMessages[hash]`."""
        return mapping_slot(self.hash, SENT_MESSAGES)


@dataclass(frozen=True, slots=True)
class Sent:
    """A message as L1 has it."""

    message: DepositMessage
    l1_block: int
    transaction: bytes


@dataclass(frozen=True, slots=True)
class L1Proof:
    """`L1Proof` of the Messenger: `timestamp` of an L2 block, the RLP `header` of its origin, proofs of the Portal's slot."""

    timestamp: int
    header: bytes
    account_proof: tuple[bytes, ...]
    storage_proof: tuple[bytes, ...]

    def as_tuple(self) -> tuple[Any, ...]:
        return self.timestamp, self.header, list(self.account_proof), list(self.storage_proof)


def messages_in(receipt: Mapping[str, Any], portal: bytes) -> tuple[Sent, ...]:
    """What a transaction (its receipt as L1's JSON-RPC gives it) sent through the Portal (20 bytes). ProofError if a log's
    message does not have the hash that it says."""
    found = []
    for each in receipt["logs"]:
        try:
            log = read_log(each)
            event = artifact("Portal").event(log.topics, log.data) if log.address == portal else None
        except (L1Inconsistent, AnswerMalformed) as error:
            raise ProofError(f"the L1 node's receipt has a malformed log: {error}") from None
        if event is None or event[0] != "MessageSent":
            continue
        nonce, sender, target, value, refund_to, data = event[1]["message"]
        message = DepositMessage(
            nonce, address_bytes(sender), address_bytes(target), value, address_bytes(refund_to), bytes(data))
        if message.hash != event[1]["hash"]:
            raise ProofError(f"the message's hash is 0x{message.hash.hex()}, and the L1 node's log says otherwise")
        found.append(Sent(message, log.block_number, log.transaction_hash))
    return tuple(found)


class MessageReader:
    """Asks L1 and an L2 node. `portal`: 20 bytes."""

    def __init__(self, l1: L1Client, l2: L1Client, portal: bytes) -> None:
        self._l1, self._l2 = l1, l2
        self._portal = portal

    async def sent(self, transaction: bytes, index: int = 0) -> Sent:
        """The message number `index` of that L1 transaction. NotFound."""
        receipt = await self._l1.receipt(transaction)
        named = f"0x{transaction.hex()}"
        if receipt is None:
            raise NotFound(f"L1 has no transaction {named} (or it isn't in a block yet)")
        found = messages_in(receipt, self._portal)
        if not 0 <= index < len(found):
            raise NotFound(f"L1 transaction {named} has {len(found)} messages" + (f", not {index + 1}" if found else ""))
        return found[index]

    async def origin(self) -> tuple[int, int, bytes] | None:
        """(timestamp of L2's head, number and hash of its origin); None while L2 has only its genesis block, or its origin was
        reorganised away."""
        head = await self._l2.head()
        if not any(head.parent_beacon_block_root):
            return None
        origin = await self._l1.block(head.parent_beacon_block_root)
        return None if origin is None else (head.timestamp, origin.number, origin.hash)

    async def proof(self, sent: Sent) -> L1Proof:
        """What the Messenger takes, checked as it will check it. TooEarly while L2 knows only older blocks of L1."""
        known = await self.origin()
        if known is None or known[1] < sent.l1_block:
            seen = "nothing of L1 yet" if known is None else f"L1 up to block {known[1]}"
            raise TooEarly(f"the message was sent in L1 block {sent.l1_block}, and L2 knows {seen}: wait for its next batch")
        timestamp, _, origin_hash = known
        origin = await self._l1.block(origin_hash)
        if origin is None:
            raise TooEarly("L1 was reorganised just now: try again")
        proof = await prove_slot(self._l1, self._portal, sent.message.slot, origin.hash, state_root_of(origin))
        if proof.value != 1:
            raise ProofError(f"the Portal did not send message 0x{sent.message.hash.hex()}: was L1 reorganised?")
        return L1Proof(timestamp, origin.rlp, proof.account_proof, proof.storage_proof)

    async def is_relayed(self, message_hash: bytes) -> bool:
        """Whether L2 has made the call, or paid the refund."""
        contract = artifact("Messenger")
        answer = await self._l2.call(MESSENGER, contract.call("isRelayed", message_hash))
        return bool(contract.answer("isRelayed", answer)[0])


def relay_message(message: DepositMessage, proof: L1Proof) -> bytes:
    """Calldata for the Messenger; anyone may."""
    return artifact("Messenger").call("relayMessage", message.as_tuple(), proof.as_tuple())


def refund_message(message: DepositMessage, proof: L1Proof) -> bytes:
    """Calldata for the Messenger; only `refund_to` may."""
    return artifact("Messenger").call("refund", message.as_tuple(), proof.as_tuple())
