"""A block context on some state, to run calls in and throw away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from execution.errors import InvalidBlock, InvalidTransaction, InvalidWitness
from execution.header import Header
from execution.simulation import AccountOverride, CallFields, CallResult, simulate
from execution.vm import BlockContext, State
from execution.world import WorldState
from rpc.codec import BlockId
from rpc.errors import InvalidParams, ServerError
from rpc.eth.call_request import BlockOverride, CallRequest, StateOverride
from rpc.eth.reader import ChainReader


class Simulation:
    """Calls at `block`: in the context of that block itself, after its transactions, as geth does it; at "pending" in
    that of the block to come. Runs on one thread; every call sees the same state.
    """

    def __init__(
        self,
        reader: ChainReader,
        block: BlockId,
        gas_cap: int,
        state_overrides: Mapping[bytes, StateOverride] | None = None,
        block_overrides: BlockOverride | None = None,
    ) -> None:
        self._rules = reader.chain.rules
        if block.ref == "pending":
            builder = reader.chain.pending_builder()
            self._state = builder.state
        else:
            self._state = _state_after(reader, reader.header(block))
        self._overrides: dict[bytes, AccountOverride] = {}
        for address, override in (state_overrides or {}).items():
            if override.state is not None:
                _replace_storage(self.world, address, override.state)
            self._overrides[address] = override.changes
        _apply(self.context, block_overrides or BlockOverride())
        self._base_fee = self.context.base_fee_per_gas
        self._base_fee_given = block_overrides is not None and block_overrides.base_fee_per_gas is not None
        self.gas_limit = min(self.context.gas_limit, gas_cap) if gas_cap else self.context.gas_limit

    @property
    def world(self) -> WorldState:
        return self._state.world

    @property
    def context(self) -> BlockContext:
        return cast(BlockContext, self._state.execution_context)

    def gas_price(self, request: CallRequest) -> int:
        """Wei per gas; 0 if the request names no fee: then gas is free and the base fee reads 0."""
        if request.gas_price is not None:
            price = highest = request.gas_price
        elif request.max_fee_per_gas or request.max_priority_fee_per_gas:
            highest = request.max_fee_per_gas or 0
            price = min(highest, self._base_fee + (request.max_priority_fee_per_gas or 0))
        else:
            return 0
        if highest and highest < self._base_fee:
            raise ServerError(
                f"max fee per gas less than block base fee: address 0x{request.sender.hex()}, "
                f"maxFeePerGas: {highest}, baseFee: {self._base_fee}"
            )
        return price

    def check(self, request: CallRequest) -> None:
        if request.chain_id is not None and request.chain_id != self._rules.chain_id:
            raise InvalidParams(
                f"chainId does not match node's (have={request.chain_id}, want={self._rules.chain_id})"
            )

    def run(self, request: CallRequest, gas: int | None = None) -> CallResult:
        """Raises InvalidTransaction if the call can't even be tried."""
        self.check(request)
        price = self.gas_price(request)
        self.context.base_fee_per_gas = self._base_fee if price or self._base_fee_given else 0
        wanted = self.gas_limit if request.gas is None else min(request.gas, self.gas_limit)
        fields = CallFields(
            sender=request.sender,
            to=request.to,
            data=request.data,
            value=request.value,
            gas=wanted if gas is None else gas,
            gas_price=price,
            access_list=request.access_list,
            authorization_list=request.authorization_list,
            blob_versioned_hashes=request.blob_versioned_hashes,
        )
        try:
            return simulate(self._state, fields, self.context.gas_limit, self._overrides)
        except InvalidWitness as error:
            raise ServerError(f"state not available: {error}") from error

    def try_run(self, request: CallRequest, gas: int | None = None) -> CallResult:
        """As `run`, with the reason it can't be tried as the JSON-RPC error."""
        try:
            return self.run(request, gas)
        except InvalidTransaction as error:
            raise ServerError(
                f"err: {error} (supplied gas {gas or request.gas or self.gas_limit})"
            ) from error

    def has_code(self, address: bytes) -> bool:
        override = self._overrides.get(address)
        if override is not None and override.code is not None:
            return bool(override.code)
        return bool(self.world.get_code(address))

    def balance(self, address: bytes) -> int:
        override = self._overrides.get(address)
        if override is not None and override.balance is not None:
            return override.balance
        return self.world.get_balance(address)


def _state_after(reader: ChainReader, header: Header) -> State:
    def block_hashes(number: int) -> bytes:
        return reader.chain.block_hashes(reader.parent(header))(number)

    try:
        context = BlockContext(
            chain_id=reader.chain.rules.chain_id,
            number=header.number,
            timestamp=header.timestamp,
            coinbase=header.fee_recipient,
            prev_randao=header.prev_randao,
            gas_limit=header.gas_limit,
            base_fee_per_gas=header.base_fee_per_gas,
            excess_blob_gas=header.excess_blob_gas,
            block_hashes=block_hashes,
        )
    except InvalidBlock as error:
        raise ServerError(str(error)) from error
    rules = reader.chain.rules
    return State(reader.world_after(header), context, rules.precompiles, rules.dues)


def _replace_storage(world: WorldState, address: bytes, storage: Mapping[int, int]) -> None:
    """For good, as far as this throw-away world goes: the account keeps all but its storage."""
    nonce, balance, code = world.get_nonce(address), world.get_balance(address), world.get_code(address)
    world.delete_account(address)
    world.set_nonce(address, nonce)
    world.set_balance(address, balance)
    world.set_code(address, code)
    for slot, value in storage.items():
        world.set_storage(address, slot, value)


def _apply(context: BlockContext, override: BlockOverride) -> None:
    for name, value in (
        ("block_number", override.number),
        ("timestamp", override.timestamp),
        ("gas_limit", override.gas_limit),
        ("coinbase", override.fee_recipient),
        ("mix_hash", override.prev_randao),
        ("base_fee_per_gas", override.base_fee_per_gas),
        ("blob_base_fee", override.blob_base_fee),
    ):
        if value is not None:
            setattr(context, name, value)
