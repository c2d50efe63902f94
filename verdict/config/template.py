"""The TOML that `verdict init` writes."""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Choices:
    """What differs between new rollups. `l1_rpc` empty: on an embedded L1 on this machine."""

    name: str
    chain_id: int
    l1_rpc: str
    l1_beacon: str
    l1_chain_id: int
    sequencer: str
    dictionary: tuple[str, ...] = ()  # files, relative to the TOML


def render(choices: Choices) -> str:
    """The text of configs/NAME.toml."""
    embedded = not choices.l1_rpc
    return _TEMPLATE.format(
        name=choices.name,
        dictionary=json.dumps(choices.dictionary),
        chain_id=choices.chain_id,
        sequencer=choices.sequencer,
        l1=_EMBEDDED if embedded else _ELSEWHERE.format(
            rpc=choices.l1_rpc, beacon=choices.l1_beacon, chain_id=choices.l1_chain_id),
        alloc=_TEST_ALLOC if embedded else _NO_ALLOC,
        window="5m" if embedded else "7d",
        clock="1m" if embedded else "1d",
        batch_interval="10s" if embedded else "5m",
        resubmit_after="10s" if embedded else "48s",
    )


_EMBEDDED = '''[l1]
rpc_url = "http://127.0.0.1:8545"
beacon_url = "http://127.0.0.1:5052"
chain_id = 31337
confirmations = 0               # L1 blocks on top before the daemons act on one

[l1.embedded]                   # what `verdict l1` runs
port = 8545
beacon_port = 5052
block_time = "2s"
persistent = false              # true: kept in data_dir/l1
'''

_ELSEWHERE = '''[l1]
rpc_url = "{rpc}"
beacon_url = "{beacon}"         # must still have the blobs: mainnet clients keep them for 18 days
chain_id = {chain_id}
block_time = "12s"
confirmations = 2               # L1 blocks on top before the daemons act on one
'''

_TEST_ALLOC = '''[[rollup.alloc]]                # account 0 of the test mnemonic
address = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
balance = "10000 ether"

[[rollup.alloc]]                # account 3
address = "0x90F79bf6EB2c4f870365E785982E1f101E93b906"
balance = "10000 ether"
'''

_NO_ALLOC = '''# Accounts that have ether in the L2 genesis. With none, ether comes by deposits through the Inbox.
# [[rollup.alloc]]
# address = "0x..."
# balance = "1 ether"
'''

_TEMPLATE = '''# A Verdict rollup. All keys: docs/configuration.md. Check it: verdict config check -c configs/{name}.toml
#
# Durations and amounts always have a unit: "2s", "30m", "7d", "1 ether", "2 gwei", "10%".
# Private keys never lie here: VERDICT_DEPLOYER_KEY, VERDICT_SEQUENCER_KEY, VERDICT_CHALLENGER_KEY, or ..._KEY_FILE.

name = "{name}"
data_dir = "../data/{name}"     # deployment.json and databases; relative to this file

{l1}
# --- what the rollup is: fixed once it is deployed

[rollup]
chain_id = {chain_id}
gas_limit = 30000000            # of an L2 block
tx_gas_cap = 16777216           # of one L2 transaction; lower: a lie in it is cheaper to prove
base_fee = "1 gwei"             # of the genesis block; EIP-1559 moves it from there
fee_recipient = "{sequencer}"   # gets the priority fees
max_drift = "30m"               # how far L2 time may run ahead of the L1 origin
sequencing = "single"           # "based": anyone posts batches, and `sequencer` is left out
sequencer = "{sequencer}"       # may post batches
exclusive_timeout = "24h"       # silent for so long, anyone may post
max_origin_age = 7200           # L1 blocks

{alloc}
[dispute]
stride = 16                     # steps between checkpoints. 1: no games, 0: a whole batch
arity = 2                       # parts into which a round splits an interval
window = "{window}"             # how long an assertion can be challenged
clock = "{clock}"               # time of each side in a game, all its moves together
assertion_bond = "1 ether"
challenge_bond = "0.1 ether"
reward = "10%"                  # of the assertion bond, for a kill, above its costs

# --- how the daemons run: can be changed at any time

[data]
dictionary = {dictionary}   # files of pages that `verdict deploy` publishes: docs/dictionary.md

[sequencer]
host = "127.0.0.1"
port = 9545
block_time = "1s"
empty_blocks = false
batch_interval = "{batch_interval}"
target_blobs = 1                # 1 to 6
data = "blobs"                  # "calldata"; "auto": where it is cheaper
settlement = "optimistic"       # or "instant": each batch is proved on L1 by EXECUTE at once
assert_batches = true
confirm = true

[sequencer.transactions]        # how it sends transactions to L1
resubmit_after = "{resubmit_after}"
max_fee = "500 gwei"
max_blob_fee = "500 gwei"
min_tip = "1 gwei"

[challenger]
port = 9547                     # its web page (http://127.0.0.1:9547/view/) and /healthz
l1_rpc_urls = []                # further L1 clients: it waits while they disagree
poll = "1s"
max_proof_calldata = 100000     # bytes; a larger step proof is staged as contract code

[challenger.transactions]
resubmit_after = "{resubmit_after}"

[node]                          # `verdict node`: the chain from L1, read-only
port = 9546
# sequencer_url = "http://..."  # who takes its transactions; without it they are refused

[blobs]                         # where all daemons get blobs from, besides l1.beacon_url
beacon_urls = []
peer_urls = []                  # other Verdict daemons: their JSON-RPC port serves their blob archives
keep_for = "30d"
'''
