"""How the rollup stands, read from L1, as plain data: for `verdict status`, the daemons' web page, and whoever asks."""
