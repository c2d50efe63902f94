"""Contracts that every L2 has from its genesis on (docs/protocol.md): "verdict" in ASCII, zeros, a number. 20 bytes each."""

from __future__ import annotations

_PREFIX = b"verdict" + bytes(12)

MESSAGE_PASSER = _PREFIX + b"\x01"
"""Sends withdrawals and messages to L1."""
MESSENGER = _PREFIX + b"\x02"
"""Makes the calls that were asked for on L1."""
L2_TOKEN_BRIDGE = _PREFIX + b"\x03"
"""Mints and burns what L1's TokenBridge holds."""
