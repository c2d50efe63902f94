"""One invalid transaction for each rule a Prague transaction can break, each wrong in that one thing alone.

They are sent by wallets that `funded` puts into a world, so that nothing else is wrong with them. The rules that need a
blob (its block is refused for carrying one), a transaction gas cap (none in a whole block) or a particular contract
(deposit events) are not here.
"""

from collections.abc import Callable
from dataclasses import dataclass

from execution.calls import MAX_INITCODE_SIZE
from execution.encoding import decode_list, encode_bytes, encode_int, wrap_list
from execution.errors import Rejection
from execution.precompiles import SECP256K1_N
from execution.transactions import SignedTransaction, decode_transaction
from execution.world import WorldState
from tests.unit.execution.wallet import Wallet

RICH, CONTRACT, OLDEST, POOR = (Wallet.number(77_000 + i) for i in range(4))
TARGET = b"\xdd" * 20
_LAST_NONCE = (1 << 64) - 1


@dataclass(frozen=True)
class Bad:
    """`pretended` is what a forger executes instead, where the bytes themselves are no transaction."""

    rejection: Rejection
    raw: bytes
    pretended: SignedTransaction | None = None


def funded(world: WorldState) -> None:
    """Adds the wallets: RICH, POOR without anything, CONTRACT with code, OLDEST with its nonces used up."""
    world.set_nonce_and_balance(RICH.address, 1, 10**24)
    world.set_nonce_and_balance(CONTRACT.address, 1, 10**24)
    world.set_code(CONTRACT.address, b"\x00")
    world.set_nonce_and_balance(OLDEST.address, _LAST_NONCE, 10**24)


def good(chain_id: int, base_fee: int) -> bytes:
    """What the bad ones would be if nothing was wrong with them."""
    return _transfer(chain_id, base_fee)


def bad_transactions(chain_id: int, base_fee: int, gas_limit: int) -> dict[str, Bad]:
    """By name. `gas_limit`: of the block."""

    def signed(rejection: Rejection, **changes) -> Bad:
        return Bad(rejection, _transfer(chain_id, base_fee, **changes))

    def garbled(rejection: Rejection, garble: Callable[[bytes], bytes], raw: bytes | None = None) -> Bad:
        raw = raw or _transfer(chain_id, base_fee)
        return Bad(rejection, garble(raw), decode_transaction(raw))

    legacy = RICH.legacy(chain_id=chain_id, nonce=1, gas_price=base_fee + 1, gas=21_000, to=TARGET, value=1)
    delegation = RICH.authorize(TARGET, 0, chain_id)
    return {
        "undecodable": garbled(Rejection.UNDECODABLE, _with_a_byte_more),
        "unknown type": garbled(Rejection.UNKNOWN_TYPE, lambda raw: b"\x05" + raw[1:]),
        "upper half of s": garbled(Rejection.BAD_SIGNATURE, _malleated),
        "s too large, legacy": garbled(Rejection.BAD_SIGNATURE, _malleated, legacy),
        "wrong chain": Bad(Rejection.WRONG_CHAIN_ID, _transfer(chain_id + 1, base_fee)),
        "wrong chain, legacy": Bad(
            Rejection.WRONG_CHAIN_ID,
            RICH.legacy(chain_id=chain_id + 1, nonce=1, gas_price=base_fee + 1, gas=21_000, to=TARGET),
        ),
        "intrinsic gas": signed(Rejection.INTRINSIC_GAS, gas=20_999),
        "intrinsic gas of a creation": signed(Rejection.INTRINSIC_GAS, to=b"", gas=52_999),
        "intrinsic gas of an access list": signed(
            Rejection.INTRINSIC_GAS, access_list=[(TARGET, (1, 2))], gas=21_000
        ),
        "intrinsic gas of an authorization": signed(
            Rejection.INTRINSIC_GAS, kind=4, authorizations=[delegation], gas=45_999
        ),
        "calldata floor": signed(Rejection.FLOOR_GAS, data=b"\x01" * 1000, gas=60_999),
        "nonces used up": Bad(
            Rejection.NONCE_OVERFLOW, _transfer(chain_id, base_fee, OLDEST, nonce=_LAST_NONCE)
        ),
        "initcode too large": signed(
            Rejection.INITCODE_SIZE, to=b"", data=bytes(MAX_INITCODE_SIZE + 1), gas=2_000_000
        ),
        "more gas than the block's": signed(Rejection.BLOCK_GAS, gas=gas_limit + 1),
        "priority fee over the fee": signed(Rejection.PRIORITY_FEE, tip=base_fee + 1, fee=base_fee),
        "fee below the base fee": signed(Rejection.MAX_FEE, tip=0, fee=base_fee - 1),
        "fee below the base fee, legacy": Bad(
            Rejection.MAX_FEE,
            RICH.legacy(chain_id=chain_id, nonce=1, gas_price=base_fee - 1, gas=21_000, to=TARGET),
        ),
        "no authorizations": signed(Rejection.EMPTY_AUTHORIZATIONS, kind=4),
        "a creation that delegates": Bad(
            Rejection.CREATE_NOT_ALLOWED,
            _transfer(chain_id, base_fee, kind=4, to=b"", authorizations=[delegation], gas=200_000),
            decode_transaction(_transfer(chain_id, base_fee, to=b"", gas=200_000)),
        ),
        "nonce too low": signed(Rejection.NONCE_TOO_LOW, nonce=0),
        "nonce too high": signed(Rejection.NONCE_TOO_HIGH, nonce=2),
        "more value than money": signed(Rejection.INSUFFICIENT_FUNDS, value=10**24),
        "more fee than money": Bad(
            Rejection.INSUFFICIENT_FUNDS, _transfer(chain_id, base_fee, POOR, nonce=0, value=0)
        ),
        "a contract sends": Bad(Rejection.SENDER_NOT_EOA, _transfer(chain_id, base_fee, CONTRACT)),
    }


def _transfer(chain_id: int, base_fee: int, wallet: Wallet = RICH, **changes) -> bytes:
    fields = {"nonce": 1, "tip": 1, "fee": base_fee + 1, "gas": 21_000, "to": TARGET, "value": 1}
    return wallet.typed(**fields | {"chain_id": chain_id} | changes)


def _with_a_byte_more(raw: bytes) -> bytes:
    return raw + b"\0"


def _malleated(raw: bytes) -> bytes:
    """The other signature of the same message by the same key, which EIP-2 forbids."""
    tx = decode_transaction(raw)
    s = SECP256K1_N - tx.s
    kind, payload = (raw[:1], raw[1:]) if tx.type else (b"", raw)
    flip = {0: 1, 1: 0}.get(tx.v, tx.v + 1 if tx.v % 2 else tx.v - 1)
    items = decode_list(payload)
    body = b"".join(map(_encoded, items[:-3])) + encode_int(flip) + encode_int(tx.r) + encode_int(s)
    return kind + wrap_list(body)


def _encoded(item) -> bytes:
    return wrap_list(b"".join(map(_encoded, item))) if isinstance(item, list) else encode_bytes(item)
