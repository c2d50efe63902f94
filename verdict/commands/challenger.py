"""`verdict challenger`."""

from __future__ import annotations

from verdict.commands.options import (
    DEFAULT_CONFIG,
    ConfigOption,
    LogFormat,
    LogFormatOption,
    LogLevel,
    LogLevelOption,
)


def challenger(
    config: ConfigOption = DEFAULT_CONFIG,
    log_format: LogFormat = LogFormatOption.console,
    log_level: LogLevel = LogLevelOption.info,
) -> None:
    """Run a challenger: re-derives and re-executes every batch, and kills assertions that are wrong.

    Needs VERDICT_CHALLENGER_KEY (or VERDICT_CHALLENGER_KEY_FILE): any key with ether on L1 for gas, EXECUTE fees
    and challenge bonds. Anyone may run one. It keeps nothing that it can't rebuild from L1.

        VERDICT_CHALLENGER_KEY_FILE=~/keys/challenger verdict challenger --config configs/mine.toml

    While it can't know (L1 sources disagree, blobs missing, not yet derived) it says "unknown" and waits.
    """
    from challenger.service import run_challenger
    from verdict.config import load_config
    from verdict.daemon import run_daemon
    from verdict.keys import load_key
    from verdict.logging import configure_logging

    loaded = load_config(config)
    load_key("challenger", loaded.data_dir)  # refused before anything starts
    configure_logging(log_format.value, log_level.value)
    run_daemon(lambda stop: run_challenger(loaded, stop))
