"""The standard namespaces over a chain."""

from __future__ import annotations

from chain.view import ChainView
from rpc.debug import DebugNamespace
from rpc.dispatch import Dispatcher
from rpc.eth.blocks import BlockMethods
from rpc.eth.call import CallMethods
from rpc.eth.fees import FeeMethods
from rpc.eth.filters import FilterMethods
from rpc.eth.logs import LogMethods
from rpc.eth.reader import ChainReader
from rpc.eth.state import StateMethods
from rpc.eth.subscriptions import SubscriptionMethods
from rpc.eth.transactions import TransactionMethods
from rpc.limits import EthLimits, ServerLimits
from rpc.net import NetNamespace
from rpc.txpool import TxpoolNamespace


def build_dispatcher(
    chain: ChainView,
    *,
    limits: ServerLimits | None = None,
    eth_limits: EthLimits | None = None,
    client_version: str | None = None,
) -> Dispatcher:
    """`eth_*`, `debug_*`, `net_*`, `web3_*`, `txpool_*` over `chain`. More: `dispatcher.register(namespace)`."""
    eth = eth_limits or EthLimits()
    reader = ChainReader(chain)
    logs = LogMethods(reader, eth)
    filters = FilterMethods(reader, logs, eth)
    dispatcher = Dispatcher(limits)
    dispatcher.on_close(filters.close)
    dispatcher.register(
        BlockMethods(reader),
        StateMethods(reader, eth),
        TransactionMethods(reader),
        FeeMethods(reader, eth),
        CallMethods(reader, eth),
        logs,
        filters,
        SubscriptionMethods(reader, logs),
        DebugNamespace(reader),
        NetNamespace(chain, client_version),
        TxpoolNamespace(chain),
    )
    return dispatcher
