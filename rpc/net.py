"""`net_*` and `web3_*`: who is answering."""

from __future__ import annotations

import platform

from eth_utils import keccak

from chain.view import ChainView
from rpc.codec import Data, data
from rpc.dispatch import method

VERSION = "0.1.0"


def client_version() -> str:
    """As clients name themselves: product, version, platform, language."""
    system = f"{platform.system().lower()}-{platform.machine().lower()}"
    return f"Verdict/v{VERSION}/{system}/python{platform.python_version()}"


class NetNamespace:
    def __init__(self, chain: ChainView, version: str | None = None) -> None:
        self._chain = chain
        self._version = version or client_version()

    @method("net_version")
    def net_version(self) -> str:
        return str(self._chain.rules.chain_id)

    @method("net_listening")
    def net_listening(self) -> bool:
        return True

    @method("net_peerCount")
    def net_peer_count(self) -> str:
        return "0x0"

    @method("web3_clientVersion")
    def web3_client_version(self) -> str:
        return self._version

    @method("web3_sha3")
    def web3_sha3(self, input: Data) -> str:
        return data(keccak(input))
