"""What no single key can say: keys that only make sense together. Pure; each check yields Problems."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from derivation.codec.dictionary import MAX_PAGES
from engines.quorum import majority
from engines.registry import ENGINES, OPTIONAL
from verdict.config.errors import Problem
from verdict.config.game import BLOCKS_PER_MOVE, BLOCKS_TO_CHALLENGE, game_budget
from verdict.config.models import Config, ExecutePricing

MIN_ENGINE_MEMORY = 512 << 20  # bytes

FULL_TRANSACTION = 131_072  # bytes: what public mempools take

LOOPBACK = {"127.0.0.1", "localhost", "::1", "0.0.0.0"}


def span(seconds: float) -> str:
    """A duration as a user would write it: 90 -> "90s", 7200 -> "2h", 172920 -> "2d2m"."""
    whole = int(seconds)
    if whole != seconds:
        return f"{seconds:g}s"
    if whole < 120:
        return f"{whole}s"
    text = ""
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, whole = divmod(whole, length)
        text += f"{count}{unit}" if count else ""
    return text


def check(config: Config) -> list[Problem]:
    """Every inconsistency of a configuration whose single keys are all right."""
    return [
        problem
        for part in (_chains, _rollup, _dispute, _data, _sequencer, _blobs, _embedded, _ports)
        for problem in part(config)
    ]


def _chains(config: Config) -> Iterator[Problem]:
    if config.l1.chain_id == config.rollup.chain_id:
        yield Problem("rollup.chain_id", f"is the L1's too ({config.l1.chain_id}): a transaction signed for one "
                      "chain would be valid on the other; choose another")


def _rollup(config: Config) -> Iterator[Problem]:
    rollup = config.rollup
    if rollup.sequencing == "single" and rollup.sequencer is None:
        yield Problem("rollup.sequencer", 'is missing: sequencing = "single" needs the address that posts batches')
    if rollup.sequencing == "based" and rollup.sequencer is not None:
        yield Problem("rollup.sequencer", 'must be left out: with sequencing = "based" nobody has an exclusive right')
    if rollup.base_fee < 7:
        yield Problem("rollup.base_fee", "must be at least 7 wei, or EIP-1559 can never raise it again")
    if rollup.max_drift < 1:
        yield Problem("rollup.max_drift", 'must be at least "1s": with none a batch could have only one block')
    if rollup.exclusive_timeout < 10 * config.l1.slot and rollup.sequencing == "single":
        yield Problem("rollup.exclusive_timeout", f'must be at least "{span(10 * config.l1.slot)}" (10 L1 blocks), '
                      "or the sequencer loses its right between two batches")
    if rollup.exclusive_timeout > 30 * 86400:
        yield Problem("rollup.exclusive_timeout", 'must be at most "30d": longer than that nobody could replace a '
                      "sequencer that is gone")
    if rollup.force_fee == 0:
        yield Problem("rollup.force_fee", 'must be at least "1 wei", or the price can never rise')
    seen: dict[str, int] = {}
    for index, entry in enumerate(rollup.alloc):
        if entry.address in seen:
            yield Problem(f"rollup.alloc[{index}].address", f"is in rollup.alloc[{seen[entry.address]}] already")
        seen.setdefault(entry.address, index)


def _dispute(config: Config) -> Iterator[Problem]:
    dispute, slot = config.dispute, config.l1.slot
    if dispute.assertion_bond == 0:
        yield Problem("dispute.assertion_bond", "is zero: lying would cost nothing and nobody would be paid for a kill")
    if dispute.challenge_bond == 0:
        yield Problem("dispute.challenge_bond", "is zero: anyone could keep the asserter busy for nothing")
    if dispute.reward > 5000:
        yield Problem("dispute.reward", 'is more than "50%": at least half of a lost bond is burned, or a liar could '
                      "pay it to itself")
    if dispute.reward == 0:
        yield Problem("dispute.reward", "is zero: nobody would have a reason to challenge")
    budget = game_budget(dispute.stride, dispute.arity, dispute.clock, slot)
    stride = "a whole batch (stride = 0)" if dispute.stride == 0 else f"{dispute.stride} steps"
    if dispute.clock < max(budget.clock, 1):
        needed = span(max(budget.clock, 1))
        yield Problem("dispute.clock", f'"{span(dispute.clock)}" is shorter than the game needs: {stride} at arity '
                      f"{dispute.arity} take {budget.rounds} rounds, {budget.moves} moves of one side, each up to "
                      f'{BLOCKS_PER_MOVE} L1 blocks of {span(slot)}: at least "{needed}"')
    if dispute.window > 365 * 86400:
        yield Problem("dispute.window", 'must be at most "365d"')
    if dispute.window < budget.window:
        clocks = f"both clocks (2 * {span(dispute.clock)})"
        needed = (f"{clocks} and {BLOCKS_TO_CHALLENGE} L1 blocks of {span(slot)} to find the error must fit in"
                  if budget.rounds or 2 * dispute.clock < budget.window - 1 else f"the contract wants more than {clocks}")
        yield Problem("dispute.window", f'"{span(dispute.window)}" is too short: {needed}: at least "{span(budget.window)}"')


def _data(config: Config) -> Iterator[Problem]:
    files = config.data.dictionary
    if len(files) > MAX_PAGES:
        yield Problem("data.dictionary", f"has {len(files)} pages, and a batch can name {MAX_PAGES}")
    if len(set(files)) < len(files):
        yield Problem("data.dictionary", "has a page twice")


def _sequencer(config: Config) -> Iterator[Problem]:
    sequencer, rollup = config.sequencer, config.rollup
    if sequencer.batch_interval + 10 * config.l1.slot > rollup.max_origin_age * config.l1.slot:
        yield Problem("sequencer.batch_interval", f'"{span(sequencer.batch_interval)}" is too long: a batch posted so '
                      f"late would name an L1 origin older than rollup.max_origin_age ({rollup.max_origin_age} blocks "
                      f"of {span(config.l1.slot)})")
    if sequencer.batch_interval > rollup.max_drift:
        yield Problem("sequencer.batch_interval", f'"{span(sequencer.batch_interval)}" is longer than rollup.max_drift '
                      f'("{span(rollup.max_drift)}"): the last blocks of a batch would be too far ahead of its L1 origin')
    if sequencer.block_time > sequencer.batch_interval:
        yield Problem("sequencer.block_time", f'"{span(sequencer.block_time)}" is longer than sequencer.batch_interval')
    pages = sequencer.pages or ()
    if len(pages) > MAX_PAGES:
        yield Problem("sequencer.pages", f"names {len(pages)} pages, and a batch can name {MAX_PAGES}")
    if len(set(pages)) < len(pages):
        yield Problem("sequencer.pages", "names a page twice")
    for name, settings in (("sequencer", sequencer.transactions), ("challenger", config.challenger.transactions)):
        if settings.min_tip > settings.max_fee:
            yield Problem(f"{name}.transactions.min_tip", "is above max_fee: no transaction could ever be sent")


def _blobs(config: Config) -> Iterator[Problem]:
    least = config.dispute.window + 86400
    if config.blobs.keep_for < least:
        yield Problem("blobs.keep_for", f'"{span(config.blobs.keep_for)}" is too short: checkpoints of an assertion that '
                      f'can still be disputed would be lost; at least dispute.window and a day, "{span(least)}"')


def _embedded(config: Config) -> Iterator[Problem]:
    embedded = config.l1.embedded
    if embedded is None:
        return
    step_gas = min(config.rollup.tx_gas_cap, config.rollup.gas_limit)
    if embedded.execute.cumulative_gas_limit < step_gas:
        yield Problem("l1.embedded.execute.cumulative_gas_limit", f"is below {step_gas:,}, the gas of the largest L2 "
                      "transaction: a lie in it could not be proved")
    if embedded.execute.cumulative_gas_target > embedded.execute.cumulative_gas_limit:
        yield Problem("l1.embedded.execute.cumulative_gas_target", "is above cumulative_gas_limit: the price would never rise")
    if embedded.execute.min_gas_price == 0:
        yield Problem("l1.embedded.execute.min_gas_price", 'must be at least "1 wei", or the price can never rise')
    yield from _engines(embedded.execute)
    full = embedded.execute.fixed_gas + FULL_TRANSACTION * embedded.execute.gas_per_byte
    if full > embedded.gas_limit:
        yield Problem("l1.embedded.execute.gas_per_byte", f"is too much: EXECUTE over {FULL_TRANSACTION:,} bytes would take "
                      f"{full:,} gas, and an L1 block has {embedded.gas_limit:,}")
    if embedded.seconds_per_slot > max(embedded.block_time, 1):
        yield Problem("l1.embedded.seconds_per_slot", f'is more than block_time ("{span(embedded.block_time)}"): time on '
                      "the chain would run ahead of the clock")
    if embedded.blob_retention * embedded.block_time < config.dispute.window:
        yield Problem("l1.embedded.blob_retention", f"is too little: {embedded.blob_retention:,} blocks of "
                      f'{span(embedded.block_time)} are less than dispute.window ("{span(config.dispute.window)}"), and '
                      "without its blobs no assertion can be disputed")
    if embedded.base_fee < 7:
        yield Problem("l1.embedded.base_fee", "must be at least 7 wei, or EIP-1559 can never raise it again")
    if config.l1.block_time is not None and config.l1.block_time != embedded.block_time:
        yield Problem("l1.block_time", f'differs from l1.embedded.block_time ("{span(embedded.block_time)}"); leave it out')
    for key, url, port in (("rpc_url", config.l1.rpc_url, embedded.port),
                           ("beacon_url", config.l1.beacon_url, embedded.beacon_port)):
        parts = urlsplit(url)
        if parts.hostname in LOOPBACK and parts.port != port:
            other = "port" if key == "rpc_url" else "beacon_port"
            yield Problem(f"l1.{key}", f"is not where `verdict l1` will listen: l1.embedded.{other} is {port}")


def _engines(execute: ExecutePricing) -> Iterator[Problem]:
    names = [name.removesuffix(OPTIONAL) for name in execute.engines]
    for name in sorted(set(names) - set(ENGINES)):
        yield Problem("l1.embedded.execute.engines", f'names "{name}", and there are {", ".join(ENGINES)}')
    if len(set(names)) < len(names):
        yield Problem("l1.embedded.execute.engines", "names an engine twice: it would have two votes")
    least, sure = majority(len(names)), sum(not name.endswith(OPTIONAL) for name in execute.engines)
    if not least <= execute.threshold <= len(names):
        yield Problem("l1.embedded.execute.threshold", f"is {execute.threshold}, and {len(names)} engines need {least} "
                      f"to {len(names)}: with fewer, two different answers could both have it")
    elif execute.threshold > sure:
        yield Problem("l1.embedded.execute.threshold", f"is {execute.threshold}, and only {sure} engines take part for "
                      f'certain; the others have a "{OPTIONAL}"')
    if execute.memory_limit < MIN_ENGINE_MEMORY:
        yield Problem("l1.embedded.execute.memory_limit", "is too little: an engine needs 512 MiB to come up")


def _ports(config: Config) -> Iterator[Problem]:
    taken: dict[int, str] = {}
    ports = []
    if config.l1.embedded is not None:
        ports += [("l1.embedded.port", config.l1.embedded.port),
                  ("l1.embedded.beacon_port", config.l1.embedded.beacon_port),
                  ("l1.embedded.metrics_port", config.l1.embedded.metrics_port)]
    else:
        for key, url in (("l1.rpc_url", config.l1.rpc_url), ("l1.beacon_url", config.l1.beacon_url)):
            parts = urlsplit(url)
            if parts.hostname in LOOPBACK and parts.port is not None:
                taken.setdefault(parts.port, key)
    ports += [
        ("sequencer.port", config.sequencer.port),
        ("sequencer.metrics_port", config.sequencer.metrics_port),
        ("node.port", config.node.port),
        ("node.metrics_port", config.node.metrics_port),
        ("challenger.metrics_port", config.challenger.metrics_port),
        ("challenger.port", config.challenger.port),
    ]
    for key, port in ports:
        if port and port in taken:
            yield Problem(key, f"is {port}, as is {taken[port]}; choose another")
        taken.setdefault(port, key)
