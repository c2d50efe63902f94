"""JSON-RPC methods an L1 for development adds: mining, time, state edits, snapshots, reorgs.

Names and shapes are those of Hardhat and anvil; `verdict_*` are our own.
"""

from __future__ import annotations

from typing import Annotated, Any

from chain.view import BlockUnavailable
from execution.header import next_base_fee, next_excess_blob_gas
from execution.vm import MAX_EXCESS_BLOB_GAS, blob_base_fee
from l1.embedded.node import EmbeddedL1Node
from l1.embedded.producer import StateEdit
from l1.embedded.reorg import Reorganizer
from rpc.codec import Decoder
from rpc.dispatch import method
from rpc.errors import InvalidParams, ServerError

MAX_BLOCKS = 10_000  # in one call
MIN_BASE_FEE = 7  # wei: EIP-1559 never raises a lower one


def _number(value: Any) -> int:
    """A JSON number, a 0x quantity or, as some tools send it, a decimal string."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise InvalidParams("expected a number")
    try:
        number = int(value, 0) if isinstance(value, str) else value
    except ValueError:
        raise InvalidParams(f"not a number: {str(value)[:80]!r}") from None
    if not 0 <= number < 1 << 256:
        raise InvalidParams("number out of range")
    return number


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise InvalidParams("expected true or false")
    return value


def _fixed(size: int, name: str) -> Any:
    def decode(value: Any) -> bytes:
        try:
            found = bytes.fromhex(value[2:]) if isinstance(value, str) and value.startswith("0x") else b""
        except ValueError:
            found = b""
        if len(found) != size:
            raise InvalidParams(f"expected {name}: 0x and {2 * size} hex digits")
        return found

    return decode


def _hex_data(value: Any) -> bytes:
    text: object = value
    try:
        if isinstance(text, str) and text.startswith("0x"):
            return bytes.fromhex(text[2:])
    except ValueError:
        pass
    raise InvalidParams("expected 0x and hex digits")


def _options(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidParams("expected an object")
    return value


def _mine_argument(value: Any) -> dict[str, int]:
    """Nothing, a timestamp (Hardhat), or {blocks, timestamp} (ganache)."""
    if isinstance(value, dict):
        return {key: _number(value[key]) for key in ("blocks", "timestamp") if value.get(key) is not None}
    return {"timestamp": _number(value)}


Number = Annotated[int, Decoder(_number)]
Boolean = Annotated[bool, Decoder(_boolean)]
Address = Annotated[bytes, Decoder(_fixed(20, "an address"))]
Hash = Annotated[bytes, Decoder(_fixed(32, "32 bytes"))]
HexData = Annotated[bytes, Decoder(_hex_data)]
Options = Annotated[dict, Decoder(_options)]
MineArgument = Annotated[dict, Decoder(_mine_argument)]


class DevelopmentMethods:
    """`evm_*`, `anvil_*`, `hardhat_*` and `verdict_*`."""

    def __init__(self, node: EmbeddedL1Node, reorganizer: Reorganizer) -> None:
        self._node = node
        self._reorganizer = reorganizer

    # --- mining and time -----------------------------------------------------------------------------------

    @method("evm_mine")
    async def evm_mine(self, argument: MineArgument | None = None) -> str:
        asked = argument or {}
        if "timestamp" in asked:
            self._ask_time(asked["timestamp"])
        await self._mine(asked.get("blocks", 1), None)
        return "0x0"

    @method("anvil_mine")
    async def anvil_mine(self, blocks: Number = 1, interval: Number | None = None) -> None:
        await self._mine(blocks, interval)

    @method("hardhat_mine")
    async def hardhat_mine(self, blocks: Number = 1, interval: Number | None = None) -> bool:
        await self._mine(blocks, interval)
        return True

    async def _mine(self, blocks: int, interval: int | None) -> None:
        if blocks > MAX_BLOCKS:
            raise InvalidParams(f"at most {MAX_BLOCKS} blocks in one call")
        await self._node.mine(blocks, interval)

    @method("evm_setAutomine")
    def set_automine(self, enabled: Boolean) -> bool:
        self._node.automine = enabled
        return True

    @method("anvil_getAutomine")
    def get_automine(self) -> bool:
        return self._node.automine

    @method("evm_setIntervalMining")
    def set_interval_mining(self, milliseconds: Number) -> bool:
        """As Hardhat: milliseconds; 0 turns the timer off."""
        self._node.set_block_time(milliseconds / 1000 if milliseconds else None)
        return True

    @method("evm_increaseTime")
    def increase_time(self, seconds: Number) -> str:
        return hex(self._node.clock.advance(seconds, self._node.head().timestamp))

    @method("evm_setNextBlockTimestamp")
    def set_next_block_timestamp(self, timestamp: Number) -> str:
        self._ask_time(timestamp)
        return hex(timestamp)

    def _ask_time(self, timestamp: int) -> None:
        if timestamp >= 1 << 63:
            raise InvalidParams("timestamp out of range")
        try:
            self._node.clock.ask(timestamp, self._node.head().timestamp)
        except ValueError as error:
            raise ServerError(str(error)) from error

    # --- state ---------------------------------------------------------------------------------------------

    @method("anvil_setBalance")
    async def anvil_set_balance(self, address: Address, balance: Number) -> bool:
        return await self._edit(lambda world: world.set_balance(address, balance))

    @method("hardhat_setBalance")
    async def hardhat_set_balance(self, address: Address, balance: Number) -> bool:
        return await self._edit(lambda world: world.set_balance(address, balance))

    @method("anvil_setNonce")
    async def anvil_set_nonce(self, address: Address, nonce: Number) -> bool:
        return await self._edit(lambda world: world.set_nonce(address, nonce))

    @method("anvil_setCode")
    async def anvil_set_code(self, address: Address, code: HexData) -> bool:
        return await self._edit(lambda world: world.set_code(address, code))

    @method("anvil_setStorageAt")
    async def anvil_set_storage_at(self, address: Address, slot: Number, value: Hash) -> bool:
        return await self._edit(lambda world: world.set_storage(address, slot, int.from_bytes(value, "big")))

    async def _edit(self, edit: StateEdit) -> bool:
        """Each edit makes a block, so that the state it leads to has a header."""
        await self._node.edit_state(edit)
        return True

    @method("verdict_setPrices")
    async def set_prices(self, prices: Options) -> dict[str, str]:
        """`baseFee` in wei, `excessBlobGas` (EIP-4844): an empty block has them, and the next ones' follow from it. The
        answer is what the next block charges, in wei."""
        given = {key: _number(value) for key, value in prices.items()}
        if unknown := set(given) - {"baseFee", "excessBlobGas"}:
            raise InvalidParams(f"unknown prices {sorted(unknown)}")
        base_fee, excess = given.get("baseFee"), given.get("excessBlobGas")
        if base_fee is not None and not MIN_BASE_FEE <= base_fee < 1 << 64:
            raise InvalidParams(f"baseFee must be {MIN_BASE_FEE} to 2^64 - 1 wei")
        if excess is not None and excess > MAX_EXCESS_BLOB_GAS:
            raise InvalidParams(f"excessBlobGas must be at most {MAX_EXCESS_BLOB_GAS}")
        header = await self._node.set_prices(base_fee, excess)
        return {"baseFee": hex(next_base_fee(header)), "blobBaseFee": hex(blob_base_fee(next_excess_blob_gas(header)))}

    # --- going back ----------------------------------------------------------------------------------------

    @method("evm_snapshot")
    def snapshot(self) -> str:
        return hex(self._reorganizer.snapshot())

    @method("evm_revert")
    async def revert(self, snapshot: Number) -> bool:
        return await self._reorganizer.revert(snapshot)

    @method("verdict_reorg")
    async def reorg(self, depth: Number, options: Options | None = None) -> dict[str, Any]:
        """Replaces the last `depth` blocks. Options: drop_transactions, include (bool), blocks (how many new)."""
        given = options or {}
        unknown = set(given) - {"drop_transactions", "include", "blocks"}
        if unknown:
            raise InvalidParams(f"unknown options {sorted(unknown)}")
        blocks = None if given.get("blocks") is None else _number(given["blocks"])
        if depth > MAX_BLOCKS or (blocks or 0) > MAX_BLOCKS:
            raise InvalidParams(f"at most {MAX_BLOCKS} blocks in one call")
        try:
            done = await self._reorganizer.reorg(
                depth,
                blocks=blocks,
                drop_transactions=_boolean(given.get("drop_transactions", False)),
                include=_boolean(given.get("include", False)),
            )
        except BlockUnavailable as error:
            raise ServerError(str(error)) from error
        return {
            "removed": ["0x" + header.hash.hex() for header in done.removed],
            "added": ["0x" + header.hash.hex() for header in done.added],
        }

    @method("verdict_executeParams")
    def execute_params(self) -> dict[str, Any]:
        """What EXECUTE costs here; gas and wei as 0x quantities."""
        params = self._node.settings.execute
        names = (
            "fixed_gas", "gas_per_byte", "staged_gas_per_word",
            "cumulative_gas_limit", "cumulative_gas_target", "min_gas_price",
        )  # fmt: skip
        camel = {name: name.split("_")[0] + "".join(w.title() for w in name.split("_")[1:]) for name in names}
        return {camel[name]: hex(getattr(params, name)) for name in names}
