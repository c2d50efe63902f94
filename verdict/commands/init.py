"""`verdict init`: a new rollup's TOML."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path
from typing import Annotated

import typer

STARTER = "pages/starter.bin"  # beside the TOML, in configs/


def init(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Lower-case letters, digits and dashes.")],
    directory: Annotated[Path, typer.Option("--dir", help="Where NAME.toml is written.")] = Path("configs"),
    l1_rpc: Annotated[str, typer.Option("--l1-rpc", metavar="URL", help="An L1 that runs elsewhere.")] = "",
    l1_beacon: Annotated[str, typer.Option("--l1-beacon", metavar="URL", help="Its beacon API.")] = "",
    l1_chain_id: Annotated[int, typer.Option("--l1-chain-id", help="Its chain id.")] = 0,
    sequencer: Annotated[str, typer.Option("--sequencer", metavar="ADDRESS", help="Who may post batches.")] = "",
    dev_keys: Annotated[
        bool, typer.Option("--dev-keys", help="Put test accounts 0, 1, 2 into data_dir/keys as deployer, sequencer "
                           "and challenger. Everybody knows these keys: for the embedded L1 only.")
    ] = False,
) -> None:
    """Write configs/NAME.toml: a new rollup with a chain id of its own, every key explained.

    Without options it is a rollup on an embedded L1 on this machine and works as it stands:

        verdict init mine --dev-keys

        verdict l1 --config configs/mine.toml

    On an L1 that runs elsewhere:

        verdict init mine --l1-rpc https://... --l1-beacon https://... --l1-chain-id 11155111 --sequencer 0x...

    Nothing is ever overwritten, and no key is ever written into the TOML.
    """
    from rich.console import Console

    from verdict.config import ConfigError, Problem, load_config, parse_config
    from verdict.config.template import Choices, render
    from verdict.keys import ROLES, test_account, write_key

    elsewhere = [option for option in (l1_rpc, l1_beacon, str(l1_chain_id or ""), sequencer) if option]
    if (l1_rpc or l1_beacon or l1_chain_id) and len(elsewhere) < 4:
        raise typer.BadParameter("an L1 elsewhere needs --l1-rpc, --l1-beacon, --l1-chain-id and --sequencer")
    if dev_keys and l1_rpc:
        raise typer.BadParameter("--dev-keys is for the embedded L1 only: everybody knows these keys")
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", name):
        raise typer.BadParameter("lower-case letters, digits and dashes, at most 63", param_hint="NAME")
    path = directory / f"{name}.toml"
    if path.exists():
        raise ConfigError(str(path), [Problem("", "exists already, and is never overwritten; choose another name")])

    text = render(Choices(
        name=name,
        chain_id=secrets.randbelow(900_000_000) + 100_000_000,
        l1_rpc=l1_rpc,
        l1_beacon=l1_beacon,
        l1_chain_id=l1_chain_id,
        sequencer=sequencer or test_account(1).address,
        dictionary=(STARTER,) if (directory / STARTER).exists() else (),
    ))
    import tomllib

    parse_config(tomllib.loads(text), base=directory.resolve(), source="the options given")
    directory.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "w") as file:
        file.write(text)
    config = load_config(path)
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"wrote {path}: chain {config.rollup.chain_id} on L1 {config.l1.chain_id}")
    if dev_keys:
        for index, role in enumerate(ROLES):
            console.print(f"wrote {write_key(config.data_dir, role, test_account(index))} ({test_account(index).address})")
    steps = ["l1"] * (not l1_rpc) + ["deploy", "sequencer", "challenger"]
    console.print("next: " + ", ".join(f"verdict {step} -c {path}" for step in steps))
