"""Puts a rollup on L1: checks first, then the contracts of `deployment.STAGES` and the dictionary's pages, each step kept in
deployment.json.

Everything that can be found wrong without a transaction is found before the first one. The creations go through
the transaction manager under labels, so however often a deployment is interrupted and resumed, each happens once. Only if
the deployer sends something else in between are the LINKED contracts not where they were predicted: then they are made anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eth_account.signers.local import LocalAccount
from eth_utils import to_checksum_address

from execution.abi import commitment
from execution.encoding import keccak
from l1.artifacts import address_bytes, artifact, error_names
from l1.candidates import InsufficientFunds, L1Receipt, TransactionError, TransactionPolicy, TxCandidate
from l1.client import L1Client, L1Unavailable
from l1.contracts import Inbox
from l1.fees import FeeCaps
from l1.pointers import pointer_address
from l1.rpc_errors import RpcError
from l1.txmanager import JsonRpc, TransactionManager
from verdict.config import Config
from verdict.deployment import (
    LINKED,
    STAGES,
    Creation,
    Deployment,
    DeploymentError,
    Genesis,
    Page,
    Progress,
    check_fingerprint,
    check_version,
    l1_addresses,
    load_progress,
    save_progress,
)
from verdict.dictionary.pages import read_page
from verdict.dictionary.publish import PublishedPage, publish_pages, publishing_gas
from verdict.errors import L1Problem
from verdict.genesis import genesis_state
from verdict.predicted import predict

EXECUTE = "0x0000000000000000000000000000000000000101"
ZERO_ADDRESS = "0x" + "00" * 20
CONTRACTS = {
    "kzg_setup": "KzgSetup", "step_verifier": "StepVerifier", "inbox": "Inbox", "rollup": "Rollup", "portal": "Portal",
    "token_bridge": "TokenBridge", "stage": "Stage",
}
GAS_ESTIMATE = 18_000_000
"""L1 gas that the creations take together, at most: what the deployer must be able to pay."""

PLANS = 3
"""How often the LINKED contracts are begun anew before somebody else's use of the key is called an error."""

@dataclass(frozen=True, slots=True)
class Stage:
    """What `deploy` reports: a check that passed, or a contract that now exists."""

    name: str
    detail: str
    transaction: str = ""  # 0x hash
    gas_used: int = 0


Report = Callable[[Stage], None]


class _Moved(Exception):
    """A contract isn't where it was predicted, or can't be made there."""


async def deploy(config: Config, account: LocalAccount, rpc: L1Client, report: Report = lambda stage: None) -> Deployment:
    """Deploys, or resumes, or finds that all is done. Raises DeploymentError or L1Problem."""
    pages = [(path.name, read_page(path)) for path in config.data.dictionary]
    progress = load_progress(config.deployment_path)
    if progress is not None:
        check_version(progress, config)
        check_fingerprint(progress, config)
    await check_l1(config, rpc, report)
    if progress is not None:
        await _check_contracts(config, progress, rpc)
        if progress.complete and _has_pages(progress, pages):
            report(Stage("done", f"{config.name} is deployed already: {config.deployment_path}"))
            return Deployment.of(progress)
        if progress.deployer != account.address:
            raise DeploymentError(
                f"{config.deployment_path} was begun by {progress.deployer}, and the key is {account.address}'s"
            )
    else:
        await check_gas_token(config, rpc)
        await _check_balance(account, rpc, pages)
        progress = _planned(config, account.address, await _nonce(account.address, rpc))
        save_progress(config.deployment_path, progress)
    report(Stage("genesis", f"state root {progress.genesis.state_root}"))

    async with TransactionManager(
        rpc, account.key.hex(), config.l1.chain_id, config.data_dir / "deployer", transaction_policy(config), errors=error_names()
    ) as transactions:
        progress = await _create_all(config, progress, rpc, transactions, report)
        progress = await _publish(config, progress, pages, rpc, transactions, report)
    await _verify(progress, rpc)
    progress = progress.model_copy(update={"complete": True})
    save_progress(config.deployment_path, progress)
    report(Stage("done", str(config.deployment_path)))
    return Deployment.of(progress)


async def check_l1(config: Config, rpc: JsonRpc, report: Report = lambda stage: None) -> None:
    """Is it the chain that the configuration says, and does it have EXECUTE? Raises L1Problem."""
    chain_id = int(await _ask(config, rpc, "eth_chainId", []), 16)
    if chain_id != config.l1.chain_id:
        raise L1Problem(f"{config.l1.rpc_url} is chain {chain_id}, and l1.chain_id says {config.l1.chain_id}")
    try:
        answer = await _ask(config, rpc, "eth_call", [{"to": EXECUTE, "data": _call("IExecute", "gasPrice")}, "latest"])
    except RpcError as error:
        raise L1Problem(f"{config.l1.rpc_url} has no EXECUTE precompile at {EXECUTE}: {error}") from None
    if len(answer) != 66:
        raise L1Problem(f"{config.l1.rpc_url} has no EXECUTE precompile at {EXECUTE} (its gasPrice() answers nothing)")
    report(Stage("l1", f"chain {chain_id}, EXECUTE at {int(answer, 16):,} wei per gas"))


async def check_gas_token(config: Config, rpc: JsonRpc) -> None:
    """Is `rollup.gas_token` an ERC-20 that the Portal takes? Raises DeploymentError."""
    token = config.rollup.gas_token
    if token is None:
        return
    decimals = b""
    try:
        answer = await _ask(config, rpc, "eth_call", [{"to": token, "data": "0x" + keccak(b"decimals()")[:4].hex()}, "latest"])
        decimals = bytes.fromhex(answer[2:])
    except RpcError:
        pass
    if len(decimals) != 32 or int.from_bytes(decimals) > 18:
        raise DeploymentError(
            f"rollup.gas_token: {token} is no ERC-20 with at most 18 decimals on {config.l1.rpc_url} (its decimals() "
            f"answers {'0x' + decimals.hex() if decimals else 'nothing'})")


def _planned(config: Config, deployer: str, nonce: int, made: Mapping[str, Creation] | None = None) -> Progress:
    """A deployment that goes on with the deployer's transaction `nonce`. `made`: contracts that are there, no LINKED ones."""
    made = dict(made or {})
    order = [stage for stage in ("kzg_setup", "step_verifier", *LINKED) if stage not in made]
    predicted = predict(deployer, nonce, order)
    genesis = genesis_state(config, l1_addresses(predicted["portal"], predicted["token_bridge"]))
    return Progress(
        name=config.name,
        fingerprint=config.fingerprint(),
        l1_chain_id=config.l1.chain_id,
        l2_chain_id=config.rollup.chain_id,
        deployer=deployer,
        predicted={stage: predicted[stage] for stage in LINKED},
        contracts=made,
        genesis=Genesis(
            state_root="0x" + genesis.state_root.hex(),
            block_hash="0x" + genesis.block_hash.hex(),
            commitment="0x" + commitment(genesis).hex(),
        ),
    )


def creation_code(stage: str, config: Config, genesis: Genesis, addresses: Mapping[str, str]) -> bytes:
    """A contract's code and its constructor's arguments, as solidity/src has them. `addresses`: of the other contracts."""
    rollup, dispute = config.rollup, config.dispute
    contract = artifact(CONTRACTS[stage])
    if stage == "step_verifier":
        fork = b"prague".ljust(32, b"\0")
        return contract.deployment(
            rollup.chain_id, fork, rollup.tx_gas_cap, rollup.fee_recipient, rollup.gas_limit, rollup.max_drift,
            addresses["kzg_setup"])
    if stage == "inbox":
        timeout = rollup.exclusive_timeout if rollup.sequencer else 0
        return contract.deployment(
            rollup.sequencer or ZERO_ADDRESS, timeout, rollup.max_origin_age, addresses["portal"], rollup.force_fee)
    if stage == "portal":
        return contract.deployment(
            addresses["inbox"], addresses["rollup"], rollup.gas_token or ZERO_ADDRESS, rollup.burned_fees_to or ZERO_ADDRESS)
    if stage == "token_bridge":
        return contract.deployment(addresses["portal"])
    if stage in ("kzg_setup", "stage"):
        return contract.deployment()
    return contract.deployment((
        addresses["inbox"],
        addresses["step_verifier"],
        dispute.stride,
        dispute.arity,
        dispute.window,
        dispute.clock,
        dispute.assertion_bond,
        dispute.challenge_bond,
        dispute.reward,
        bytes.fromhex(genesis.state_root[2:]),
        bytes.fromhex(genesis.block_hash[2:]),
    ))


async def _create_all(
    config: Config, progress: Progress, rpc: JsonRpc, transactions: TransactionManager, report: Report,
) -> Progress:
    """All contracts; those that are LINKED where they know each other to be. Raises DeploymentError."""
    for _ in range(PLANS):
        try:
            for stage in STAGES:
                progress = await _create(stage, config, progress, rpc, transactions, report)
            return progress
        except _Moved as moved:
            report(Stage("again", f"{moved}: the contracts that need each other's addresses are made anew"))
            progress = load_progress(config.deployment_path) or progress
            kept = {stage: made for stage, made in progress.contracts.items() if stage not in LINKED}
            progress = _planned(config, progress.deployer, await _nonce(progress.deployer, rpc), kept)
            save_progress(config.deployment_path, progress)
    raise DeploymentError(f"{progress.deployer} sends other transactions all the time: deploy with a key of its own")


async def _create(
    stage: str,
    config: Config,
    progress: Progress,
    rpc: JsonRpc,
    transactions: TransactionManager,
    report: Report,
) -> Progress:
    """One contract. Raises _Moved, DeploymentError."""
    if stage in progress.contracts:
        report(Stage(stage, f"{progress.contracts[stage].address} (made before)"))
        return progress
    addresses = progress.predicted | {name: creation.address for name, creation in progress.contracts.items()}
    code = creation_code(stage, config, progress.genesis, addresses)
    plan = f" {progress.predicted['portal']}" if stage in LINKED else ""
    label = f"deploy {stage} {progress.fingerprint}{plan}"
    try:
        receipt: L1Receipt = await transactions.send(TxCandidate(to=None, data=code, label=label))
    except InsufficientFunds as error:
        raise DeploymentError(f"{progress.deployer} can't pay for {CONTRACTS[stage]}: {error}") from None
    except TransactionError as error:
        if stage in LINKED:
            nonce = await _nonce(progress.deployer, rpc)
            if predict(progress.deployer, nonce, [stage])[stage] != progress.predicted[stage]:
                raise _Moved(f"{progress.deployer} has sent another transaction") from None
        raise DeploymentError(f"L1 refuses {CONTRACTS[stage]}: {error}") from None
    if receipt.contract_address is None:
        raise DeploymentError(f"transaction 0x{receipt.tx_hash.hex()} made no contract")
    creation = Creation(
        transaction="0x" + receipt.tx_hash.hex(),
        address=to_checksum_address(receipt.contract_address),
        block_number=receipt.block_number,
        block_hash="0x" + receipt.block_hash.hex(),
        gas_used=receipt.gas_used,
    )
    if creation.address != progress.predicted.get(stage, creation.address):
        raise _Moved(f"{stage} is at {creation.address}, not at {progress.predicted[stage]}")
    progress = progress.model_copy(update={"contracts": {**progress.contracts, stage: creation}})
    save_progress(config.deployment_path, progress)
    report(Stage(stage, creation.address, creation.transaction, receipt.gas_used))
    return progress


async def _publish(
    config: Config,
    progress: Progress,
    pages: Sequence[tuple[str, bytes]],
    rpc: L1Client,
    transactions: TransactionManager,
    report: Report,
) -> Progress:
    """The dictionary's pages. They can be more, or others, each time: what is on L1 stays."""
    published: list[Page] = []

    def done(page: PublishedPage) -> None:
        address = to_checksum_address(page.pointer)
        before = next((known for known in progress.pages if known.address == address), None)
        transaction = f"0x{page.transaction.hex()}" if page.transaction else ""
        published.append(before or Page(
            file=page.name, address=address, size=page.size, transaction=transaction, gas_used=page.gas_used))
        report(Stage(f"page {page.name}", address if transaction else f"{address} (there before)", transaction, page.gas_used))

    await publish_pages(pages, Inbox(rpc, progress.contracts["inbox"].address), transactions, done)
    progress = progress.model_copy(update={"pages": tuple(published)})
    save_progress(config.deployment_path, progress)
    return progress


def _has_pages(progress: Progress, pages: Sequence[tuple[str, bytes]]) -> bool:
    """Whether just these pages are recorded, in this order."""
    inbox = address_bytes(progress.contracts["inbox"].address)
    wanted = [to_checksum_address(pointer_address(inbox, data)) for _, data in pages]
    return [page.address for page in progress.pages] == wanted


async def _check_balance(account: LocalAccount, rpc: JsonRpc, pages: Sequence[tuple[str, bytes]]) -> None:
    balance = int(await rpc.request("eth_getBalance", [account.address, "latest"]), 16)
    price = int(await rpc.request("eth_gasPrice", []), 16)
    gas = GAS_ESTIMATE + sum(publishing_gas(data) for _, data in pages)
    if balance < gas * price:
        raise DeploymentError(
            f"{account.address} has {balance / 1e18:.4f} ether; contracts and pages take about {gas:,} gas, "
            f"{gas * price / 1e18:.4f} ether at this price"
        )


async def _check_contracts(config: Config, progress: Progress, rpc: JsonRpc) -> None:
    """An in-memory L1 that was restarted has none of what deployment.json says."""
    for stage, creation in progress.contracts.items():
        if await rpc.request("eth_getCode", [creation.address, "latest"]) in ("0x", None):
            raise DeploymentError(
                f"{config.l1.rpc_url} has no {CONTRACTS[stage]} at {creation.address}, where "
                f"{config.deployment_path} says it is. If that L1 was started afresh, "
                "`verdict deploy --reset` puts the old data aside and begins anew"
            )


async def check_deployment(config: Config, rpc: JsonRpc) -> Deployment:
    """The deployment of `config`, found on its L1 as well. What daemons do before anything else."""
    deployment = Deployment.load(config)
    await check_l1(config, rpc)
    progress = load_progress(config.deployment_path)
    assert progress is not None
    await _check_contracts(config, progress, rpc)
    return deployment


async def _nonce(account: str, rpc: JsonRpc) -> int:
    """Of the next transaction, after those that wait in the pool."""
    return int(await rpc.request("eth_getTransactionCount", [account, "pending"]), 16)


async def _verify(progress: Progress, rpc: JsonRpc) -> None:
    """What the contract took as genesis is what every node computes."""
    rollup = progress.contracts["rollup"].address
    answer = await rpc.request("eth_call", [{"to": rollup, "data": _call("Rollup", "latestConfirmed")}, "latest"])
    found = artifact("Rollup").answer("latestConfirmed", bytes.fromhex(answer[2:]))
    genesis = progress.genesis
    if found != (b"\0" * 32, 0, bytes.fromhex(genesis.state_root[2:]), bytes.fromhex(genesis.block_hash[2:])):
        raise DeploymentError(f"the Rollup at {rollup} has another genesis: {found}")


def transaction_policy(config: Config) -> TransactionPolicy:
    """Of what is sent for the rollup by hand: fees and patience as the sequencer's."""
    settings = config.sequencer.transactions
    return TransactionPolicy(
        caps=FeeCaps(settings.max_fee, settings.max_blob_fee, settings.min_tip),
        resubmit_after=settings.resubmit_after,
        confirmations=config.l1.confirmations,
        poll=min(1.0, config.l1.slot / 2),
    )


async def _ask(config: Config, rpc: JsonRpc, method: str, params: list[Any]) -> Any:
    try:
        return await rpc.request(method, params)
    except (L1Unavailable, OSError, TimeoutError) as error:
        raise L1Problem(f"no L1 at {config.l1.rpc_url} ({error or type(error).__name__}); is `verdict l1` up?") from None


def _call(contract: str, function: str) -> str:
    return "0x" + artifact(contract).call(function).hex()
