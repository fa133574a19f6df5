"""One description per op for the generic tests; see contract.py. Alphabetical."""

from contract import Contract

OPS: dict[str, Contract] = {}
