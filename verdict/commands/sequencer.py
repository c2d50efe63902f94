"""`verdict sequencer`."""

from __future__ import annotations

from verdict.commands.options import (
    DEFAULT_CONFIG,
    ConfigOption,
    LogFormat,
    LogFormatOption,
    LogLevel,
    LogLevelOption,
)


def sequencer(
    config: ConfigOption = DEFAULT_CONFIG,
    log_format: LogFormat = LogFormatOption.console,
    log_level: LogLevel = LogLevelOption.info,
) -> None:
    """Run the sequencer: L2 JSON-RPC, block building, batches in blobs, assertions and their defence.

    Needs VERDICT_SEQUENCER_KEY (or VERDICT_SEQUENCER_KEY_FILE): the key of rollup.sequencer, with ether on L1
    for gas and bonds. Wallets connect to sequencer.host and sequencer.port, HTTP or WebSocket.

        VERDICT_SEQUENCER_KEY_FILE=~/keys/sequencer verdict sequencer --config configs/mine.toml

    Killing it at any moment loses no sealed block; the first SIGINT or SIGTERM stops it in order, a second at once.
    """
    from sequencer.service import run_sequencer
    from verdict.config import load_config
    from verdict.daemon import run_daemon
    from verdict.keys import load_key
    from verdict.logging import configure_logging

    loaded = load_config(config)
    load_key("sequencer", loaded.data_dir)  # refused before anything starts
    configure_logging(log_format.value, log_level.value)
    run_daemon(lambda stop: run_sequencer(loaded, stop))
