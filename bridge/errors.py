"""How bridging fails: each message says what is the matter and what to do."""

from __future__ import annotations


class BridgeError(Exception):
    """It can't be done: now, or at all."""


class TooEarly(BridgeError):
    """It can be done later, without doing anything."""


class NotFound(BridgeError):
    """There is no such transaction, or nothing of the kind in it."""


class ProofError(BridgeError):
    """What a node gave does not prove what it should: the node is wrong or behind."""
