"""What a rollup is and how its daemons run, read from one TOML file (docs/configuration.md).

    config = load_config(Path("configs/devnet.toml"))      # or ConfigError, listing every bad key with the reason

Everything in the models has its final unit: durations are seconds, amounts wei, shares basis points, addresses
checksummed strings, paths absolute.
"""

from verdict.config.errors import ConfigError, Problem
from verdict.config.game import MAX_STEPS_PER_BATCH, GameBudget, game_budget
from verdict.config.load import load_config, parse_config
from verdict.config.models import (
    Allocation,
    Challenger,
    Config,
    Dispute,
    EmbeddedL1,
    ExecutePricing,
    L1,
    Mempool,
    Rollup,
    Sequencer,
    Transactions,
)

__all__ = [
    "Allocation",
    "Challenger",
    "Config",
    "ConfigError",
    "Dispute",
    "EmbeddedL1",
    "ExecutePricing",
    "GameBudget",
    "L1",
    "MAX_STEPS_PER_BATCH",
    "Mempool",
    "Problem",
    "Rollup",
    "Sequencer",
    "Transactions",
    "game_budget",
    "load_config",
    "parse_config",
]
