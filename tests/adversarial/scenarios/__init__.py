"""Scenarios. See tests/adversarial/README.md."""
