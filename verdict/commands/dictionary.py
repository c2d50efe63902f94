"""`verdict dictionary`: train, publish and show the pages that batches are packed with."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from verdict.commands.options import (
    DEFAULT_CONFIG,
    ConfigOption,
    LogFormat,
    LogFormatOption,
    LogLevel,
    LogLevelOption,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from verdict.config import Config

app = typer.Typer(
    no_args_is_help=True,
    help="Dictionary pages: what a chain's transactions have in common, kept on L1 so that batches need not repeat it.",
)

LIMIT = 100_000  # transactions: training takes about a minute


@app.command()
def train(
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Where the page files are written.")],
    rpc: Annotated[str, typer.Option("--rpc", metavar="URL", help="The JSON-RPC of a node of the L2.")] = "",
    database: Annotated[
        bool, typer.Option("--database", help="The database of this configuration's sequencer, while it is not running.")
    ] = False,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="Raw transactions, one a line, hex, oldest first.")
    ] = None,
    chain_id: Annotated[
        int, typer.Option("--chain-id", help="Of the transactions in FILE; otherwise the configuration's.")] = 0,
    blocks: Annotated[int, typer.Option("--blocks", min=1, help="The newest so many blocks.")] = 10_000,
    transactions: Annotated[
        int, typer.Option("--transactions", min=1, help="At most so many transactions, the newest.")] = LIMIT,
    address_pages: Annotated[
        int, typer.Option("--address-pages", min=0, max=15, help="At most so many pages of addresses, 1,228 each.")] = 2,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Make pages from a chain's own transactions: a text, and pages of its most used addresses.

        verdict dictionary train --rpc http://127.0.0.1:9545 --blocks 50000 --out pages/2026-06

        verdict dictionary train --database --out pages/first

        verdict dictionary train --file transactions.txt --chain-id 10 --out pages/op

    Says what they would have saved: the pages are trained without the newest tenth, and tried on it, first.
    """
    from rich.console import Console

    from verdict.dictionary.pages import PageProblem, write_pages
    from verdict.dictionary.trial import train_and_try

    if sum((bool(rpc), database, file is not None)) != 1:
        raise typer.BadParameter("say where the transactions are: one of --rpc, --database and --file")
    console = Console(highlight=False, soft_wrap=True)
    if rpc:
        found_chain, history = asyncio.run(_ask(rpc, blocks, transactions, console))
        chain_id = chain_id or found_chain
    else:
        chain_id, history = _read(file, chain_id, config, blocks, transactions)
    if not history:
        raise PageProblem("there is no transaction to train from")
    console.print(f"{len(history):,} transactions, {sum(map(len, history)):,} bytes")
    pages, trial = train_and_try(history, chain_id, address_pages)
    if trial is not None:
        console.print(f"on {trial.transactions:,} held back: {trial.without:.1f} bytes a transaction without, "
                      f"{trial.with_pages:.1f} with these pages ({1 - trial.with_pages / trial.without:.1%} less)")
    for path, page in zip(write_pages(out, pages), pages, strict=True):
        console.print(f"wrote {path}  {len(page):,} bytes")
    console.print(f"next: verdict dictionary publish {' '.join(str(out / name) for name in _names(pages))}")


@app.command()
def starter(
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="The page file to write.")],
) -> None:
    """Write the text for a chain that has no history yet: well-known functions, and what calls of them look like.

    It is always the same; configs/pages/starter.bin was made by:

        verdict dictionary starter --out configs/pages/starter.bin
    """
    from verdict.dictionary.pages import PageProblem, write_page
    from verdict.dictionary.starter import starter_page

    page = starter_page()
    if out.exists() and out.read_bytes() != page:
        raise PageProblem(f"{out} is another page already, and pages are never changed; choose another name")
    out.parent.mkdir(parents=True, exist_ok=True)
    write_page(out, page)
    print(f"wrote {out}  {len(page):,} bytes")


@app.command()
def publish(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Page files, the text first.")],
    role: Annotated[
        str, typer.Option("--key", metavar="ROLE", help="Whose key pays: deployer, sequencer or challenger. Not one that a "
                          "running daemon sends with.")
    ] = "deployer",
    config: ConfigOption = DEFAULT_CONFIG,
    log_format: LogFormat = LogFormatOption.console,
    log_level: LogLevel = LogLevelOption.warning,
) -> None:
    """Put pages on L1, where batches can name them. Anyone may; a page is never changed or removed.

        VERDICT_DEPLOYER_KEY_FILE=~/keys/deployer verdict dictionary publish pages/2026-06/*.bin

    What is there already costs nothing; interrupted, it resumes where it was. A page takes about 240 gas a byte.
    """
    from rich.console import Console

    from verdict.config import load_config
    from verdict.dictionary.pages import PageProblem, read_page
    from verdict.keys import ROLES
    from verdict.logging import configure_logging

    if role not in ROLES:
        raise PageProblem(f"there is no role {role}: {', '.join(ROLES)}")
    loaded = load_config(config)
    pages = [(str(path), read_page(path)) for path in files]
    configure_logging(log_format.value, log_level.value)
    asyncio.run(_publish(loaded, role, pages, Console(highlight=False, soft_wrap=True)))


@app.command()
def show(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """The pages that the rollup has on L1, and which batches name them.

        verdict dictionary show --config configs/mine.toml
    """
    from rich.console import Console

    from verdict.config import load_config

    asyncio.run(_show(load_config(config), Console(highlight=False, soft_wrap=True)))


def _names(pages: Sequence[bytes]) -> list[str]:
    return ["text.bin", *(f"addresses-{number}.bin" for number in range(1, len(pages)))]


async def _ask(url: str, blocks: int, limit: int, console: Console) -> tuple[int, list[bytes]]:
    from l1.client import L1Client
    from verdict.dictionary.history import from_rpc

    with console.status("reading blocks") as status:
        async with L1Client(url) as rpc:
            return await from_rpc(rpc, blocks, limit, lambda read, found: status.update(
                f"{read:,} blocks, {found:,} transactions"))


def _read(file: Path | None, chain_id: int, config: Path, blocks: int, limit: int) -> tuple[int, list[bytes]]:
    from verdict.config import load_config
    from verdict.deployment import Deployment
    from verdict.dictionary.history import from_database, from_file
    from verdict.genesis import l2_genesis

    if file is not None:
        return chain_id or load_config(config).rollup.chain_id, from_file(file, limit)
    loaded = load_config(config)
    path = loaded.data_dir / "sequencer" / "chain"
    return loaded.rollup.chain_id, from_database(path, l2_genesis(loaded, Deployment.load(loaded).l1_addresses), blocks, limit)


async def _publish(config: Config, role: str, pages: list[tuple[str, bytes]], console: Console) -> None:
    from eth_utils import to_checksum_address

    from l1.artifacts import error_names
    from l1.client import L1Client
    from l1.contracts import Inbox
    from l1.txmanager import TransactionManager
    from verdict.deploy import check_deployment, transaction_policy
    from verdict.dictionary.publish import PublishedPage, publish_pages
    from verdict.keys import load_key

    key = load_key(role, config.data_dir)

    def report(page: PublishedPage) -> None:
        what = f"{page.gas_used:,} gas  0x{page.transaction.hex()}" if page.transaction else "there already"
        console.print(f"{to_checksum_address(page.pointer)}  {page.size:,} bytes  {what}  {page.name}")

    async with L1Client(config.l1.rpc_url) as rpc:
        deployment = await check_deployment(config, rpc)
        journal = config.data_dir / role if role == "deployer" else config.data_dir / role / "transactions"
        async with TransactionManager(rpc, key.key.hex(), config.l1.chain_id, journal,
                                      transaction_policy(config), errors=error_names()) as transactions:
            published = await publish_pages(pages, Inbox(rpc, deployment.inbox), transactions, report)
    console.print("for [sequencer] of the TOML, then restart the sequencer:", markup=False)
    named = ", ".join(f'"{to_checksum_address(page.pointer)}"' for page in published)
    console.print(f"pages = [{named}]", markup=False)


async def _show(config: Config, console: Console) -> None:
    from l1.client import L1Client
    from verdict.deploy import check_deployment
    from verdict.dictionary.usage import read_usage
    from verdict.onchain import Contracts

    async with L1Client(config.l1.rpc_url) as rpc:
        deployment = await check_deployment(config, rpc)
        head = await rpc.head()
        assert rpc.w3 is not None
        use = await read_usage(Contracts(rpc.w3, deployment), deployment.block_number, head.number)
    console.print(f"{len(use.pages)} pages; {use.batches:,} batches, {use.without:,} of them name none, "
                  f"{use.in_calldata:,} lie in calldata")
    for page in use.pages.values():
        place = f"  {use.current.index(page.pointer)} of the newest batch" if page.pointer in use.current else ""
        named = (f"{' and '.join(sorted(page.roles))} of {page.batches:,} batches, the newest {page.last_batch:,}"
                 if page.batches else "not named by any batch")
        console.print(f"{page.pointer}  {page.size:,} bytes  L1 block {page.block:,}  {named}{place}")
