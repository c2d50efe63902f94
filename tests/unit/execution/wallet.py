"""Signs transactions of every type for tests and benchmarks."""

from dataclasses import dataclass

import coincurve

from execution.encoding import encode_bytes, encode_int, encode_list, keccak, wrap_list


@dataclass(frozen=True)
class Wallet:
    secret: bytes

    @classmethod
    def number(cls, n: int) -> "Wallet":
        return cls(n.to_bytes(32, "big"))

    @property
    def key(self):
        return coincurve.PrivateKey(self.secret)

    @property
    def address(self) -> bytes:
        return keccak(self.key.public_key.format(compressed=False)[1:])[12:]

    def signature(self, message_hash: bytes) -> tuple[int, int, int]:
        """(y parity, r, s)"""
        raw = self.key.sign_recoverable(message_hash, hasher=None)
        return raw[64], int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:64], "big")

    def legacy(
        self, *, chain_id=1, nonce=0, gas_price=10**9, gas=100_000, to=b"", value=0, data=b""
    ) -> bytes:
        fields = encode_int(nonce) + encode_int(gas_price) + encode_int(gas) + encode_bytes(to)
        fields += encode_int(value) + encode_bytes(data)
        protected = b"" if chain_id is None else encode_int(chain_id) + b"\x80\x80"
        parity, r, s = self.signature(keccak(wrap_list(fields + protected)))
        v = 27 + parity if chain_id is None else 35 + 2 * chain_id + parity
        return wrap_list(fields + encode_int(v) + encode_int(r) + encode_int(s))

    def typed(
        self, *, kind=2, chain_id=1, nonce=0, tip=1, fee=10**10, gas=100_000, to=b"", value=0, data=b"",
        access_list=(), blob_fee=10**9, blob_hashes=(), authorizations=(),
    ) -> bytes:  # fmt: skip
        fields = encode_int(chain_id) + encode_int(nonce) + encode_int(tip if kind > 1 else fee)
        if kind > 1:
            fields += encode_int(fee)
        fields += encode_int(gas) + encode_bytes(to) + encode_int(value) + encode_bytes(data)
        fields += wrap_list(
            b"".join(
                wrap_list(encode_bytes(address) + encode_list(slot.to_bytes(32, "big") for slot in slots))
                for address, slots in access_list
            )
        )
        if kind == 3:
            fields += encode_int(blob_fee) + encode_list(blob_hashes)
        if kind == 4:
            fields += wrap_list(b"".join(authorizations))
        prefix = bytes((kind,))
        parity, r, s = self.signature(keccak(prefix + wrap_list(fields)))
        return prefix + wrap_list(fields + encode_int(parity) + encode_int(r) + encode_int(s))

    def authorize(self, address: bytes, nonce: int, chain_id: int = 1) -> bytes:
        """EIP-7702, for `typed(kind=4, authorizations=...)`."""
        message = encode_int(chain_id) + encode_bytes(address) + encode_int(nonce)
        parity, r, s = self.signature(keccak(b"\x05" + wrap_list(message)))
        return wrap_list(message + encode_int(parity) + encode_int(r) + encode_int(s))
