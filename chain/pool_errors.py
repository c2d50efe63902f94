"""Why the pool refuses a transaction, in geth's words, since that is what wallets and libraries look for."""

from __future__ import annotations

TRANSACTION_REJECTED = -32000  # JSON-RPC error code, as geth


class PoolError(Exception):
    """`code` is the JSON-RPC error code, `message` what the caller is told."""

    def __init__(self, message: str, code: int = TRANSACTION_REJECTED) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class AlreadyKnown(PoolError):
    def __init__(self) -> None:
        super().__init__("already known")


class NonceTooLow(PoolError):
    def __init__(self, expected: int, got: int) -> None:
        super().__init__(f"nonce too low: next nonce {expected}, tx nonce {got}")


class Underpriced(PoolError):
    pass


class ReplacementUnderpriced(PoolError):
    def __init__(self, detail: str = "") -> None:
        super().__init__("replacement transaction underpriced" + (f": {detail}" if detail else ""))


class InsufficientFunds(PoolError):
    """Amounts in wei. `queued`: cost of the sender's other transactions in the pool."""

    def __init__(self, balance: int, cost: int, queued: int = 0) -> None:
        others = f"queued cost {queued}, " if queued else ""
        super().__init__(
            f"insufficient funds for gas * price + value: balance {balance}, {others}tx cost {cost}, "
            f"overshot {queued + cost - balance}"
        )


class PoolFull(PoolError):
    def __init__(self) -> None:
        super().__init__("txpool is full")


class AccountLimitExceeded(PoolError):
    def __init__(self, limit: int) -> None:
        super().__init__(f"account limit exceeded: at most {limit} transactions of one sender")
