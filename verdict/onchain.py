"""The rollup's contracts as web3.py sees them: reads by name, and their events decoded.

For people (status, demo); the daemons have typed bindings of their own in l1/.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from web3 import AsyncWeb3
from web3.contract import AsyncContract

from l1.artifacts import artifact
from verdict.deployment import Deployment

EXECUTE = "0x0000000000000000000000000000000000000101"
LOG_RANGE = 5_000
"""L1 blocks of one eth_getLogs: public nodes refuse more."""


@dataclass(frozen=True, slots=True)
class Event:
    """One decoded log. Arguments by name; bytes32 as bytes."""

    name: str
    args: Mapping[str, Any]
    block_number: int
    transaction: str  # 0x hash
    log_index: int


class Contracts:
    """Inbox, Rollup, Portal and EXECUTE of one deployment."""

    def __init__(self, w3: AsyncWeb3, deployment: Deployment):
        self.w3 = w3
        self.deployment = deployment
        self.inbox: AsyncContract = w3.eth.contract(
            address=w3.to_checksum_address(deployment.inbox), abi=artifact("Inbox").abi, decode_tuples=True)
        self.rollup: AsyncContract = w3.eth.contract(
            address=w3.to_checksum_address(deployment.rollup), abi=artifact("Rollup").abi, decode_tuples=True)
        self.portal: AsyncContract = w3.eth.contract(
            address=w3.to_checksum_address(deployment.portal), abi=artifact("Portal").abi, decode_tuples=True)
        self.verifier: AsyncContract = w3.eth.contract(
            address=w3.to_checksum_address(deployment.step_verifier), abi=artifact("StepVerifier").abi, decode_tuples=True)
        self.execute: AsyncContract = w3.eth.contract(address=w3.to_checksum_address(EXECUTE), abi=artifact("IExecute").abi)
        self._events = {topic: (contract, shape.name)
                        for contract, name in ((self.inbox, "Inbox"), (self.rollup, "Rollup"), (self.portal, "Portal"))
                        for topic, shape in artifact(name).events.items()}

    async def events(self, first: int, last: int) -> AsyncIterator[Event]:
        """Of Inbox and Rollup in the L1 blocks `first` to `last`, in order."""
        for start in range(first, last + 1, LOG_RANGE):
            logs = await self.w3.eth.get_logs({
                "fromBlock": start, "toBlock": min(start + LOG_RANGE - 1, last),
                "address": [self.inbox.address, self.rollup.address],
            })
            for log in sorted(logs, key=lambda each: (each["blockNumber"], each["logIndex"])):
                event = self.decode(log)
                if event is not None:
                    yield event

    def decode(self, log: Any) -> Event | None:
        """None for an event that isn't in the ABIs."""
        topics = log["topics"]
        found = self._events.get(bytes(topics[0])) if topics else None
        if found is None:
            return None
        contract, name = found
        data = contract.events[name]().process_log(log)
        return Event(name, data["args"], data["blockNumber"], data["transactionHash"].to_0x_hex(), data["logIndex"])

