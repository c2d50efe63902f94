"""Calls of all the other contracts: collections, lending, bridges, oracles, accounts that are contracts, creations."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

from benchmarks.data.people import Account, fresh_address
from benchmarks.data.scene import Call, Scene, call
from benchmarks.data.swaps import approve, signature, transfer

_ARTIFACTS = Path(__file__).resolve().parents[2] / "solidity" / "artifacts"
_WORDS = ["gm", "the", "to", "of", "and", "in", "is", "for", "on", "it", "based", "onchain", "summer", "builder", "mint", "nft", "base", "eth", "hello", "world", "airdrop", "token", "join", "my", "new", "this", "with", "you", "first", "love", "art", "gallery", "sunset", "pixel", "ape", "frog", "music", "vol", "record", "free", "claim", "thanks", "great", "work", "team", "event"]


def ether(scene: Scene, _: Account) -> Call:
    to = scene.exchanges.draw() if scene.rng.random() < 0.2 else scene.somebody()
    return Call(to, b"", scene.ether())


def text(scene: Scene, most: int) -> str:
    words = " ".join(scene.rng.choice(_WORDS) for _ in range(scene.rng.randrange(1, most)))
    if scene.rng.random() < 0.3:
        return "ipfs://bafybei" + "".join(scene.rng.choice("abcdefghijklmnopqrstuvwxyz234567") for _ in range(45))
    return words + scene.rng.choice(("", "", "!", " 🚀", ".", "?"))


def collection(scene: Scene, sender: Account) -> Call:
    rng, at = scene.rng, scene.collections.draw()
    kind = rng.randrange(8)
    number = rng.randrange(rng.choice((100, 10_000, 100_000)))
    if kind < 2:
        return Call(at, call("mint(uint256)", rng.choice((1, 1, 1, 2, 5))), rng.choice((0, 777_000_000_000_000)), 98_000)
    if kind == 2:
        return Call(at, call("mint()"), rng.choice((0, 10**15)), 92_000)
    if kind == 3:  # thirdweb's drops
        empty = ([], 2**256 - 1, 0, b"\xee" * 20)
        signed = "claim(address,uint256,address,uint256,(bytes32[],uint256,uint256,address),bytes)"
        return Call(at, call(signed, sender.address, 1, b"\xee" * 20, 10**14, empty, b""), 10**14, 142_000)
    if kind == 4:
        data = call("safeTransferFrom(address,address,uint256)", sender.address, scene.somebody(), number)
        return Call(at, data, gas=58_000)
    if kind == 5:
        data = call("setApprovalForAll(address,bool)", scene.spenders.draw(), True)
        return Call(at, data, gas=25_300)
    if kind == 6:  # Zora's: with a referral
        arguments = (scene.spenders.things[7], number % 50, 1, (sender.address).rjust(32, b"\x00"), scene.referrer)
        data = call("mintWithRewards(address,uint256,uint256,bytes,address)", *arguments)
        return Call(at, data, 777_000_000_000_000, 121_000)
    data = call("safeTransferFrom(address,address,uint256,uint256,bytes)", sender.address, scene.somebody(), number, 1, b"")
    return Call(at, data, gas=61_000)


def lending(scene: Scene, sender: Account) -> Call:
    rng, token = scene.rng, scene.tokens.things[scene.rng.randrange(8)]
    given = scene.token_amount(token)
    at = scene.contract["lending"]
    kind = rng.randrange(4)
    if kind == 0:
        return Call(at, call("supply(address,uint256,address,uint16)", token.address, given, sender.address, 0), gas=192_000)
    if kind == 1:
        data = call("borrow(address,uint256,uint256,uint16,address)", token.address, given, 2, 0, sender.address)
        return Call(at, data, gas=261_000)
    if kind == 2:
        most = rng.choice((2**256 - 1, given))
        return Call(at, call("withdraw(address,uint256,address)", token.address, most, sender.address), gas=198_000)
    data = call("repay(address,uint256,uint256,address)", token.address, given, 2, sender.address)
    return Call(at, data, gas=176_000)


def bridge(scene: Scene, sender: Account) -> Call:
    rng, token = scene.rng, scene.tokens.things[scene.rng.randrange(6)]
    given = scene.token_amount(token)
    kind = rng.randrange(4)
    if kind == 0:  # Across
        zero = bytes(20)
        now = scene.market.timestamp
        arguments = (
            sender.address, sender.address, token.address, zero, given, given * 9_991 // 10_000,
            rng.choice((1, 10, 42161, 137)), zero, now - rng.randrange(60), now + 14_400, 0, b"",
        )  # fmt: skip
        names = "address,address,address,address,uint256,uint256,uint256,address,uint32,uint32,uint32,bytes"
        return Call(scene.contract["bridge"], call(f"depositV3({names})", *arguments), gas=88_000)
    if kind == 1:  # the OP Stack's messenger, with a message inside
        inner = call("finalizeBridgeETH(address,address,uint256,bytes)", sender.address, sender.address, given, b"")
        data = call("sendMessage(address,bytes,uint32)", scene.spenders.things[3], inner, 200_000)
        return Call(scene.contract["messenger"], data, given, 71_000)
    if kind == 2:  # LayerZero's OFT
        fee = int(1.3e14) + rng.randrange(10**13)
        options = bytes.fromhex("0003010011010000000000000000000000000000ea60")
        arguments = (rng.choice((30101, 30110, 30111, 30184)), sender.address.rjust(32, b"\x00"), given, given * 995 // 1000)
        data = call(
            "send((uint32,bytes32,uint256,uint256,bytes,bytes,bytes),(uint256,uint256),address)",
            (*arguments, options, b"", b""), (fee, 0), sender.address,
        )  # fmt: skip
        return Call(token.address, data, fee, 262_000)
    message = rng.randbytes(rng.randrange(20, 400))  # what only its receiver understands
    data = call(
        "relay(uint256,address,bytes32,bytes)", rng.randrange(10**6), scene.spenders.draw(), rng.randbytes(32), message
    )
    return Call(scene.contract["messenger"], data, gas=180_000)


def oracle(scene: Scene, sender: Account) -> Call:
    rng = scene.rng
    kind = rng.randrange(5)
    if kind == 0:  # Chainlink's OCR2: a report, and signatures of a third of the nodes
        count = rng.choice((6, 6, 11))
        prices = sorted(int(3.1e11 * (1 + rng.gauss(0, 0.0004))) for _ in range(16))
        head = (b"\x00" * 5 + scene.market.timestamp.to_bytes(4, "big")).rjust(32, b"\x00")
        body = head + rng.randbytes(32) + (96 + 32).to_bytes(32, "big") + (10**16).to_bytes(32, "big")
        body += (16).to_bytes(32, "big") + b"".join(price.to_bytes(32, "big") for price in prices)
        context = (rng.choice(scene.roots), (scene.market.number * 256 + rng.randrange(4)).to_bytes(32, "big"), rng.randbytes(32))
        signed = [signature(scene, sender) for _ in range(count)]
        data = call(
            "transmit(bytes32[3],bytes,bytes32[],bytes32[],bytes32)",
            context, body, [s[:32] for s in signed], [s[32:64] for s in signed], bytes(s[64] - 27 for s in signed),
        )  # fmt: skip
        return Call(scene.feeds.draw(), data, gas=158_000)
    if kind == 1:  # prices of many assets at once
        count = rng.choice((4, 8, 8))
        arguments = ([scene.tokens.things[i].address for i in range(count)], [rng.randrange(10**8, 10**13) for _ in range(count)])
        data = call("setPrices(address[],uint256[],uint256)", *arguments, scene.market.timestamp)
        return Call(scene.contract["oracle hub"], data, gas=60_000 + 9_000 * count)
    data = call("update(uint256,uint256)", rng.randrange(10**8, 10**12), scene.market.timestamp - rng.randrange(3))
    return Call(scene.feeds.draw(), data, gas=43_000)


def airdrop(scene: Scene, _: Account) -> Call:
    rng, count = scene.rng, scene.rng.choice((5, 10, 20, 50, 50))
    people = [fresh_address(rng) if rng.random() < 0.6 else scene.somebody() for _ in range(count)]
    amounts = [10**18 * rng.choice((10, 25, 100))] * count if rng.random() < 0.5 else [
        rng.randrange(10**18, 10**21) for _ in people
    ]
    if rng.random() < 0.3:
        data = call("disperseEther(address[],uint256[])", people, amounts)
        return Call(scene.contract["disperse"], data, sum(amounts), 12_000 * count)
    token = scene.tokens.draw().address
    return Call(scene.contract["disperse"], call("disperseToken(address,address[],uint256[])", token, people, amounts), gas=31_000 * count)


def claim(scene: Scene, sender: Account) -> Call:
    """With a Merkle proof."""
    rng = scene.rng
    proof = [rng.randbytes(32) for _ in range(rng.randrange(9, 18))]
    arguments = (rng.randrange(100_000), sender.address, rng.randrange(10**19, 10**21), proof)
    data = call("claim(uint256,address,uint256,bytes32[])", *arguments)
    return Call(scene.contract["claims"] if rng.random() < 0.6 else scene.others.draw(), data, gas=96_000)


def words(scene: Scene, sender: Account) -> Call:
    rng, kind = scene.rng, scene.rng.randrange(3)
    if kind == 0:
        data = call("setText(bytes32,string,string)", rng.randbytes(32), rng.choice(("avatar", "url", "com.twitter")), text(scene, 6))
        return Call(scene.contract["names"], data, gas=62_000)
    if kind == 1:
        name = rng.choice(_WORDS) + str(rng.randrange(1000))
        zero = bytes(20)
        data = call("register((string,address,uint256,address,bytes[],bool))", (name, sender.address, 31_557_600, zero, [], True))
        return Call(scene.contract["names"], data, 10**15, 240_000)
    return Call(scene.contract["social"], call("post(string)", text(scene, 40)), gas=70_000)


def play(scene: Scene, sender: Account) -> Call:
    """Short calls of games and all sorts of contracts; each has its few functions."""
    rng, at = scene.rng, scene.others.draw()
    own = int.from_bytes(at[:2], "big")
    name = ("play", "claim", "checkIn", "stake", "vote", "harvest", "levelUp", "open")[(own + rng.randrange(3)) % 8]
    kind = (own // 8 + len(name)) % 6
    if kind == 0:
        data = call(f"{name}{own % 97}()")
    elif kind == 1:
        data = call(f"{name}{own % 97}(uint256)", rng.randrange(rng.choice((10, 5000))))
    elif kind == 2:
        data = call(f"{name}{own % 97}(address,uint256)", sender.address, scene.ether())
    elif kind == 3:
        data = call(f"{name}{own % 97}(uint256,uint256,bool)", rng.randrange(300), scene.market.timestamp, rng.random() < 0.5)
    elif kind == 4:
        ids = [rng.randrange(10_000) for _ in range(rng.randrange(1, 6))]
        data = call(f"{name}{own % 97}(uint256[],address)", ids, sender.address)
    else:
        data = call(f"{name}{own % 97}(bytes32,uint8,int256)", rng.randbytes(32), rng.randrange(4), -rng.randrange(10**9))
    return Call(at, data, scene.ether() if rng.random() < 0.15 else 0, rng.choice((31_000, 47_000, 68_000, 95_000)))


def operations(scene: Scene, _: Account) -> Call:
    """ERC-4337: an account that is a contract pays its bundler."""
    rng, owner = scene.rng, scene.people.somebody()
    inner = transfer(scene, owner) if rng.random() < 0.6 else approve(scene, owner)
    assert inner.to is not None
    sponsor = b""
    if rng.random() < 0.7:
        until = scene.market.timestamp + 600
        sponsor = scene.contract["paymaster"] + until.to_bytes(32, "big") + bytes(32) + signature(scene, owner)
    base = scene.market.quoted()
    operation = (
        owner.address, owner.nonce << 64, b"", call("execute(address,uint256,bytes)", inner.to, 0, inner.data),
        inner.gas + rng.randrange(9_000), 80_000 + rng.randrange(40_000), 48_000 + rng.randrange(4_000),
        base * 13 // 10 + 10**6, 10**6, sponsor, signature(scene, owner),
    )  # fmt: skip
    kinds = "address,uint256,bytes,bytes,uint256,uint256,uint256,uint256,uint256,bytes,bytes"
    data = call(f"handleOps(({kinds})[],address)", [operation], scene.exchanges.things[-1])
    return Call(scene.contract["entry point"], data, gas=190_000)


def safe(scene: Scene, sender: Account) -> Call:
    inner = transfer(scene, sender)
    assert inner.to is not None
    signed = b"".join(signature(scene, sender) for _ in range(scene.rng.choice((1, 2, 2, 3))))
    zero = bytes(20)
    data = call(
        "execTransaction(address,uint256,bytes,uint8,uint256,uint256,uint256,address,address,bytes)",
        inner.to, 0, inner.data, 0, 0, 0, 0, zero, zero, signed,
    )  # fmt: skip
    return Call(scene.people.somebody().address, data, gas=79_000)


@lru_cache(maxsize=1)
def _codes() -> tuple[bytes, ...]:
    names = ("DemoToken", "DemoExchange", "Counter", "Stage")
    found = [json.loads((_ARTIFACTS / f"{name}.json").read_text())["bytecode"] for name in names]
    return tuple(bytes.fromhex((code if isinstance(code, str) else code["object"]).removeprefix("0x")) for code in found)


def create(scene: Scene, sender: Account) -> Call:
    """A contract of this repository, or a minimal proxy (EIP-1167)."""
    if scene.rng.random() < 0.5:
        code = bytes.fromhex("3d602d80600a3d3981f3363d3d373d3d3d363d73") + scene.others.draw()
        return Call(None, code + bytes.fromhex("5af43d82803e903d91602b57fd5bf3"), gas=62_000)
    code = scene.rng.choice(_codes()) + sender.address.rjust(32, b"\x00")
    return Call(None, code, gas=200 * len(code) + 60_000)
