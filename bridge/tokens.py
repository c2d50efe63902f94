"""ERC-20 tokens: what wallets ask of them, and the two ends of the bridge. Amounts are a token's smallest units."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from eth_abi import decode as abi_decode
from eth_abi import encode as abi_encode
from eth_abi.exceptions import DecodingError

from bridge.errors import BridgeError
from bridge.predeploys import L2_TOKEN_BRIDGE
from execution.encoding import keccak
from l1.artifacts import address_bytes, artifact
from l1.client import L1Client
from l1.rpc_errors import RpcError

MAX_DECIMALS = 77


def parse_units(text: str, decimals: int, symbol: str = "") -> int:
    """"12.5", or "12.5 USDC" if that is the symbol, in smallest units. ValueError saying what is wrong."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([^\s\d][^\s]*)?\s*", text, re.ASCII)
    if match is None:
        raise ValueError(f'"{text}" is not an amount; write a number, as in "12.5"')
    number, unit = match.groups()
    if unit and unit.lower() != symbol.lower():
        raise ValueError(f'"{unit}" is not the token\'s symbol' + (f", which is {symbol}" if symbol else ""))
    if len(number) > 120:
        raise ValueError("the amount is too long")
    whole, _, fraction = number.partition(".")
    fraction = fraction.rstrip("0")
    if len(fraction) > decimals:
        raise ValueError(f'"{text}" is finer than the token\'s {decimals} decimals')
    amount = int(whole) * 10**decimals + int(fraction.ljust(decimals, "0") or "0")
    if amount >= 2**256:
        raise ValueError(f'"{text}" is more than any token can have')
    return amount


def show_units(amount: int, decimals: int, symbol: str = "") -> str:
    """"12.5 USDC"."""
    sign, digits = ("-" if amount < 0 else ""), str(abs(amount)).rjust(decimals + 1, "0")
    whole, fraction = digits[: len(digits) - decimals], digits[len(digits) - decimals :].rstrip("0")
    return f"{sign}{whole}{'.' + fraction if fraction else ''}{' ' + symbol if symbol else ''}"


@dataclass(frozen=True, slots=True)
class Token:
    """What a token says of itself: to be shown, never to be trusted."""

    address: bytes
    symbol: str
    decimals: int

    def show(self, amount: int) -> str:
        return show_units(amount, self.decimals, self.symbol)


async def read_token(rpc: L1Client, address: bytes) -> Token:
    """BridgeError if there is no ERC-20 at `address` (20 bytes)."""
    named = f"0x{address.hex()}"
    if not await rpc.code(address):
        raise BridgeError(f"there is no contract at {named}")
    (decimals,) = await _ask(rpc, address, "decimals()", (), ("uint256",))
    if decimals > MAX_DECIMALS:
        raise BridgeError(f"token {named} has {decimals} decimals, and more than {MAX_DECIMALS} make no sense")
    try:
        (symbol,) = await _ask(rpc, address, "symbol()", (), ("string",))
    except BridgeError:
        symbol = ""
    shown = "".join(each for each in symbol if each.isprintable() and each not in "[]\\")[:16]
    return Token(address, shown, decimals)


async def balance_of(rpc: L1Client, token: bytes, owner: bytes) -> int:
    return (await _ask(rpc, token, "balanceOf(address)", (owner,), ("uint256",)))[0]


async def allowance(rpc: L1Client, token: bytes, owner: bytes, spender: bytes) -> int:
    return (await _ask(rpc, token, "allowance(address,address)", (owner, spender), ("uint256",)))[0]


def approve(spender: bytes, amount: int) -> bytes:
    """Calldata for the token."""
    return _call("approve(address,uint256)", (spender, amount))


def transfer(to: bytes, amount: int) -> bytes:
    """Calldata for the token."""
    return _call("transfer(address,uint256)", (to, amount))


def bridge_deposit(token: bytes, to: bytes, amount: int) -> bytes:
    """Calldata for L1's TokenBridge, which must be allowed to take `amount`; `to` gets it on L2."""
    return artifact("TokenBridge").call("deposit", token, to, amount)


def bridge_withdraw(l1_token: bytes, to: bytes, amount: int) -> bytes:
    """Calldata for L2's bridge: burns the caller's and releases them to `to` on L1."""
    return artifact("L2TokenBridge").call("withdraw", l1_token, to, amount)


def _call(signature: str, arguments: tuple[Any, ...]) -> bytes:
    types = signature[signature.index("(") + 1 : -1]
    return keccak(signature.encode())[:4] + abi_encode(types.split(",") if types else [], arguments)


async def _ask(rpc: L1Client, token: bytes, signature: str, arguments: tuple[Any, ...], kinds: tuple[str, ...]) -> tuple[Any, ...]:
    try:
        return abi_decode(kinds, await rpc.call(token, _call(signature, arguments)))
    except (RpcError, DecodingError, OverflowError, UnicodeDecodeError) as error:
        raise BridgeError(f"0x{token.hex()} is no ERC-20: its {signature} gives {error}") from None


async def bridged_token(l2: L1Client, l1_token: bytes) -> bytes:
    """Where the token that stands for `l1_token` is on L2, or will be: 20 bytes."""
    contract = artifact("L2TokenBridge")
    answer = await l2.call(L2_TOKEN_BRIDGE, contract.call("bridgedToken", l1_token))
    return address_bytes(contract.answer("bridgedToken", answer)[0])
