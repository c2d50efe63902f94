"""Logs of all daemons: structlog, to standard error, for people ("console") or machines ("json")."""

from __future__ import annotations

import logging
import re
import sys
from typing import Literal

import structlog

LogFormat = Literal["console", "json"]
LEVELS = ("debug", "info", "warning", "error")

_QUIET = ("aiohttp", "web3", "urllib3", "asyncio", "eth", "eth_account", "websockets")


def configure_logging(log_format: LogFormat = "console", level: str = "info") -> None:
    """Sets up structlog and the standard library's logging alike. `level` is one of LEVELS."""
    number = getattr(logging, level.upper())
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso" if log_format == "json" else "%H:%M:%S", utc=log_format == "json"),
        structlog.processors.StackInfoRenderer(),
    ]
    renderer: list[structlog.types.Processor]
    if log_format == "json":
        renderer = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=_plain)]
    else:
        renderer = [structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), pad_event_to=36, exception_formatter=structlog.dev.plain_traceback
            )]
    structlog.configure(
        processors=[*shared, _hex_bytes, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        _WithoutSecrets(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(number)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))


_URL = re.compile(r"\b(https?|wss?)://([^\s/?#\"'<>\\]+)([^\s\"'<>)\]\\]*)")
_LOCAL = re.compile(r"(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$")


def without_secrets(text: str) -> str:
    """URLs of other machines are cut to scheme and host: providers' keys lie in the rest, and passwords before the host."""
    def cut(found: re.Match[str]) -> str:
        scheme, authority, rest = found.groups()
        host = authority.rsplit("@", 1)[-1]
        if _LOCAL.fullmatch(host):
            return f"{scheme}://{host}{rest}"
        return f"{scheme}://{host}" + ("/…" if rest.strip("/.,;:") else rest)

    return _URL.sub(cut, text)


class _WithoutSecrets(structlog.stdlib.ProcessorFormatter):
    """What is written, tracebacks and other libraries' lines too, goes through `without_secrets`."""

    def format(self, record: logging.LogRecord) -> str:
        return without_secrets(super().format(record))


def _hex_bytes(
    _logger: object, _method: str, event: structlog.types.EventDict
) -> structlog.types.EventDict:
    """Hashes and addresses as 0x hex."""
    return {key: "0x" + value.hex() if isinstance(value, bytes) else value for key, value in event.items()}


def _plain(value: object) -> object:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)
