"""The embedded L1: a Prague chain with EXECUTE, blobs, JSON-RPC, beacon endpoints and reorgs on demand.

    async with EmbeddedL1(EmbeddedL1Settings(port=0, beacon_port=0)) as l1:
        print(l1.rpc_url, l1.beacon_url)
"""
