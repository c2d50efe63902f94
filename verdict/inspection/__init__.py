"""What powers anyone has over a deployed rollup, read from L1: `verdict inspect`."""
