"""Runs that go well and runs that do not, for worker processes of the tests."""

import os
import time
from typing import Any

OUTCOME = {
    "figures": {"exponent": 1.3, "rounds": 9},
    "says": "Nearly.",
    "machine": "a machine",
    "date": "",
    "code": "0123",
    "seconds": 0.5,
    "verdict": "partly",
}


def measured(id: str) -> dict[str, Any]:
    """What a worker gives, by the claim that it is asked for."""
    if id == "mmrec-clamp":
        raise ValueError("the figures\nare odd")
    if id == "mmrec-core-scan":
        os._exit(3)
    if id == "mars-duality":
        time.sleep(600)
    if id == "mmrec-add-back":
        return {"cannot": "there is no GPU", "machine": "a machine", "code": "0", "seconds": 0.0}
    return OUTCOME


def exponent() -> None:
    """Named by a claim of the tests; never run."""
