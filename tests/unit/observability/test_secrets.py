"""Nothing that opens a door gets into the logs."""

from __future__ import annotations

import json
import logging

import pytest
import structlog

from verdict.logging import configure_logging, without_secrets


@pytest.mark.parametrize(("text", "written"), [
    ("https://mainnet.infura.io/v3/0123abcd", "https://mainnet.infura.io/…"),
    ("at wss://user:secret@node.example:8546/ws?token=1, again", "at wss://node.example:8546/… again"),
    ("http://user:secret@127.0.0.1:8545/x", "http://127.0.0.1:8545/x"),
    ("http://localhost:8545", "http://localhost:8545"),
    ("see https://node.example.", "see https://node.example."),
    ("Cannot connect to host node.example:443 ssl:default", "Cannot connect to host node.example:443 ssl:default"),
])  # fmt: skip
def test_urls_are_cut(text: str, written: str) -> None:
    assert without_secrets(text) == written


@pytest.mark.parametrize("form", ["console", "json"])
def test_tracebacks_and_other_libraries_lines_too(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    handlers = logging.getLogger().handlers[:]
    try:
        configure_logging(form, "info")  # type: ignore[arg-type]
        try:
            raise OSError("https://mainnet.infura.io/v3/hidden")
        except OSError:
            structlog.get_logger("a").exception("failed", url="https://u:hidden@x.example/")
            logging.getLogger("other").error("https://x.example/v3/hidden")
        lines = capsys.readouterr().err
    finally:
        logging.getLogger().handlers[:] = handlers
    assert "infura.io" in lines and "x.example" in lines and "hidden" not in lines
    if form == "json":
        assert [json.loads(line)["event"] for line in lines.splitlines()] == ["failed", "https://x.example/…"]
