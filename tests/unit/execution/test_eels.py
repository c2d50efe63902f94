"""The engine on EELS: its verdict is py-evm's, on whatever trace."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache

import ethereum.forks.prague.state as stock_state
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from execution import abi, eels
from execution.abi import encode_trace
from execution.abi_codec import encode
from execution.eels import prague
from execution.eels.engine import Machine as EelsMachine
from execution.eels.trace import decode_trace
from execution.eels.trie import PartialTrie
from execution.eels.world import Work
from execution.encoding import EMPTY_ROOT, keccak, wrap_list
from execution.errors import InvalidWitness, Rejection, WorkLimitExceeded
from execution.execute import execute
from execution.genesis import GenesisAccount, build_genesis
from execution.requests import DEPOSIT_CONTRACT_ADDRESS
from execution.rules import Rules
from execution.step import Machine, OverlaySource
from execution.trie import NoSource, Trie
from execution.types import (
    BatchEnd,
    BlockAttributes,
    BlockStart,
    Cursor,
    Input,
    Skip,
    StepState,
    Trace,
    Transaction,
    Witness,
)
from execution.verdict import Verdict
from execution.witness import build_witness
from tests.unit.execution.ethereum_fixtures import PATH, cases, quick
from tests.unit.execution.random_worlds import (
    CHAIN_ID,
    CONTRACTS,
    RULES,
    WALLETS,
    WRONG,
    Play,
    Send,
    call_depth,
    plans,
    push,
    sign,
)
from tests.unit.execution.test_ethereum_tests import UNPAID_GAS, trace_of, traces

CAP = 1 << 24
ALL = cases()
# Blobs' proofs are slow in EELS.
QUICK = [case for case in quick(ALL) if "point_evaluation" not in case.name]
VALID = [case for case in QUICK if not any(block.exception for block in case.blocks)]
needs_fixtures = pytest.mark.skipif(not ALL, reason=f"{PATH} is not here")
SETTINGS = settings(
    deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)  # fmt: skip


def both(pre_root: bytes, post_root: bytes, gas_used: int, encoded: bytes) -> Verdict:
    """py-evm's verdict; EELS's must be the same."""
    one, other = (
        engine(pre_root, post_root, gas_used, encoded, unpaid_gas=UNPAID_GAS) for engine in (execute, eels.execute)
    )
    assert one.result == other.result, (one, other)
    return other


def judge(trace: Trace, gas_used: int) -> Verdict:
    return both(trace.pre.state_root, trace.post.state_root, gas_used, encode_trace(trace))


def without_one_item(witness: Witness) -> Iterable[Witness]:
    for name in ("state", "codes", "headers"):
        items = getattr(witness, name)
        for i in range(len(items)):
            yield replace(witness, **{name: items[:i] + items[i + 1 :]})


# -- Ethereum's tests --


def judge_case(case) -> None:
    for block, trace, gas_used, _ in traces(case):
        verdict = judge(trace, gas_used)
        if not block.exception:
            assert verdict.result, verdict


@needs_fixtures
@pytest.mark.parametrize("case", QUICK[::6], ids=lambda case: case.name)
def test_blocks(case):
    judge_case(case)


@pytest.mark.slow
@needs_fixtures
@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_all_blocks(case):
    judge_case(case)


@needs_fixtures
@pytest.mark.parametrize("case", VALID[7::25], ids=lambda case: case.name)
def test_tampered_blocks(case):
    world, parent = case.world(), case.genesis
    made = trace_of(case, case.blocks[0], parent, {parent.hash: parent.rlp()}, world)
    if made is None:
        pytest.skip("blobs")
    trace, gas_used, _ = made
    assert judge(trace, gas_used).result
    assert not judge(trace, gas_used + 1).result
    assert not judge(trace, gas_used - 1).result
    assert not judge(replace(trace, post=replace(trace.post, state_root=b"\x01" * 32)), gas_used).result
    assert not judge(replace(trace, post=replace(trace.post, block_hash=b"\x01" * 32)), gas_used).result
    for partial in without_one_item(trace.witness):
        verdict = judge(replace(trace, witness=partial), gas_used)
        assert not verdict.result and "InvalidWitness" in verdict.reason


# -- random rollups --


@settings(SETTINGS, max_examples=8)
@given(plans(), st.randoms(use_true_random=False))
def test_random_traces(plan, random):
    with call_depth():
        compare_play(Play(plan), random)


@pytest.mark.slow
@settings(SETTINGS, max_examples=500)
@given(plans(max_actions=14), st.randoms(use_true_random=False))
def test_more_random_traces(plan, random):
    with call_depth():
        compare_play(Play(plan), random)


def compare_play(play: Play, random) -> None:
    """The whole script, each step alone and segments of it; and each of these with something wrong."""
    machine = play.machine()
    states, inputs, gas, sources = [machine.state], [], [], [machine.roots_source()]
    for item in play.inputs(machine):
        inputs.append(item)
        gas.append(machine.step(item).gas_used)
        states.append(machine.state)
        sources.append(machine.roots_source())
    count = len(inputs)
    segments = {(0, count), *((i, i + 1) for i in range(count))}
    segments |= {tuple(sorted(random.sample(range(count + 1), 2))) for _ in range(3)}
    for first, last in segments:
        post, used, witness = build_witness(
            RULES, states[first], inputs[first:last], sources[first], machine.header
        )
        assert (post, used) == (states[last], sum(gas[first:last]))
        trace = Trace(CHAIN_ID, "prague", CAP, states[first], post, tuple(inputs[first:last]), witness)
        verdict = judge(trace, used)
        assert verdict.result and verdict.gas_used == used, verdict
        for wrong, paid in tampered(trace, used, random):
            judge(wrong, paid)


def tampered(trace: Trace, gas: int, random) -> Iterable[tuple[Trace, int]]:
    """Most of these are false; some are not, and then must be true for both."""
    partial = list(without_one_item(trace.witness))
    for witness in random.sample(partial, min(3, len(partial))):
        yield replace(trace, witness=witness), gas
    yield trace, gas + random.choice([-1, 1, 100_000]) if gas else 1
    yield replace(trace, pre=random_change(trace.pre, random)), gas
    yield replace(trace, post=random_change(trace.post, random)), gas
    yield replace(trace, tx_gas_cap=random.choice([0, 21_000, 150_000])), gas
    yield replace(trace, chain_id=1), gas
    if trace.inputs:
        shuffled = list(trace.inputs)
        random.shuffle(shuffled)
        yield replace(trace, inputs=tuple(shuffled)), gas


def random_change(state: StepState, random) -> StepState:
    if state.open is None or random.random() < 0.3:
        name = random.choice(["block_hash", "fragments_hash", "fragments_size"])
        return replace(state, **{name: b"\x01" * 32 if name != "fragments_size" else 3})
    value = random.choice([0, 1, 50_000, CAP, 2**64 - 1])
    name = random.choice(
        ["number", "base_fee_per_gas", "excess_blob_gas", "transaction_count", "gas_used", "transactions_root",
         "receipts_root", "timestamp", "gas_limit", "deposit_requests"]
    )  # fmt: skip
    if name in ("timestamp", "gas_limit"):
        return replace(
            state, open=replace(state.open, attributes=replace(state.open.attributes, **{name: value}))
        )
    if name.endswith("_root"):
        return replace(state, open=replace(state.open, **{name: random.choice([EMPTY_ROOT, bytes(32)])}))
    if name == "deposit_requests":
        return replace(state, open=replace(state.open, deposit_requests=bytes(random.choice([1, 192]))))
    return replace(state, open=replace(state.open, **{name: max(value, 1) if name == "number" else value}))


# -- made on purpose --

SENDER = WALLETS[0]


class Chain:
    """A genesis with `code` at CONTRACTS[0], and a machine in its first block."""

    def __init__(self, alloc=None, gas_limit: int = 30_000_000, cap: int = CAP) -> None:
        balances = {SENDER.address: 10**20}
        header, nodes, codes = build_genesis(balances | (alloc or {}), CHAIN_ID, gas_limit, 1_000, 10**9)
        self.cap = cap
        self.gas_limit = gas_limit
        self.rules = Rules(CHAIN_ID, tx_gas_cap=cap or None)
        self.nodes, self.codes = nodes, codes
        source = OverlaySource(nodes, codes, NoSource())
        self.machine = Machine(
            self.rules,
            source,
            StepState(header.state_root, header.hash),
            {header.hash: header.rlp()}.__getitem__,
        )
        assert self.step(self.start(1_002)).result

    def start(self, time: int, **changes) -> BlockStart:
        attributes = BlockAttributes(time, b"\xfe" * 20, bytes(32), self.gas_limit, b"\x07" * 32)
        return BlockStart(replace(attributes, **changes), Cursor(0, 0, 1))

    def trace(self, *inputs: Input) -> tuple[Trace, int]:
        pre = self.machine.state
        post, gas, witness = build_witness(
            self.rules, pre, inputs, self.machine.roots_source(), self.machine.header
        )
        return Trace(CHAIN_ID, "prague", self.cap, pre, post, inputs, witness), gas

    def step(self, item: Input) -> Verdict:
        """Both engines' verdict about this step, which is then taken."""
        trace, gas = self.trace(item)
        self.outcome = self.machine.step(item)
        return judge(trace, gas)

    def send(self, **fields) -> Transaction:
        nonce = self.machine.world.get_nonce(SENDER.address)
        return Transaction(
            SENDER.typed(**{"chain_id": CHAIN_ID, "nonce": nonce, "to": CONTRACTS[0]} | fields)
        )


@pytest.mark.parametrize("wrong", WRONG)
def test_no_ops(wrong):
    chain = Chain({CONTRACTS[0]: GenesisAccount(nonce=1, code=b"\x00")})
    if wrong == "block gas":
        chain = Chain(gas_limit=CAP - 10_000, cap=0)
    if wrong == "nonce too low":
        chain.step(chain.send())
    before = chain.machine.state
    raw = sign(Send(0, 2, CONTRACTS[0], 0, b"", 100_000, (), wrong), chain.machine)
    assert chain.step(Transaction(raw, before.cursor)).result
    assert chain.outcome.rejection is not None
    assert chain.machine.state == before


def test_a_transaction_when_no_block_is_open():
    chain = Chain()
    chain.step(BatchEnd())
    assert chain.step(chain.send()).result
    assert chain.outcome.rejection.reason is Rejection.NO_OPEN_BLOCK


DEPOSIT_TOPIC = bytes.fromhex("649bbc62d0e31342afea4e5cd82d4049e7e1ee912fc0889aa790803be39038c5")
DEPOSIT_EVENT = b"".join(
    [value.to_bytes(32, "big") for value in (160, 256, 320, 384, 512, 48)]
    + [b"\x11" * 48 + bytes(16), (32).to_bytes(32, "big"), b"\x22" * 32, (8).to_bytes(32, "big")]
    + [b"\x33" * 8 + bytes(24), (96).to_bytes(32, "big"), b"\x44" * 96, (8).to_bytes(32, "big")]
    + [b"\x55" * 8 + bytes(24)]
)
# Logs its calldata with the topic of a deposit, after as many rounds of nothing as the first byte says.
LOG_CALLDATA = push(1) + push(0) + b"\x55" + b"\x36\x5f\x5f\x37\x7f" + DEPOSIT_TOPIC + b"\x36\x5f\xa1\x00"


def test_deposit_events():
    chain = Chain({DEPOSIT_CONTRACT_ADDRESS: GenesisAccount(nonce=1, code=LOG_CALLDATA)})
    deposit = {"to": DEPOSIT_CONTRACT_ADDRESS, "gas": 200_000}
    assert chain.step(chain.send(**deposit, data=DEPOSIT_EVENT)).result
    assert chain.machine.state.open.deposit_requests == b"".join(
        (b"\x11" * 48, b"\x22" * 32, b"\x33" * 8, b"\x44" * 96, b"\x55" * 8)
    )
    for bent in (DEPOSIT_EVENT[:-1], DEPOSIT_EVENT[32:], b"\x01" + DEPOSIT_EVENT[1:]):
        before = chain.machine.state
        bad = chain.send(**deposit, data=bent)
        trace, gas = chain.trace(bad)
        assert gas == 0 and trace.post == replace(before, cursor=bad.next)
        assert not judge(trace, 0).result, "nobody has paid for finding out"
        good = chain.send(to=DEPOSIT_CONTRACT_ADDRESS, gas=200_000, data=DEPOSIT_EVENT)
        nonce = chain.machine.world.get_nonce(SENDER.address) + 1
        trace, gas = chain.trace(bad, good, chain.send(nonce=nonce))
        assert judge(trace, gas).result, "those after it pay for more"
        assert chain.step(good).result
    assert chain.step(BatchEnd()).result
    assert (
        chain.outcome.sealed.requests[0][:1] == b"\x00"
        and len(chain.outcome.sealed.requests[0]) == 1 + 4 * 192
    )


def test_the_deepest_calls():
    """Each frame calls itself and then counts in slot 0: 1024 below the first."""
    recursive = bytes.fromhex("5f5f5f5f5f305af150" + "5f546001015f55")
    alloc = {CONTRACTS[0]: GenesisAccount(nonce=1, code=recursive), SENDER.address: 10**30}
    chain = Chain(alloc, gas_limit=1 << 50, cap=0)
    assert chain.step(chain.send(gas=10**13, tip=0, fee=10**9)).result
    assert chain.machine.world.get_storage(CONTRACTS[0], 0) == 1025


def test_work_stops_at_what_was_paid_for():
    chain = Chain({CONTRACTS[0]: GenesisAccount(nonce=1, code=bytes.fromhex("5b5f56"))})
    trace, gas = chain.trace(chain.send(gas=CAP))
    assert gas == CAP
    assert "WorkLimitExceeded" in judge(trace, 60_000).reason
    blake2 = (
        bytes.fromhex("63")
        + (10**7).to_bytes(4, "big")
        + bytes.fromhex("60e01b5f52" + "5f5f60d55f5f60095af1")
    )
    chain = Chain({CONTRACTS[0]: GenesisAccount(nonce=1, code=blake2)})
    trace, gas = chain.trace(chain.send(gas=CAP))
    assert gas > 10**7
    assert "WorkLimitExceeded" in judge(trace, 60_000).reason


def test_system_calls_are_not_endless():
    """Nobody pays for them: in a made-up state they end at a limit for the whole trace."""
    loop = GenesisAccount(nonce=1, code=bytes.fromhex("5b5f56"))
    beacon_roots = bytes.fromhex("000f3df6d732807ef1319fb7b8bb8522d0beac02")
    header, nodes, codes = build_genesis({beacon_roots: loop}, CHAIN_ID, 30_000_000, 1_000, 10**9)
    pre = StepState(header.state_root, header.hash)
    witness = Witness(tuple(nodes.values()), tuple(codes.values()), (header.rlp(),))
    start = BlockStart(BlockAttributes(1_002, bytes(20), bytes(32), 30_000_000, bytes(32)))
    machine = EelsMachine(Trace(CHAIN_ID, "prague", CAP, pre, pre, (start,), witness), Work(0, 100_000))
    with pytest.raises(WorkLimitExceeded):
        machine.step(start)


OTHER = bytes([9]) * 20
UNPAID_READS = {
    "CALL with too much memory": push(2**40) + push(0) * 4 + b"\x73" + OTHER + b"\x5a\xf1",
    "CALL with too little gas": push(0) * 5 + b"\x73" + OTHER + b"\x5a\xf1",
    "CALL with value in a STATICCALL": push(0) * 4 + push(1) + b"\x73" + OTHER + b"\x5a\xf1",
    "SELFDESTRUCT with too little gas": b"\x73" + OTHER + b"\xff",
    "EXTCODECOPY with too little gas": push(0) * 3 + b"\x73" + OTHER + b"\x3c",
}


@pytest.mark.parametrize("name", UNPAID_READS)
def test_what_is_read_before_it_is_paid_for(name):
    """A witness holds what execution-specs reads, no less and no more."""
    gas = 2_000 if "little" in name else 100_000
    outer = push(0) * 4 + b"\x73" + CONTRACTS[1] + push(gas) + b"\xfa\x5f\x55"
    accounts = {
        CONTRACTS[0]: GenesisAccount(nonce=1, code=outer),
        CONTRACTS[1]: GenesisAccount(nonce=1, code=UNPAID_READS[name]),
        OTHER: GenesisAccount(nonce=1, code=b"\x00"),
    }
    chain = Chain(accounts | {bytes([8]) + i.to_bytes(19, "big"): 1 for i in range(1, 40)})
    trace, used = chain.trace(chain.send(gas=200_000))
    assert judge(trace, used).result
    reads = accounts[OTHER].code in trace.witness.codes
    assert reads == ("EXTCODECOPY" not in name)
    for partial in without_one_item(trace.witness):
        assert not judge(replace(trace, witness=partial), used).result


def test_attributes_that_no_client_accepts():
    chain = Chain()
    trace, _ = chain.trace(chain.start(1_004))
    assert judge(trace, 0).result
    for wrong in (
        {"timestamp": 1_002},
        {"extra_data": bytes(33)},
        {"gas_limit": 30_000_000 + 30_000_000 // 1024},
        {"gas_limit": 4_999},
    ):
        assert not judge(replace(trace, inputs=(chain.start(1_004, **wrong),)), 0).result


def test_blocks_that_cannot_be_sealed():
    for address in ("00000961ef480eb55e80d19ad83579a64c007002", "0000bbddc7ce488642fb579f8b00f3a590007251"):
        for code in (b"", b"\xfe"):
            chain = Chain({bytes.fromhex(address): GenesisAccount(nonce=1, code=code)})
            pre = chain.machine.state
            source = chain.machine.roots_source()
            everything = Witness(
                (*source._nodes.values(), *chain.nodes.values()),
                (*source._codes.values(), *chain.codes.values()),
            )
            post = replace(pre, open=None, block_hash=b"\x01" * 32)
            verdict = judge(Trace(CHAIN_ID, "prague", CAP, pre, post, (BatchEnd(),), everything), 0)
            assert not verdict.result and "InvalidBlock" in verdict.reason


def test_hostile_encodings_are_false():
    chain = Chain()
    trace, gas = chain.trace(chain.send())
    encoded = encode_trace(trace)
    roots = trace.pre.state_root, trace.post.state_root
    assert both(*roots, gas, encoded).result
    nested = b"\xc0"
    for _ in range(5_000):
        nested = wrap_list(nested)
    bent = [b"", b"\xff" * 1_000, encoded[:-1], encoded[:-32], encoded + bytes(32), encoded[:32] + encoded]
    bent += [encoded.replace(b"prague", b"osaka\0"), encoded.replace(b"prague", b"\xff" * 6)]
    witness = abi.encode_witness(trace.witness)
    bent += [
        encoded.replace(witness, other.ljust(len(witness), b"\0")) for other in (nested[: len(witness)], b"")
    ]
    for junk in bent:
        assert not both(*roots, gas, junk).result
    for raw in (b"\x02" + nested, nested, b"\xf8\x00", b"\xbf" + b"\xff" * 8):
        trace, gas = chain.trace(Transaction(raw))
        assert judge(trace, gas).result, "a no-op"


def test_many_offsets_to_one_place():
    """10,000 inputs that are all one input of 100 KB: eth_abi would make a gigabyte of it."""
    chain = Chain()
    trace, _ = chain.trace(Skip())
    big = encode_trace(replace(trace, inputs=(Transaction(b"\x01" * 100_000),)))
    count = 10_000
    head = big.index(b"\x01" * 100_000) - 8 * 32  # of inputs: length, offset, kind, offset, cursor, size
    assert int.from_bytes(big[head : head + 32], "big") == 1
    offset = (32 * count).to_bytes(32, "big")
    bent = big[:head] + count.to_bytes(32, "big") + offset * count + big[head + 64 :]
    assert not both(trace.pre.state_root, trace.post.state_root, 0, bent).result


@cache
def small_trace() -> tuple[Trace, int]:
    chain = Chain()
    return chain.trace(chain.send(value=5))


@given(st.data())
@settings(SETTINGS, max_examples=100)
def test_bytes_of_a_trace_flipped(data):
    trace, gas = small_trace()
    encoded = bytearray(encode_trace(trace))
    for at in data.draw(st.lists(st.integers(0, len(encoded) - 1), min_size=1, max_size=2)):
        encoded[at] ^= data.draw(st.integers(1, 255))
    both(trace.pre.state_root, trace.post.state_root, gas, bytes(encoded))


def test_the_private_instance_of_eels_is_private():
    assert prague.state.get_storage is not stock_state.get_storage
    assert stock_state.get_storage.__module__ == "ethereum.forks.prague.state"
    assert prague.state.modify_state.__code__.co_filename == stock_state.modify_state.__code__.co_filename


# -- its trie, against the other one --


class Recorder:
    def __init__(self, nodes: dict[bytes, bytes]) -> None:
        self.nodes, self.read = nodes, set()

    def node(self, wanted: bytes) -> bytes:
        if wanted not in self.nodes:
            raise InvalidWitness("missing")
        self.read.add(wanted)
        return self.nodes[wanted]


short_keys = st.binary(min_size=2, max_size=2).map(lambda key: bytes(byte & 0x13 for byte in key))
trie_values = st.sampled_from([b"\x01", b"\x02" * 31, b"\x03" * 40])


@settings(SETTINGS, max_examples=300)
@given(
    st.dictionaries(short_keys, trie_values, max_size=20),
    st.lists(st.tuples(short_keys, st.one_of(st.none(), trie_values)), max_size=8),
    st.integers(0, 30),
)
def test_tries_agree(content, changes, missing):
    full = Trie(NoSource())
    for key, value in content.items():
        full.set(key, value)
    root, nodes = full.root(), full.new_nodes()
    gone = sorted(nodes)[missing : missing + 1]
    for left_out in ([], gone):
        known = {node_hash: node for node_hash, node in nodes.items() if node_hash not in left_out}
        one, other = Recorder(known), Recorder(known)
        trie, partial = Trie(one, root), PartialTrie(other.node, root)
        results = [outcome(trie, changes), outcome(partial, changes)]
        assert results[0] == results[1]
        assert one.read == other.read
        if not left_out:
            assert results[0] is not None


def outcome(trie: Trie | PartialTrie, changes) -> tuple[list[bytes | None], bytes] | None:
    try:
        return change(trie, changes)
    except InvalidWitness:
        return None


def change(trie: Trie | PartialTrie, changes) -> tuple[list[bytes | None], bytes]:
    put, remove = (trie.set, trie.delete) if isinstance(trie, Trie) else (trie.put, trie.remove)
    found = []
    for key, value in changes:
        found.append(trie.get(key))
        remove(key) if value is None else put(key, value)
    return found, trie.root()


def test_codes_and_hashes_are_verified():
    node = b"\xc2\x20\x01"
    assert PartialTrie(lambda _: node, keccak(node)).get(b"") == b"\x01"
    with pytest.raises(InvalidWitness):
        PartialTrie(Recorder({}).node, keccak(node)).get(b"")


MALFORMED = {
    "not a list": b"\x83abc",
    "three items": b"\xc3\x20\x01\x01",
    "leaf without a value": b"\xc2\x20\x80",
    "bad flag": b"\xc2\x40\x01",
    "padding of a path": b"\xc2\x21\x01",
    "extension without a path": b"\xc4\x00\xc2\x20\x01",
    "extension to a leaf": b"\xc4\x11\xc2\x20\x01",
    "branch of one": b"\xd3\xc2\x20\x01" + b"\x80" * 16,
    "trailing byte": b"\xc2\x20\x01\x00",
    "longer than needed": b"\xc3\x20\x81\x01",
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_nodes(name):
    nodes = Recorder({keccak(MALFORMED[name]): MALFORMED[name]})
    root = keccak(MALFORMED[name])
    for trie in (Trie(nodes, root), PartialTrie(nodes.node, root)):
        with pytest.raises(InvalidWitness):
            trie.get(b"\x11")


def test_an_extension_leads_to_a_branch():
    leaf = b"\xe2\x20\xa0" + b"\x01" * 32
    extension = b"\xe2\x11\xa0" + keccak(leaf)
    nodes = Recorder({keccak(node): node for node in (leaf, extension)})
    for trie in (Trie(nodes, keccak(extension)), PartialTrie(nodes.node, keccak(extension))):
        with pytest.raises(InvalidWitness, match="branch"):
            trie.get(b"\x11")


def test_encodings_of_a_trace_are_the_same():
    """The shapes that both decoders know are one."""
    chain = Chain()
    trace, _ = chain.trace(chain.send(data=b"\x05"), BatchEnd(Cursor(1, 2, 3)), chain.start(2_000))
    assert decode_trace(encode_trace(trace)) == abi.decode_trace(encode_trace(trace)) == trace
    assert encode(abi.STEP_STATE, abi.state_tuple(trace.pre)) == abi.encode_state(trace.pre)
