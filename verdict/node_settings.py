"""What a configuration and its deployment say to a RollupNode: one reading for every daemon."""

from __future__ import annotations

from derivation.batches import NodeSettings
from derivation.inputs import DerivationParams
from execution.rules import Rules
from verdict.config import Config
from verdict.deployment import Deployment

LEAST_STANDSTILL = 30.0  # seconds
SLOTS_MISSED = 10  # in a row: L1 has stopped, or its node no longer follows it


def node_settings(config: Config, deployment: Deployment, poll: float = 1.0) -> NodeSettings:
    """`poll`: seconds between two looks at L1."""
    rollup = config.rollup
    return NodeSettings(
        rules=Rules(chain_id=rollup.chain_id, tx_gas_cap=rollup.tx_gas_cap),
        params=DerivationParams(
            rollup.chain_id, bytes.fromhex(rollup.fee_recipient[2:]), rollup.gas_limit, int(rollup.max_drift)
        ),
        inbox=bytes.fromhex(deployment.inbox[2:]),
        start=deployment.block_number,
        confirmations=config.l1.confirmations,
        poll=poll,
        longest_standstill=max(LEAST_STANDSTILL, SLOTS_MISSED * config.l1.slot),
    )
