"""What a rollup is and how its daemons run, read from one TOML file (docs/configuration.md).

    config = load_config(Path("configs/devnet.toml"))      # or ConfigError, listing every bad key with the reason

Everything in the models has its final unit: durations are seconds, amounts wei, shares basis points, addresses
checksummed strings, paths absolute.
"""

from verdict.config.errors import ConfigError, Problem
from verdict.config.game import MAX_STEPS_PER_BATCH, GameBudget, game_budget
from verdict.config.load import load_config, parse_config
from verdict.config.models import (
    L1,
    Allocation,
    Challenger,
    Config,
    Dispute,
    EmbeddedL1,
    ExecutePricing,
    Mempool,
    Rollup,
    Sequencer,
    Transactions,
)

__all__ = [
    "L1",
    "MAX_STEPS_PER_BATCH",
    "Allocation",
    "Challenger",
    "Config",
    "ConfigError",
    "Dispute",
    "EmbeddedL1",
    "ExecutePricing",
    "GameBudget",
    "Mempool",
    "Problem",
    "Rollup",
    "Sequencer",
    "Transactions",
    "game_budget",
    "load_config",
    "parse_config",
]
