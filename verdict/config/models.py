"""The tables of a Verdict TOML file. Every default and its meaning is here and nowhere else.

Units after loading: durations are seconds, amounts wei, percentages basis points, `data_dir` is absolute.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Strict, ValidationInfo

from verdict.config.game import MAX_STEPS_PER_BATCH
from verdict.config.units import (
    Address,
    BasisPoints,
    Host,
    Interval,
    Number,
    Seconds,
    Size,
    Url,
    Wei,
    parse_address,
)

Port = Annotated[Number, Field(ge=1, le=65535)]
PortOrOff = Annotated[Number, Field(ge=0, le=65535)]
Flag = Annotated[bool, Strict()]


class Table(BaseModel):
    """A TOML table: immutable, no unknown keys, defaults written as a user would write them."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)


class ExecutePricing(Table):
    """`[l1.embedded.execute]`: the EXECUTE precompile of the embedded L1."""

    fixed_gas: Annotated[Number, Field(ge=0, le=10_000_000)] = Field(
        100_000, description="L1 gas of every EXECUTE call")
    gas_per_byte: Annotated[Number, Field(ge=0, le=1000)] = Field(
        8, description="L1 gas for each byte of the trace in a call")
    staged_gas_per_word: Annotated[Number, Field(ge=0, le=1000)] = Field(
        3, description="L1 gas for each 32 bytes of staged code, begun or whole")
    cumulative_gas_limit: Annotated[Number, Field(ge=1, lt=2**64)] = Field(
        60_000_000, description="L2 gas that all EXECUTE calls of an L1 block may use together")
    cumulative_gas_target: Annotated[Number, Field(ge=1)] = Field(
        30_000_000, description="L2 gas per L1 block above which the price of L2 gas rises")
    min_gas_price: Wei = Field("1 wei", description="price of one L2 gas when there is no demand")
    engines: tuple[str, ...] = Field(
        ("py-evm", "eels", "ethereumjs?"),
        description='independent engines that judge each call; "?" behind one: only where it is installed')
    threshold: Annotated[Number, Field(ge=1)] = Field(
        2, description="how many of them must agree; more than half")
    time_limit: Interval = Field("20s", description="time of each engine for a call; none has a say that needs longer")
    memory_limit: Size = Field("2 GiB", description="memory of each engine's process")


class EmbeddedL1(Table):
    """`[l1.embedded]`: the L1 that `verdict l1` runs on this machine."""

    host: Host = Field("127.0.0.1", description="address to listen on")
    port: Port = Field(8545, description="port of the JSON-RPC")
    beacon_port: Port = Field(5052, description="port of the beacon API, for blobs")
    metrics_port: PortOrOff = Field(0, description="port of the Prometheus metrics of EXECUTE's engines; 0: off")
    block_time: Interval = Field("2s", description="a block every so often")
    gas_limit: Annotated[Number, Field(ge=16_777_216, le=1_000_000_000)] = Field(
        36_000_000, description="gas of an L1 block; a step proof may take up to 16,777,216")
    base_fee: Wei = Field("1 gwei", description="base fee of the first block")
    persistent: Flag = Field(False, description="keep the chain in data_dir/l1; otherwise in memory")
    accounts: Annotated[Number, Field(ge=1, le=100)] = Field(
        10, description="how many accounts of the well-known test mnemonic are funded")
    balance: Wei = Field("10000 ether", description="what each of them has")
    automine: Flag = Field(False, description="a block for each transaction as it comes, besides those of the timer")
    finality_depth: Annotated[Number, Field(ge=0, le=100_000)] = Field(
        0, description="blocks from the head to the finalized one; the safe one is half as deep")
    seconds_per_slot: Annotated[Number, Field(ge=1, le=3600)] = Field(
        1, description="timestamps are multiples of it, counted from genesis")
    blob_retention: Annotated[Number, Field(ge=1, lt=2**32)] = Field(
        131_072, description="blocks whose blobs are kept")
    execute: ExecutePricing = Field(default_factory=ExecutePricing, description="the EXECUTE precompile")


class L1(Table):
    """`[l1]`: the chain that the rollup settles on."""

    rpc_url: Url = Field(description="JSON-RPC of an execution client")
    beacon_url: Url = Field(description="beacon API of a consensus client that still has the blobs")
    chain_id: Annotated[Number, Field(ge=1, lt=2**63)] = Field(description="checked against what rpc_url answers")
    block_time: Interval | None = Field(
        None, description="time between L1 blocks; from `l1.embedded` if that is given, else 12s")
    confirmations: Annotated[Number, Field(ge=0, le=1000)] = Field(
        0, description="L1 blocks on top before the daemons act on one")
    embedded: EmbeddedL1 | None = Field(None, description="only for `verdict l1`")

    @property
    def slot(self) -> float:
        """Seconds between L1 blocks."""
        if self.block_time is not None:
            return self.block_time
        return self.embedded.block_time if self.embedded else 12.0


class Allocation(Table):
    """`[[rollup.alloc]]`: an account of the L2 genesis."""

    address: Address = Field(description="the account")
    balance: Wei = Field(description="what it has in the genesis block")


class Rollup(Table):
    """`[rollup]`: what the L2 chain is. Nothing here can be changed after deployment."""

    chain_id: Annotated[Number, Field(ge=1, lt=2**63)] = Field(description="of the L2; not the L1's")
    gas_limit: Annotated[Number, Field(ge=1_000_000, le=1_000_000_000)] = Field(
        30_000_000, description="gas of an L2 block")
    tx_gas_cap: Annotated[Number, Field(ge=100_000, le=16_777_216)] = Field(
        16_777_216, description="gas that one transaction may ask for; how much a lie in it can cost to prove, "
        "see the trust model")
    fee_recipient: Address = Field(description="who gets the L2 priority fees")
    burned_fees_to: Address | None = Field(
        None, description="L1 address that is credited, out of the escrow, what L2's base fees burned; nobody if it is left out")
    base_fee: Wei = Field("1 gwei", description="base fee of the genesis block")
    max_drift: Seconds = Field("30m", description="how far L2 time may run ahead of a batch's L1 origin")
    sequencing: Literal["single", "based"] = Field(
        "single", description='"single": `sequencer` posts batches; "based": anyone does')
    sequencer: Address | None = Field(None, description='who may post batches; only with sequencing = "single"')
    exclusive_timeout: Seconds = Field(
        "24h", description="a sequencer silent for so long loses its exclusive right")
    max_origin_age: Annotated[Number, Field(ge=1, le=8190)] = Field(
        7200, description="L1 blocks that a batch's origin may be old; EIP-2935 remembers 8191")
    gas_token: Address | None = Field(
        None, description="ERC-20 on L1 that is L2's money, with at most 18 decimals, no transfer fees and no rebasing; ether if "
        "it is left out")
    force_fee: Wei = Field(
        "0.0001 ether", description="what forcing a transaction through L1 costs at rest, in ether; burned. It rises by e for "
        "16 more than L1 blocks pass")
    alloc: tuple[Allocation, ...] = Field((), description="accounts of the L2 genesis")


class Dispute(Table):
    """`[dispute]`: assertions and games. Nothing here can be changed after deployment."""

    stride: Annotated[Number, Field(ge=0, le=MAX_STEPS_PER_BATCH)] = Field(
        16, description="steps between two checkpoints; 1: no games at all, 0: none inside a batch")
    arity: Annotated[Number, Field(ge=2, le=64)] = Field(2, description="parts into which a round splits an interval")
    window: Seconds = Field("7d", description="how long an assertion can be challenged")
    clock: Seconds = Field("1d", description="time of each side in a game, all its moves together")
    assertion_bond: Wei = Field("1 ether", description="staked with each assertion, returned when it confirms")
    challenge_bond: Wei = Field("0.1 ether", description="staked to open a game, lost if the game is lost")
    reward: BasisPoints = Field(
        "10%", description="share of the assertion bond paid for a kill, above its costs; at most 50%")


def _path(value: object, info: ValidationInfo) -> Path:
    if not isinstance(value, (str, Path)) or not str(value):
        raise ValueError('is not a path; write one as in "../data/devnet"')
    base = (info.context or {}).get("base", Path.cwd())
    return (Path(base) / Path(value).expanduser()).resolve()


def _page(value: object, info: ValidationInfo) -> str | Path:
    if isinstance(value, str) and value[:2] in ("0x", "0X"):
        return parse_address(value)
    return _path(value, info)


PathToFile = Annotated[Path, BeforeValidator(_path)]
PageName = Annotated[str | Path, BeforeValidator(_page)]


class Data(Table):
    """`[data]`: the dictionary that batches are packed with, see docs/dictionary.md."""

    dictionary: tuple[PathToFile, ...] = Field(
        (), description="files of pages that `verdict deploy` publishes on L1; relative to this file")


class Transactions(Table):
    """`[sequencer.transactions]`, `[challenger.transactions]`: how transactions are brought into L1."""

    resubmit_after: Interval = Field("48s", description="not included for so long: sent again at a higher fee")
    max_fee: Wei = Field("500 gwei", description="never bid more per gas")
    max_blob_fee: Wei = Field("500 gwei", description="never bid more per blob gas")
    min_tip: Wei = Field("1 gwei", description="lowest priority fee per gas")


PAGE = "serve the web page there, at /view/ (docs/web.md)"


class Mempool(Table):
    """`[sequencer.mempool]`: limits of the L2 transaction pool."""

    max_transactions: Annotated[Number, Field(ge=1, le=10_000_000)] = Field(
        10_000, description="transactions in the pool; the worst paying leave first")
    max_per_sender: Annotated[Number, Field(ge=1, le=100_000)] = Field(64, description="transactions of one sender")


class Sequencer(Table):
    """`[sequencer]`: the sequencer daemon."""

    host: Host = Field("127.0.0.1", description="address to listen on")
    port: Port = Field(9545, description="port of the L2 JSON-RPC, HTTP and WebSocket")
    page: Flag = Field(True, description=PAGE)
    block_time: Interval = Field("1s", description="an L2 block every so often")
    empty_blocks: Flag = Field(False, description="make blocks without transactions too")
    batch_interval: Interval = Field("30s", description="a batch is posted at least so often while there is data")
    target_blobs: Annotated[Number, Field(ge=1, le=6)] = Field(
        1, description="a batch is posted as soon as it fills so many blobs")
    data: Literal["blobs", "calldata", "auto"] = Field(
        "blobs", description='where batches lie; "auto": where it is cheaper at the L1 prices of the moment')
    pages: tuple[PageName, ...] | None = Field(
        None, description="pages that new batches name, the text first: addresses on L1, or files; without this key those "
        "that `verdict deploy` published, and with an empty list none")
    stagger: Interval | None = Field(
        None, description="where anyone may post: a batch after our own waits so long, and while others post too each one waits "
        "a part of it, drawn anew each time, so that races are seen before they cost anything; two L1 blocks if it is left out")
    due_patience: Interval = Field(
        "30s", description="there, deposits and forced transactions alone are left to others' batches for so long")
    assert_patience: Interval = Field(
        "1m", description="a batch that somebody else posted is left to others to assert for so long, and up to twice that")
    settlement: Literal["optimistic", "instant"] = Field(
        "optimistic", description='"optimistic": batches are asserted and wait for dispute.window; "instant": each is proved on '
        "L1 by EXECUTE at once, at a price (docs/settlement.md), and asserted only where it does not fit")
    assert_batches: Flag = Field(True, description="assert or settle the result of every batch, and defend what is asserted")
    confirm: Flag = Field(True, description="confirm assertions whose window has passed")
    poll: Interval = Field("1s", description="how often L1 is asked for news")
    metrics_port: PortOrOff = Field(0, description="port of the Prometheus metrics; 0: off")
    mempool: Mempool = Field(default_factory=Mempool, description="limits of the transaction pool")
    transactions: Transactions = Field(default_factory=Transactions, description="its transactions on L1")


class Blobs(Table):
    """`[blobs]`: where the daemons get blobs from, and how long they keep them. Each verifies every blob it is given."""

    beacon_urls: tuple[Url, ...] = Field((), description="further beacon APIs, asked after `l1.beacon_url`")
    peer_urls: tuple[Url, ...] = Field(
        (), description="other Verdict daemons that serve their archives (the URL of a sequencer's or node's JSON-RPC), "
        "asked last")
    hedge_after: Interval = Field("2s", description="a source silent for so long: the next one is asked too")
    timeout: Interval = Field("10s", description="of one request")
    keep_for: Seconds = Field(
        "30d", description="blobs younger than that stay in the archive, and so do those of batches that L1 has not "
        "finalized or whose assertion isn't confirmed; at least dispute.window and a day")
    workers: Annotated[Number, Field(ge=0, le=64)] = Field(
        1, description="processes that verify and decode blobs ahead of execution while a daemon catches up, and in a "
        "sequencer one that commits to its blobs and proves them; 0: none")
    max_size: Size | None = Field(
        None, description="older ones stay as long as the archive is below this size; none of them if it is left out")


class Node(Table):
    """`[node]`: a node that derives the chain from L1 and serves it, read-only."""

    host: Host = Field("127.0.0.1", description="address to listen on")
    port: Port = Field(9546, description="port of the L2 JSON-RPC, HTTP and WebSocket, and of its blob archive")
    page: Flag = Field(True, description=PAGE)
    sequencer_url: Url | None = Field(
        None, description="JSON-RPC that transactions are handed on to; without it they are refused")
    poll: Interval = Field("1s", description="how often L1 is asked for news")
    metrics_port: PortOrOff = Field(0, description="port of the Prometheus metrics; 0: off")


class Challenger(Table):
    """`[challenger]`: the challenger daemon."""

    l1_rpc_urls: tuple[Url, ...] = Field(
        (), description="further L1 clients; while they disagree with `l1.rpc_url` the challenger waits")
    host: Host = Field("127.0.0.1", description="address to listen on with port")
    port: PortOrOff = Field(0, description="port of the web page, of /healthz and of its blob archive; 0: off")
    page: Flag = Field(True, description=PAGE)
    poll: Interval = Field("1s", description="how often L1 is asked for news")
    max_proof_calldata: Annotated[Number, Field(ge=1_000, le=1_000_000)] = Field(
        100_000, description="bytes; a step proof with more has its witness staged as contract code. Public mempools take "
        "131,072 a transaction")
    chunk_proofs: Literal["auto", "cell", "points"] = Field(
        "auto", description='how a step proof opens a blob: "cell": one proof over EIP-2537; "points": 64 point evaluations, '
        'for 2.8 million more gas; "auto": cell proofs if L1 has EIP-2537')
    metrics_port: PortOrOff = Field(0, description="port of the Prometheus metrics; 0: off")
    transactions: Transactions = Field(default_factory=Transactions, description="its transactions on L1")


class Config(Table):
    """One rollup and the daemons of it that run here."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")] = Field(
        description="of the rollup: lower-case letters, digits and dashes")
    data_dir: PathToFile = Field(
        description="deployment.json, databases and keys; relative to this file")
    l1: L1
    rollup: Rollup
    dispute: Dispute = Field(default_factory=Dispute)
    data: Data = Field(default_factory=Data)
    sequencer: Sequencer = Field(default_factory=Sequencer)
    node: Node = Field(default_factory=Node)
    challenger: Challenger = Field(default_factory=Challenger)
    blobs: Blobs = Field(default_factory=Blobs)

    @property
    def deployment_path(self) -> Path:
        return self.data_dir / "deployment.json"

    def fingerprint(self) -> str:
        """sha256 (hex) over what defines the rollup: L1 chain, `[rollup]`, `[dispute]`. Daemons compare it with
        the deployment's, so that a TOML edited after deployment is noticed."""
        defining = {
            "l1_chain_id": self.l1.chain_id,
            "rollup": self.rollup.model_dump(mode="json"),
            "dispute": self.dispute.model_dump(mode="json"),
        }
        return hashlib.sha256(json.dumps(defining, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
