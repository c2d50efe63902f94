"""JSON-RPC over HTTP and WebSocket, and the `eth_*` namespaces over any chain that is a `chain.view.ChainView`.

`rpc.server.RpcServer` is the transport, `rpc.dispatch.Dispatcher` the registry of methods, `rpc.node.build_dispatcher`
puts the standard namespaces over a chain. Nothing in here knows about the rollup.
"""
