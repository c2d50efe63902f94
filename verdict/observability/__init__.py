"""What an operator sees of a daemon: its figures for Prometheus, and whether it can do what it has to."""
