"""A table whose powers, ratios and losses are known."""

import pytest

from marslab.lab.lengths.plan import DOUBLINGS, FUSED, LAYERS, MARS, RIVAL, WRITTEN_OUT, code
from marslab.lab.lengths.table import LengthsTable, assembled

POWERS = {"ssd": 1.0, "s6": 1.0, "fft": 1.1, WRITTEN_OUT: 2.0, FUSED: 1.9}
READS = (512, 2048, 8192, 32768)


def layers() -> list[dict]:
    """Milliseconds with fixed costs at short lengths and one disturbed round; bytes to a power."""
    found = []
    for kind, lengths in LAYERS.items():
        for n in lengths:
            ms = 1e-3 * n ** POWERS[kind] * (5 if n <= max(lengths) / 16 else 1)
            memory = 2 if kind == WRITTEN_OUT else 1
            point = {"part": "layer", "kind": kind, "length": n, "ms": [ms, 40 * ms, ms]}
            point |= {"peak_bytes": 100 * n**memory}
            found.append(point | {"kept_bytes": 7 * n**memory if n in DOUBLINGS[1:4] else None})
    return found


def models() -> tuple[list[dict], list[dict]]:
    """The rival is 2 to 16 times slower at reading, half to 8 times at a step, more for 8 rows."""
    reads, steps = [], []
    for at, n in enumerate(READS):
        for kind, ms in ((MARS, n), (RIVAL, n * 2 ** (at + 1))):
            peak = {"peak_bytes": 1000 * n * (3 if kind == RIVAL else 1)}
            reads.append({"part": "model", "kind": kind, "length": n, "ms": [ms] * 2} | peak)
        for rows in (1, 8):
            for kind, ms, size in ((MARS, 4, 3000), (RIVAL, 2 * 2**at * rows, 10 * n)):
                point = {"kind": kind, "rows": rows, "context": n, "ms": [ms, ms]}
                steps.append(point | {"state_bytes": rows * size})
    return reads, steps


def lessons() -> list[dict]:
    """MARS is at the loss 1.0, which all reach, after 20 s, the rival after 30 or 40."""
    found = []
    for seed, late in enumerate((1, 2, 1)):
        rival = [2.0, 1.5, 0.9] if late == 2 else [2.0, 1.0, 0.9]
        shared = {"seed": seed}
        found.append(shared | {"kind": MARS, "seconds": [10, 20, 30], "losses": [2.0, 0.5, 0.4]})
        found.append(shared | {"kind": RIVAL, "seconds": [20, 30, 40], "losses": rival})
    found[1]["losses"] = [2.0, 1.0, 1.1]
    return found


@pytest.fixture
def toy() -> LengthsTable:
    reads, steps = models()
    told = {"machine": "a machine", "cores": 2, "threads": 1, "torch": "2", "method": "by turns"}
    told |= {"date": "2026-11-29T00:00:00Z", "code": code(), "plan": {"rows": [1, 8]}}
    told |= {"parameters": {MARS: 1000, RIVAL: 960}, "parameters_learning": {MARS: 100, RIVAL: 103}}
    return assembled(told, [*layers(), *reads], steps, lessons())
