"""`data_dir/deployment.json`: where a rollup's contracts are, and the genesis they were given.

The file is written after each stage of `verdict deploy` (atomically, by a rename), so a deployment that was
interrupted resumes. Daemons only take a complete one whose fingerprint is that of their configuration.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from verdict.config import Config

if TYPE_CHECKING:
    from verdict.genesis import L1Addresses

STAGES = ("kzg_setup", "step_verifier", "inbox", "rollup", "portal", "token_bridge", "stage")
"""The contracts in the order in which they are created."""

LINKED = ("inbox", "rollup", "portal", "token_bridge")
"""Those that depend on each other's addresses, also of ones that come later: created one after the other, or all anew."""

VERSION = 4
"""Of the file, and of the contracts' interface: 4 has the Portal, and forced transactions cost."""


class DeploymentError(Exception):
    """There is no usable deployment, or it can't be made. The message says why and what to do."""


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Creation(_Record):
    """One contract creation, included in L1."""

    transaction: str  # hash
    address: str
    block_number: int
    block_hash: str
    gas_used: int


class Page(_Record):
    """A dictionary page that the TOML names, as it is on L1. `transaction` is empty if somebody else had published it."""

    file: str  # its name in the TOML's directory, for people
    address: str
    size: int  # bytes
    transaction: str
    gas_used: int


class Genesis(_Record):
    """Of the L2. Hashes are 0x hex."""

    state_root: str
    block_hash: str
    commitment: str  # of the genesis StepState, 31 bytes


class Progress(_Record):
    """The file as it is, finished or not."""

    version: int = VERSION
    name: str
    fingerprint: str  # Config.fingerprint()
    l1_chain_id: int
    l2_chain_id: int
    deployer: str
    predicted: dict[str, str]  # addresses of the LINKED contracts
    genesis: Genesis
    contracts: dict[str, Creation] = {}
    pages: tuple[Page, ...] = ()  # those of `data.dictionary`, in its order
    complete: bool = False

    @property
    def l1_addresses(self) -> L1Addresses:
        """What L2's genesis needs to know, before it is there."""
        return l1_addresses(self.predicted["portal"], self.predicted["token_bridge"])


class Deployment(_Record):
    """A complete deployment. Addresses are checksummed, hashes 0x hex."""

    name: str
    fingerprint: str
    l1_chain_id: int
    l2_chain_id: int
    step_verifier: str
    inbox: str
    rollup: str
    portal: str
    token_bridge: str
    stage: str
    genesis: Genesis
    pages: tuple[str, ...] = ()  # addresses of the dictionary's pages that `data.dictionary` named
    block_number: int  # of the L1 block with the first contract: nothing of the rollup lies before it
    block_hash: str

    @property
    def l1_addresses(self) -> L1Addresses:
        """What L2's genesis was made with."""
        return l1_addresses(self.portal, self.token_bridge)

    @classmethod
    def load(cls, config: Config) -> Deployment:
        """The deployment that `config` names. Raises DeploymentError."""
        path = config.deployment_path
        progress = load_progress(path)
        if progress is None:
            raise DeploymentError(f"{config.name} is not deployed: {path} does not exist; run `verdict deploy`")
        check_version(progress, config)
        if not progress.complete:
            raise DeploymentError(f"{path}: the deployment was interrupted; run `verdict deploy` again, it resumes")
        check_fingerprint(progress, config)
        return cls.of(progress)

    @classmethod
    def of(cls, progress: Progress) -> Deployment:
        """Of a complete `progress`."""
        made = progress.contracts
        first = min((made[stage] for stage in STAGES), key=lambda creation: creation.block_number)
        return cls(
            name=progress.name,
            fingerprint=progress.fingerprint,
            l1_chain_id=progress.l1_chain_id,
            l2_chain_id=progress.l2_chain_id,
            genesis=progress.genesis,
            pages=tuple(page.address for page in progress.pages),
            block_number=first.block_number,
            block_hash=first.block_hash,
            step_verifier=made["step_verifier"].address,
            inbox=made["inbox"].address,
            rollup=made["rollup"].address,
            portal=made["portal"].address,
            token_bridge=made["token_bridge"].address,
            stage=made["stage"].address,
        )


def l1_addresses(portal: str, token_bridge: str) -> L1Addresses:
    """Of 0x hex."""
    # Here, as it brings the execution package along, and with that the time to load it.
    from verdict.genesis import L1Addresses

    return L1Addresses(bytes.fromhex(portal[2:]), bytes.fromhex(token_bridge[2:]))


def load_progress(path: Path) -> Progress | None:
    """None if the file does not exist. Raises DeploymentError if it is damaged."""
    try:
        return Progress.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise DeploymentError(f"{path} is not a deployment: {error}") from None


def save_progress(path: Path, progress: Progress) -> None:
    """Atomic and durable: after a crash the file is the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("w") as file:
        file.write(progress.model_dump_json(indent=2) + "\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def check_version(progress: Progress, config: Config) -> None:
    """Refuses contracts of another version of Verdict: they can't be upgraded, and this one can't talk to them."""
    if progress.version != VERSION:
        raise DeploymentError(
            f"{config.deployment_path} is of version {progress.version}, this program needs {VERSION}: the contracts have "
            "other interfaces (the Portal came with version 4) and can't be upgraded. Run the version of Verdict that "
            "deployed them, or deploy a new rollup with a data_dir of its own (`verdict deploy --reset` if L1 was started "
            "afresh)")


def check_fingerprint(progress: Progress, config: Config) -> None:
    """Refuses a configuration that defines another rollup than the one deployed."""
    if progress.l1_chain_id != config.l1.chain_id:
        raise DeploymentError(
            f"{config.deployment_path} is of L1 chain {progress.l1_chain_id}, l1.chain_id is {config.l1.chain_id}"
        )
    if progress.fingerprint != config.fingerprint():
        raise DeploymentError(
            f"[rollup] or [dispute] was changed after {config.name} was deployed; change it back, or give the new "
            f"rollup its own data_dir (the deployed one is in {config.deployment_path})"
        )
