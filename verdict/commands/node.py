"""`verdict node`."""

from __future__ import annotations

from verdict.commands.options import (
    DEFAULT_CONFIG,
    ConfigOption,
    LogFormat,
    LogFormatOption,
    LogLevel,
    LogLevelOption,
)


def node(
    config: ConfigOption = DEFAULT_CONFIG,
    log_format: LogFormat = LogFormatOption.console,
    log_level: LogLevel = LogLevelOption.info,
) -> None:
    """Run a node: derives the L2 chain from L1 alone and serves it, read-only.

    Needs no key, and no sequencer: only L1, and the blobs from beacon nodes or other Verdict daemons (blobs.peer_urls).
    Wallets connect to node.host and node.port. Its latest block is the safe one; with node.sequencer_url transactions
    are handed on, without it they are refused. A first start shows how far it has come.

        verdict node --config configs/mine.toml

    Killing it at any moment loses nothing: it goes on where it was.
    """
    from node.service import run_node
    from verdict.config import load_config
    from verdict.daemon import run_daemon
    from verdict.logging import configure_logging

    loaded = load_config(config)
    configure_logging(log_format.value, log_level.value)
    run_daemon(lambda stop: run_node(loaded, stop))
