"""The view that each daemon can give: L1's, with the heads of its L2 and what it has derived itself."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chain.view import ChainView
from derivation.node import RollupNode
from l1.client import L1Client
from node.rendering import head_json
from rpc.net import client_version
from verdict.config import Config
from verdict.deployment import Deployment
from view.rollup_view import RollupView
from view.shapes import Daemon

if TYPE_CHECKING:
    from challenger.service import Parts as ChallengerParts
    from node.service import Parts as NodeParts
    from sequencer.service import Parts as SequencerParts


def of_sequencer(parts: SequencerParts, config: Config, deployment: Deployment, l1: L1Client) -> RollupView:
    return RollupView(l1, config, deployment, lambda: _heads(parts.node), parts.derivation.derived, daemon=_me("sequencer"))


def of_node(parts: NodeParts, config: Config, deployment: Deployment, l1: L1Client) -> RollupView:
    return RollupView(l1, config, deployment, lambda: _heads(parts.chain), parts.derivation.derived, daemon=_me("node"))


def of_challenger(parts: ChallengerParts, config: Config, deployment: Deployment, l1: L1Client) -> RollupView:
    return RollupView(l1, config, deployment, lambda: _heads_of(parts.node), parts.node.derived, daemon=_me("challenger"))


def of_l1(role: str, config: Config, deployment: Deployment, l1: L1Client) -> RollupView:
    """Without a node of L2: no heads, no forecasts."""
    return RollupView(l1, config, deployment, daemon=_me(role))


def _me(role: str) -> Daemon:
    return {"role": role, "version": client_version(), "started": int(time.time())}


def _heads(chain: ChainView) -> Mapping[str, Any]:
    """`unsafe` is the head, also where that is derived from L1."""
    return {
        "unsafe": head_json(chain.head()), "safe": head_json(chain.resolve("safe")),
        "finalized": head_json(chain.resolve("finalized"))}


def _heads_of(node: RollupNode) -> Mapping[str, Any]:
    return {label: head_json(node.store.resolve(label)) for label in ("safe", "finalized")}  # nobody tells it of others
