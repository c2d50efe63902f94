"""Calls of tokens and exchanges: ERC-20, Uniswap v2 and v3, its universal router, aggregators."""

from __future__ import annotations

from eth_abi.abi import encode

from benchmarks.data.people import Account
from benchmarks.data.scene import MAX, Call, Scene, Token, call

_FEES = (100, 500, 500, 3000, 3000, 3000, 10_000)


def transfer(scene: Scene, _: Account) -> Call:
    token = scene.tokens.draw()
    to = scene.exchanges.draw() if scene.rng.random() < 0.12 else scene.somebody()
    gas = token.gas + scene.rng.choice((0, 0, 0, -17_100))
    return Call(token.address, call("transfer(address,uint256)", to, scene.token_amount(token)), gas=gas)


def transfer_from(scene: Scene, sender: Account) -> Call:
    token = scene.tokens.draw()
    data = call("transferFrom(address,address,uint256)", scene.somebody(), sender.address, scene.token_amount(token))
    return Call(token.address, data, gas=token.gas + 7_000)


def approve(scene: Scene, _: Account) -> Call:
    token, rng = scene.tokens.draw(), scene.rng
    allowed = rng.choices((MAX, scene.token_amount(token), 0), (5, 5, 1))[0]
    spender = scene.permit2 if rng.random() < 0.3 else scene.spenders.draw()
    return Call(token.address, call("approve(address,uint256)", spender, allowed), gas=25_600)


def wrap(scene: Scene, _: Account) -> Call:
    if scene.rng.random() < 0.5:
        return Call(scene.weth, call("deposit()"), scene.ether(), 23_900)
    return Call(scene.weth, call("withdraw(uint256)", scene.ether()), gas=14_000)


def _pair(scene: Scene) -> tuple[Token, Token]:
    """Most swaps have the chain's main tokens on one side."""
    first, second = scene.tokens.draw(), scene.tokens.things[scene.rng.choice((0, 1, 1, 1, 2))]
    while first == second:
        first = scene.tokens.draw()
    return (first, second) if scene.rng.random() < 0.5 else (second, first)


def v2(scene: Scene, sender: Account) -> Call:
    sold, bought = _pair(scene)
    given = scene.token_amount(sold)
    least = scene.price(given)[1]
    path = [sold.address, bought.address]
    if scene.rng.random() < 0.2:
        path.insert(1, scene.tokens.things[0].address)
    tail = (path, sender.address, scene.deadline())
    fee = "SupportingFeeOnTransferTokens" if scene.rng.random() < 0.25 else ""
    if sold.address == scene.weth:
        data = call(f"swapExactETHForTokens{fee}(uint256,address[],address,uint256)", least, *tail)
        return Call(scene.v2_router, data, given, 118_000)
    name = "swapExactTokensForETH" if bought.address == scene.weth else "swapExactTokensForTokens"
    data = call(f"{name}{fee}(uint256,uint256,address[],address,uint256)", given, least, *tail)
    return Call(scene.v2_router, data, gas=131_000)


def v3_single(scene: Scene, sender: Account) -> Call:
    sold, bought = _pair(scene)
    given = scene.token_amount(sold)
    least = scene.price(given)[1]
    value = given if sold.address == scene.weth and scene.rng.random() < 0.7 else 0
    head = (sold.address, bought.address, scene.rng.choice(_FEES), sender.address)
    if scene.rng.random() < 0.4:
        data = call(
            "exactInputSingle((address,address,uint24,address,uint256,uint256,uint256,uint160))",
            (*head, scene.deadline(), given, least, 0),
        )
        return Call(scene.router, data, value, 121_000)
    data = call("exactInputSingle((address,address,uint24,address,uint256,uint256,uint160))", (*head, given, least, 0))
    return Call(scene.router02, data, value, 119_000)


def _path(scene: Scene, sold: Token, bought: Token) -> bytes:
    fee = lambda: scene.rng.choice(_FEES).to_bytes(3, "big")
    if scene.rng.random() < 0.4:
        return sold.address + fee() + scene.tokens.things[scene.rng.randrange(3)].address + fee() + bought.address
    return sold.address + fee() + bought.address


def v3_path(scene: Scene, sender: Account) -> Call:
    sold, bought = _pair(scene)
    given = scene.token_amount(sold)
    least = scene.price(given)[1]
    path = _path(scene, sold, bought)
    if scene.rng.random() < 0.5:
        data = call(
            "exactInput((bytes,address,uint256,uint256,uint256))",
            (path, sender.address, scene.deadline(), given, least),
        )
        return Call(scene.router, data, gas=187_000)
    data = call("exactInput((bytes,address,uint256,uint256))", (path, sender.address, given, least))
    return Call(scene.router02, data, gas=184_000)


def multicall(scene: Scene, sender: Account) -> Call:
    """A swap into ETH, unwrapped for the sender; at times with a permit before it."""
    sold, weth = scene.tokens.draw(), scene.tokens.things[1]
    given = scene.token_amount(sold)
    least = scene.price(given)[1]
    here = b"\x00" * 19 + b"\x02"  # Uniswap's name for the router itself
    if scene.rng.random() < 0.4:
        swap = call(
            "exactInput((bytes,address,uint256,uint256))", (_path(scene, sold, weth), here, given, least)
        )
    else:
        swap = call(
            "exactInputSingle((address,address,uint24,address,uint256,uint256,uint160))",
            (sold.address, weth.address, scene.rng.choice(_FEES), here, given, least, 0),
        )
    calls = [swap, call("unwrapWETH9(uint256,address)", least, sender.address)]
    if scene.rng.random() < 0.25:
        calls.insert(0, self_permit(scene, sold, given))
    if scene.rng.random() < 0.3:
        return Call(scene.router02, call("multicall(bytes[])", calls), gas=162_000)
    return Call(scene.router02, call("multicall(uint256,bytes[])", scene.deadline(), calls), gas=164_000)


def signature(scene: Scene, sender: Account) -> bytes:
    """A real signature of something that is no transaction: r, s, v; 65 bytes."""
    raw = sender.secret.sign_recoverable(scene.rng.randbytes(32), hasher=None)
    return raw[:64] + bytes((27 + raw[64],))


def self_permit(scene: Scene, token: Token, given: int) -> bytes:
    signed = signature(scene, scene.people.somebody())
    return call(
        "selfPermit(address,uint256,uint256,uint8,bytes32,bytes32)",
        token.address, given, scene.deadline(), signed[64], signed[:32], signed[32:64],
    )  # fmt: skip


def permit(scene: Scene, sender: Account) -> Call:
    token = scene.tokens.draw()
    signed = signature(scene, sender)
    value = scene.rng.choice((MAX, scene.token_amount(token)))
    data = call(
        "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)",
        sender.address, scene.spenders.draw(), value, scene.deadline(), signed[64], signed[:32], signed[32:64],
    )  # fmt: skip
    return Call(token.address, data, gas=47_000)


def universal(scene: Scene, sender: Account) -> Call:
    """Uniswap's universal router: commands, and an input for each."""
    rng = scene.rng
    sold, bought = _pair(scene)
    given = scene.token_amount(sold)
    least = scene.price(given)[1]
    me, router = b"\x00" * 19 + b"\x01", b"\x00" * 19 + b"\x02"
    commands, inputs = bytearray(), []
    value = 0
    if sold.address == scene.weth:
        value = given
        commands.append(0x0B)  # WRAP_ETH
        inputs.append(encode(("address", "uint256"), (router, given)))
    elif rng.random() < 0.35:
        commands.append(0x0A)  # PERMIT2_PERMIT
        expires = scene.market.timestamp + 30 * 86_400
        single = ((sold.address, 2**160 - 1, expires, rng.randrange(4)), scene.universal, scene.deadline() + 600)
        types = ("((address,uint160,uint48,uint48),address,uint256)", "bytes")
        inputs.append(encode(types, (single, signature(scene, sender))))
    to_eth = bought.address == scene.weth
    payer = sold.address != scene.weth
    taken = router if to_eth or rng.random() < 0.6 else me
    if rng.random() < 0.65:
        commands.append(0x00)  # V3_SWAP_EXACT_IN
        types = ("address", "uint256", "uint256", "bytes", "bool")
        inputs.append(encode(types, (taken, given, 0 if taken == router else least, _path(scene, sold, bought), payer)))
    else:
        commands.append(0x08)  # V2_SWAP_EXACT_IN
        types = ("address", "uint256", "uint256", "address[]", "bool")
        path = [sold.address, bought.address]
        inputs.append(encode(types, (taken, given, 0 if taken == router else least, path, payer)))
    if taken == router:
        commands.append(0x06)  # PAY_PORTION: the interface's fee
        inputs.append(encode(("address", "address", "uint256"), (bytes(20) if to_eth else bought.address, scene.referrer, 25)))
        commands.append(0x0C if to_eth else 0x04)  # UNWRAP_WETH, SWEEP
        if to_eth:
            inputs.append(encode(("address", "uint256"), (me, least)))
        else:
            inputs.append(encode(("address", "address", "uint256"), (bought.address, me, least)))
    data = call("execute(bytes,bytes[],uint256)", bytes(commands), inputs, scene.deadline())
    return Call(scene.universal, data, value, 168_000)


def aggregator(scene: Scene, sender: Account) -> Call:
    """1inch's swap: a description, and packed instructions that name pools."""
    rng = scene.rng
    sold, bought = _pair(scene)
    given = scene.token_amount(sold)
    least = scene.price(given)[1]
    executor = scene.contract["aggregator"]
    steps = bytearray(bytes(24))
    for _ in range(rng.choice((1, 1, 2, 2, 3, 4))):
        steps += rng.choice((b"\x00\x02\x0c\x00\x60\xae\x80", b"\x00\x00\x63\x02\x00\x00", b"\x51\x12\x04\x80\x16"))
        steps += scene.pools.draw() + scene.tokens.draw().address
        steps += rng.choice((b"\x00\x20\x6a\xe4\x0b\x1f", b"\x02\x6c\x0c\x60\x6a\xe4", b"\x00\x43\x4a\x00\x00"))
        steps += bytes(rng.choice((0, 8, 29)))
    steps += rng.randbytes(4)
    description = (sold.address, bought.address, executor, sender.address, given, least, rng.choice((0, 4)))
    data = call(
        "swap(address,(address,address,address,address,uint256,uint256,uint256),bytes,bytes)",
        executor, description, b"", bytes(steps),
    )  # fmt: skip
    return Call(scene.contract["odos"], data, given if sold.address == scene.weth else 0, 228_000)
