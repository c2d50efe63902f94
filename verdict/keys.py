"""Private keys of the daemons and of users: from the environment or a file, never from the TOML, never printed.

For the role "sequencer" (likewise "challenger", "deployer", "user"), the first that is there:

    VERDICT_SEQUENCER_KEY          the key itself, 64 hex digits
    VERDICT_SEQUENCER_KEY_FILE     a file that holds it and that only its owner can read
    data_dir/keys/sequencer        such a file, as `verdict demo` and `verdict init --dev-keys` write it
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils import ValidationError

TEST_MNEMONIC = "test test test test test test test test test test test junk"
"""Of the embedded L1's funded accounts, the same as hardhat's and anvil's. Everybody knows its keys."""

ROLES = ("deployer", "sequencer", "challenger", "user")
"""Also the order of the test accounts that play them: 0, 1, 2, 3."""

_KEY = re.compile(r"(?:0x)?([0-9a-fA-F]{64})")


class KeyProblem(Exception):
    """No key, or one that must not be used. The message says what to do and never contains a key."""


def load_key(role: str, data_dir: Path | None = None, environ: Mapping[str, str] = os.environ) -> LocalAccount:
    """The account of `role`. Raises KeyProblem."""
    variable = f"VERDICT_{role.upper()}_KEY"
    text, file = environ.get(variable, ""), environ.get(f"{variable}_FILE", "")
    if text and file:
        raise KeyProblem(f"both {variable} and {variable}_FILE are set; unset one")
    if text:
        return _account(text, variable)
    if file:
        return _account(_read(Path(file).expanduser()), file)
    if data_dir is not None and (stored := key_path(data_dir, role)).exists():
        return _account(_read(stored), str(stored))
    raise KeyProblem(
        f"no {role} key: set {variable} to it, or {variable}_FILE to a file that holds it"
        + (f", or put it into {key_path(data_dir, role)} (mode 600)" if data_dir is not None else "")
    )


def key_path(data_dir: Path, role: str) -> Path:
    return data_dir / "keys" / role


def write_key(data_dir: Path, role: str, account: LocalAccount) -> Path:
    """Stores a key that only the owner can read. An existing file is left alone: FileExistsError."""
    path = key_path(data_dir, role)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(account.key.hex().removeprefix("0x") + "\n")
    return path


def test_account(index: int) -> LocalAccount:
    """Account `index` of the well-known test mnemonic, m/44'/60'/0'/0/index."""
    Account.enable_unaudited_hdwallet_features()
    account: LocalAccount = Account.from_mnemonic(TEST_MNEMONIC, account_path=f"m/44'/60'/0'/0/{index}")
    return account


test_account.__test__ = False  # type: ignore[attr-defined]  # pytest: not a test


def _read(path: Path) -> str:
    try:
        status = path.stat()
        if stat.S_IMODE(status.st_mode) & 0o077:
            raise KeyProblem(f"{path} can be read by others (mode {stat.S_IMODE(status.st_mode):o}): chmod 600 {path}")
        return path.read_text()
    except FileNotFoundError:
        raise KeyProblem(f"{path}: there is no such key file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise KeyProblem(f"{path} can't be read: {getattr(error, 'strerror', None) or 'not a text file'}") from None


def _account(text: str, source: str) -> LocalAccount:
    match = _KEY.fullmatch(text.strip())
    if match is None:
        raise KeyProblem(f"{source} does not hold a private key: 64 hex digits, with or without 0x")
    try:
        account: LocalAccount = Account.from_key("0x" + match.group(1))
    except (ValueError, ValidationError):
        raise KeyProblem(f"{source} holds a number that is not a private key of secp256k1") from None
    return account
