"""The `eth_*` namespace, a class for each topic, over a `chain.view.ChainView`."""
