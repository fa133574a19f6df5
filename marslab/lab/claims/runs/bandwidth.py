"""How near linear_scan comes to the rate at which this machine moves memory."""

from statistics import median

import torch

from marslab.kernels import linear_scan
from marslab.kernels.roofline import watch
from marslab.lab.bench.conditions import code_of
from marslab.lab.bench.report import Row
from marslab.lab.bench.shipped import shipped
from marslab.lab.claims.outcome import UNKNOWN, CannotTest, Outcome

SIZES = (4, 4096, 1024)  # B, L, D: 64 MiB an array, beyond the caches
ROUNDS = 7
REPORT = "linear_scan-h200.json"


def on_this_cpu() -> Outcome:
    """Bytes a second of the forward scan over those of torch.add, both allocating their result."""
    torch.manual_seed(0)
    a, b = torch.rand(SIZES), torch.randn(SIZES)
    calls = {"scan": lambda: linear_scan(a, b), "add": lambda: torch.add(a, b)}
    for call in calls.values():
        call()
    rounds = [{name: watch(call)() for name, call in calls.items()} for _ in range(ROUNDS)]
    shares = sorted(each["add"] / each["scan"] for each in rounds)
    moved = 3 * a.numel() * a.element_size()
    figures = {
        "share_of_add": median(shares),
        "lowest_round": shares[0],
        "highest_round": shares[-1],
        "scan_gb_s": moved / median(each["scan"] for each in rounds) / 1e9,
        "threads": torch.get_num_threads(),
    }
    says = (
        f"linear_scan moves {figures['share_of_add']:.0%} of the bytes a second of torch.add "
        f"({shares[0]:.0%} to {shares[-1]:.0%} over {ROUNDS} rounds, "
        f"{torch.get_num_threads()} thread)."
    )
    return Outcome(figures, says)


def on_the_shipped_gpu() -> Outcome:
    """The share of the copy rate in the shipped benchmark of a GPU: its figures, not new ones."""
    found = shipped("linear_scan")
    if found is None:
        raise CannotTest(f"data/bench/{REPORT} is not there")
    conditions = found.conditions
    shares = {
        f"{row.case.dtype} {row.case.direction} L {row.case.sizes['L']:,}": _share(row)
        for row in found.rows
    }
    if not shares:
        raise CannotTest(f"data/bench/{REPORT} holds no figure of ours")
    slowest = min(shares, key=lambda name: shares[name])
    figures = {
        "least_share_of_copy": shares[slowest],
        "largest_share_of_copy": max(shares.values()),
        "copy_gb_s": conditions["stream_gb_s"],
        "rows": len(shares),
    }
    current = conditions.get("code of linear_scan") == code_of("linear_scan")
    says = (
        f"Read from data/bench/{REPORT}: {shares[slowest]:.0%} of the copy rate or more in all "
        f"{len(shares)} rows; the least is {slowest}."
        + ("" if current else " It was measured with other code, so it counts as stale.")
    )
    code = "" if current else UNKNOWN
    return Outcome(figures, says, str(conditions["machine"]), str(conditions["date"]), code)


def _share(row: Row) -> float:
    ours = row.best()
    if ours is None:
        raise CannotTest(f"data/bench/{REPORT} has a row without a figure of ours")
    return row.floor_ms / ours.ms
