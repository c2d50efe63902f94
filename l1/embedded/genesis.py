"""Block 0 of the embedded L1: funded devnet accounts, the CREATE2 deployer and EXECUTE's own account."""

from __future__ import annotations

from functools import lru_cache

from eth_account import Account
from eth_account.signers.local import LocalAccount

from execution.genesis import GenesisAccount, build_genesis
from execution.header import Header
from l1.embedded.meter import EXECUTE_ADDRESS, PRICE_SLOT
from l1.embedded.precompile import EXECUTE_CODE
from l1.embedded.settings import EmbeddedL1Settings

CREATE2_DEPLOYER = bytes.fromhex("4e59b44847b379578588920ca78fbf26c0b4956c")
CREATE2_DEPLOYER_CODE = bytes.fromhex(
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe0"
    "3601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3"
)
"""github.com/Arachnid/deterministic-deployment-proxy: `forge script` deploys through it."""


@lru_cache(maxsize=8)
def devnet_accounts(mnemonic: str, count: int) -> tuple[LocalAccount, ...]:
    """Accounts m/44'/60'/0'/0/i. A known mnemonic's keys are known to everyone."""
    Account.enable_unaudited_hdwallet_features()
    return tuple(
        Account.from_mnemonic(mnemonic, account_path=f"m/44'/60'/0'/0/{index}") for index in range(count)
    )


def l1_genesis(
    settings: EmbeddedL1Settings, genesis_time: int
) -> tuple[Header, dict[bytes, bytes], dict[bytes, bytes]]:
    """(header, trie nodes, codes) of block 0."""
    alloc = {
        bytes.fromhex(account.address[2:]): GenesisAccount(balance=settings.balance)
        for account in devnet_accounts(settings.mnemonic, settings.accounts)
    }
    alloc[CREATE2_DEPLOYER] = GenesisAccount(nonce=1, code=CREATE2_DEPLOYER_CODE)
    alloc[EXECUTE_ADDRESS] = GenesisAccount(
        nonce=1, code=EXECUTE_CODE, storage={PRICE_SLOT: settings.execute.min_gas_price}
    )
    return build_genesis(
        alloc,
        chain_id=settings.chain_id,
        gas_limit=settings.gas_limit,
        timestamp=genesis_time,
        base_fee_per_gas=settings.base_fee,
    )
