"""How time and memory of one layer grow with the length, from the measured table."""

from collections.abc import Mapping

from marslab.lab.claims.outcome import UNKNOWN, CannotTest, Outcome
from marslab.lab.lengths.findings import growth as fitted
from marslab.lab.lengths.plan import FUSED, SELECTIVE, WRITTEN_OUT, code
from marslab.lab.lengths.table import SHIPPED, LengthsTable, shipped_table

KINDS = {kind: kind.replace(" ", "_") for kind in (*SELECTIVE, WRITTEN_OUT, FUSED)}
POWERS = {"ms": "time", "peak_bytes": "peak", "kept_bytes": "memory"}
AT = 8192  # the longest length at which every kind was measured


def growth() -> Outcome:
    """Powers of the length with which time, the most memory and what is kept grow, by kind."""
    table = measured_table()
    figures: dict[str, float] = {}
    for kind, name in KINDS.items():
        for what, power in POWERS.items():
            found = fitted(table.curve(kind, what))
            figures[f"{power}_exponent_{name}"] = found.exponent
        figures[f"longest_{name}"] = max(table.curve(kind))
        figures[f"ms_at_{AT}_{name}"] = table.curve(kind)[AT]
        figures[f"peak_mb_at_{AT}_{name}"] = table.curve(kind, "peak_bytes")[AT] / 1e6
    told = {name: figures[f"time_exponent_{name}"] for name in KINDS.values()}
    kept = {name: figures[f"memory_exponent_{name}"] for name in KINDS.values()}
    says = (
        f"Time grows with the length to the power {told['ssd']:.2f} with the core ssd, "
        f"{told['s6']:.2f} with s6, {told['fft']:.2f} with fft, {told['attention']:.2f} with "
        f"attention written out and {told['fused_attention']:.2f} fused; what is kept for the "
        f"gradient to {kept['ssd']:.2f}, {kept['s6']:.2f}, {kept['fft']:.2f}, "
        f"{kept['attention']:.2f} and {kept['fused_attention']:.2f}."
    )
    return from_table(table, figures, says)


def measured_table() -> LengthsTable:
    """The shipped table of lengths.

    Errors:
        CannotTest: none is shipped
    """
    try:
        return shipped_table()
    except FileNotFoundError as error:
        raise CannotTest(
            f"data/bench/{SHIPPED} is not there: marslab lengths --run --out"
        ) from error


def from_table(table: LengthsTable, figures: Mapping[str, float], says: str) -> Outcome:
    """Figures of the table, with its machine and date; stale if other code was timed."""
    told = table.conditions
    where = f"{told['machine']}, {told['cores']} cores, {told['threads']} thread"
    current = "" if told["code"] == code() else UNKNOWN
    return Outcome(figures, f"From data/bench/{SHIPPED}: {says}", where, told["date"], current)
