"""Slow evidence: each module measures what its name says, ``python -m benchmarks NAME``."""
