"""What an embedded L1 is. Times in seconds, amounts in wei, sizes in bytes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

TEST_MNEMONIC = "test test test test test test test test test test test junk"
ETHER = 10**18
GWEI = 10**9
BLOB_RETENTION = 4096 * 32  # slots, as on mainnet


@dataclass(frozen=True, slots=True)
class ExecuteParams:
    """The EXECUTE precompile. "Gas" in `cumulative_*` and `min_gas_price` is L2 gas, in the others L1 gas.

    `engines`: who judges, as in engines.registry, "?" behind one that takes part where it is installed; `threshold`: how
    many must agree. One engine here, so that tests of other things stay quick; a TOML asks for all.
    """

    fixed_gas: int = 100_000
    gas_per_byte: int = 8  # of the trace in the call
    staged_gas_per_word: int = 3  # for each 32 bytes of a pointer's code, begun or whole
    cumulative_gas_limit: int = 60_000_000
    cumulative_gas_target: int = 30_000_000
    min_gas_price: int = 1
    engines: tuple[str, ...] = ("py-evm",)
    threshold: int = 1
    time_limit: float = 20.0  # of each engine, for one verdict
    memory_limit: int = 2 << 30  # of each engine's process

    def __post_init__(self) -> None:
        if not 0 < self.cumulative_gas_target <= self.cumulative_gas_limit < 1 << 64:
            raise ValueError("cumulative_gas_target must be positive and not above cumulative_gas_limit")
        if self.min_gas_price < 1:
            raise ValueError("min_gas_price must be at least 1 wei, or the price could never rise")
        if min(self.fixed_gas, self.gas_per_byte, self.staged_gas_per_word) < 0:
            raise ValueError("gas costs can't be negative")
        if self.time_limit <= 0 or self.memory_limit <= 0:
            raise ValueError("limits must be positive")


@dataclass(frozen=True, slots=True)
class EmbeddedL1Settings:
    """`port`, `beacon_port`: 0 for any free one; `metrics_port`: 0 for none. `block_time` None: no timer, only on demand.

    `automine`: a block as soon as a transaction comes. `data_dir` None: everything is gone at the end.
    `finality_depth`: blocks behind the head that are finalized ("safe": half as many); 0: the head itself.
    `genesis_time` None: now (a persistent chain keeps the first one). `alarm_dir`: where requests are kept over which
    EXECUTE's engines failed or disagreed; None: nowhere. `trace_dir`: where everything EXECUTE was asked is kept, as
    `verdict execute` reads it; None: nowhere.
    """

    host: str = "127.0.0.1"
    port: int = 8545
    beacon_port: int = 5052
    metrics_port: int = 0
    block_time: float | None = 2.0
    automine: bool = False
    gas_limit: int = 36_000_000
    base_fee: int = GWEI
    chain_id: int = 31337
    data_dir: Path | None = None
    alarm_dir: Path | None = None
    trace_dir: Path | None = None
    mnemonic: str = TEST_MNEMONIC
    accounts: int = 10
    balance: int = 10_000 * ETHER
    execute: ExecuteParams = field(default_factory=ExecuteParams)
    finality_depth: int = 0
    seconds_per_slot: int = 1
    genesis_time: int | None = None
    blob_retention: int = BLOB_RETENTION  # blocks whose blobs are kept
    fee_recipient: bytes = bytes.fromhex("c0ffee0000000000000000000000000000000000")

    def __post_init__(self) -> None:
        if self.block_time is not None and self.block_time <= 0:
            raise ValueError("block_time must be positive; None for blocks on demand only")
        if self.seconds_per_slot < 1:
            raise ValueError("seconds_per_slot must be at least 1")
        if self.accounts < 0 or self.balance < 0 or self.finality_depth < 0 or self.blob_retention < 0:
            raise ValueError("accounts, balance, finality_depth and blob_retention can't be negative")
