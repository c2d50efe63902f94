"""Verdict's outside: configuration, command line, deployment, status, demo, logging."""
