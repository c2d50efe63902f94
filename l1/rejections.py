"""What a node means when it refuses a raw transaction. Clients differ in wording, so it is read loosely."""

from __future__ import annotations

from enum import Enum, auto


class Rejection(Enum):
    ALREADY_KNOWN = auto()  # it has exactly this transaction: as good as accepted
    NONCE_TOO_LOW = auto()  # the nonce is used on chain: by one of our versions or by someone else
    REPLACEMENT_UNDERPRICED = auto()  # it has another one with this nonce, and ours does not pay enough more
    FEE_TOO_LOW = auto()  # below the block's or the pool's minimum now: try again, or bump
    INSUFFICIENT_FUNDS = auto()
    NOT_YET = auto()  # pool full, nonce gap, sender reserved by the blob pool: try again later
    SIDECAR_FORMAT = auto()  # it wants the other network form of a blob transaction (EIP-4844 or EIP-7594)
    INVALID = auto()  # it will never be accepted as it is
    UNKNOWN = auto()


# The first row with a matching phrase decides.
_PHRASES: tuple[tuple[Rejection, tuple[str, ...]], ...] = (
    (Rejection.ALREADY_KNOWN, ("already known", "known transaction", "already imported", "alreadyknown",
                               "already in the pool", "already in pool", "already exists")),
    (Rejection.REPLACEMENT_UNDERPRICED, ("replacement", "could not replace", "new max fee per blob gas")),
    (Rejection.NONCE_TOO_LOW, ("nonce too low", "nonce is too low", "oldnonce", "nonce already used")),
    (Rejection.INSUFFICIENT_FUNDS, ("insufficient funds", "insufficientfunds", "insufficient balance",
                                    "insufficient sender balance", "doesn't have enough funds")),
    (Rejection.NOT_YET, ("nonce too high", "nonce gap", "noncegap", "gapped", "already reserved", "is reserved",
                         "pool is full", "txpool is full", "too many", "limit exceeded", "in-flight")),
    (Rejection.FEE_TOO_LOW, ("underpriced", "less than block base fee", "less than block blob gas fee", "feetoolow",
                             "fee too low", "price too low", "below minimum", "below base fee", "tip cap")),
    (Rejection.SIDECAR_FORMAT, ("sidecar", "wrapper", "cell proof", "cellproof")),
    (Rejection.INVALID, ("intrinsic gas", "exceeds block gas limit", "gas limit", "init code", "initcode",
                         "invalid sender", "invalid chain", "chain id", "rlp", "signature", "oversized",
                         "not supported", "floor data gas", "too large", "invalid transaction")),
)


def classify(message: str) -> Rejection:
    lowered = message.lower()
    for rejection, phrases in _PHRASES:
        if any(phrase in lowered for phrase in phrases):
            return rejection
    return Rejection.UNKNOWN
