"""Options that several subcommands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class LogFormatOption(StrEnum):
    console = "console"
    json = "json"


class LogLevelOption(StrEnum):
    debug = "debug"
    info = "info"
    warning = "warning"
    error = "error"


DEFAULT_CONFIG = Path("configs/devnet.toml")

ConfigOption = Annotated[
    Path,
    typer.Option("--config", "-c", metavar="FILE", envvar="VERDICT_CONFIG", help="The rollup's TOML file."),
]
LogFormat = Annotated[
    LogFormatOption, typer.Option("--log-format", help="Logs for people or for machines; they go to standard error.")
]
LogLevel = Annotated[LogLevelOption, typer.Option("--log-level", help="The least important message that is logged.")]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object on standard output, for machines.")]
L2Option = Annotated[
    str,
    typer.Option("--l2-rpc", metavar="URL", envvar="VERDICT_L2_RPC", help="JSON-RPC of a node of the L2 with its whole state "
                 "history; default: the configuration's sequencer, else its node."),
]
