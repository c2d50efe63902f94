"""What one caller may cost the server. Times are in seconds, sizes in bytes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServerLimits:
    max_body: int = 5_000_000  # of one HTTP request or WebSocket message; an L1 that takes blobs wants 16 MB
    max_response: int = 25_000_000  # of one answer, a batch as a whole
    max_batch: int = 1_000
    max_depth: int = 64  # nesting of arrays and objects in a request
    max_values: int = 200_000  # strings, numbers, arrays, ... in a request
    max_number_digits: int = 78  # of a JSON number: 2**256 has 78
    call_timeout: float = 10.0
    batch_timeout: float = 30.0
    max_calls: int = 1_024  # calls under way at a time, over all connections
    workers: int = 4  # threads for calls that compute
    worker_queue: int = 512  # calls that may wait for a thread
    max_connections: int = 512
    header_timeout: float = 10.0  # from connecting to a whole first request line and headers
    body_timeout: float = 20.0  # for a request's body
    idle_timeout: float = 75.0  # of a kept-alive HTTP connection
    send_timeout: float = 20.0  # for a client to take one WebSocket message
    heartbeat: float = 30.0  # WebSocket pings
    websocket_calls: int = 16  # calls under way on one WebSocket
    websocket_backlog: int = 256  # calls that may wait there; beyond it, the connection isn't read
    max_subscriptions: int = 64  # on one WebSocket
    notification_queue: int = 4_096  # notifications a WebSocket client may fall behind
    shutdown_timeout: float = 5.0


@dataclass(frozen=True, slots=True)
class EthLimits:
    call_gas_cap: int = 50_000_000  # for eth_call, eth_estimateGas and eth_createAccessList
    max_log_range: int = 10_000  # blocks in one eth_getLogs
    max_logs: int = 10_000  # logs in one answer
    max_log_addresses: int = 1_000
    max_log_topics: int = 1_000  # alternatives in one position
    max_filters: int = 1_000
    filter_lifetime: float = 300.0  # since it was last asked for
    max_filter_backlog: int = 20_000  # changes one filter keeps
    max_fee_history: int = 1_024
    max_reward_percentiles: int = 100
    max_proof_keys: int = 1_024
    default_priority_fee: int = 1_000_000_000  # wei, where no recent block suggests one
