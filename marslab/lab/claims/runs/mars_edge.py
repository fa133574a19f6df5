"""MARS at the edge: what 8 bits, pruning and a student gave, from the measured table."""

from collections.abc import Callable

from marslab.lab.claims.outcome import CannotTest, Outcome
from marslab.lab.edge.table import SHIPPED, EdgeRow, EdgeTable, shipped_table

ONNX = "onnxruntime"
TABLE = f"data/bench/{SHIPPED['digits-scan']}"
STATIC, TRAINED, PRUNED, ROWS = "int8, static", "int8, trained", "pruned", "pruned rows"
EIGHT_BITS = (STATIC, TRAINED)


def smaller() -> Outcome:
    """File of fp32 over file of 8 bits."""
    table, base = _table()
    ratio = {name: base.file_bytes / table.row(name, ONNX).file_bytes for name in EIGHT_BITS}
    bits = _best(table, key=lambda row: -row.file_bytes)
    figures = {
        "times_smaller": max(ratio.values()),
        "fp32_kb": base.file_bytes / 1e3,
        "int8_kb": bits.file_bytes / 1e3,
        "distilled_int8_times_smaller": base.file_bytes
        / table.row("distilled, int8 static", ONNX).file_bytes,
    }
    says = (
        f"The file goes from {figures['fp32_kb']:,.0f} kB to {figures['int8_kb']:,.0f} kB, "
        f"{figures['times_smaller']:.2f} times smaller: weights take a quarter, what is not a "
        "weight of a linear layer stays as it is. A student in 8 bits is "
        f"{figures['distilled_int8_times_smaller']:.1f} times smaller than its teacher."
    )
    return _outcome(table, figures, says)


def faster() -> Outcome:
    """Latency of fp32 over latency of 8 bits, in one runtime."""
    table, base = _table()
    bits = _best(table, key=lambda row: -row.ms_median)
    figures = {
        "times_faster": base.ms_median / bits.ms_median,
        "times_faster_p99": base.ms_p99 / bits.ms_p99,
        "fp32_ms": base.ms_median,
        "int8_ms": bits.ms_median,
        "runtime_alone": table.row("fp32", "torch").ms_median / base.ms_median,
    }
    says = (
        f"One example takes {base.ms_median:.2f} ms in fp32 and {bits.ms_median:.2f} ms in 8 bits, "
        f"{figures['times_faster']:.2f} times faster, both in onnxruntime on one thread: only the "
        "products of linear layers are whole numbers, the recurrence stays float. To leave torch "
        f"for onnxruntime, in fp32, gives {figures['runtime_alone']:.1f} times."
    )
    return _outcome(table, figures, says)


def accuracy_lost() -> Outcome:
    """Points of accuracy that 8 bits cost, mean over seeds, and the worst seed."""
    table, base = _table()
    lost = {name: 100 * _lost(base, table.row(name, ONNX)) for name in EIGHT_BITS}
    each = [
        100 * (whole - left)
        for name in EIGHT_BITS
        for whole, left in zip(base.accuracy, table.row(name, ONNX).accuracy, strict=True)
    ]
    figures = {
        "points_lost": lost[STATIC],
        "points_lost_when_trained": lost[TRAINED],
        "points_lost_worst": max(each),
        "fp32_accuracy": base.mean_accuracy,
        "seeds": len(base.accuracy),
    }
    says = (
        f"Rounded after training, the model loses {lost[STATIC]:+.2f} points of "
        f"{base.mean_accuracy:.1%}, trained through the rounding {lost[TRAINED]:+.2f}, the mean of "
        f"{len(base.accuracy)} seeds; at worst {max(each):+.2f}. One held-out digit is 0.28 points."
    )
    return _outcome(table, figures, says)


def pruning_speed() -> Outcome:
    """Latency and file of fp32 over those of the model with half of its weights zero."""
    table, base = _table()
    pruned = table.row(PRUNED, ONNX)
    share = pruned.zeros or 0.0
    figures = {
        "times_faster": base.ms_median / pruned.ms_median,
        "times_faster_rows": base.ms_median / table.row(ROWS, ONNX).ms_median,
        "times_smaller": base.file_bytes / pruned.file_bytes,
        "times_smaller_packed": base.packed_bytes / pruned.packed_bytes,
        "zeros": share,
        "points_lost": 100 * _lost(base, pruned),
    }
    says = (
        f"With {share:.0%} of the weights zero the model is {figures['times_faster']:.2f} "
        f"times as fast and its file {figures['times_smaller']:.2f} times smaller: a product with "
        f"zeros is a product. Packed, the file is {figures['times_smaller_packed']:.2f} times "
        f"smaller; the accuracy lost is {figures['points_lost']:+.2f} points."
    )
    return _outcome(table, figures, says)


def _table() -> tuple[EdgeTable, EdgeRow]:
    try:
        table = shipped_table()
    except FileNotFoundError as error:
        raise CannotTest(f"{TABLE} is not there: marslab edge --run --out") from error
    return table, table.row("fp32", ONNX)


def _best(table: EdgeTable, key: Callable[[EdgeRow], float]) -> EdgeRow:
    return max((table.row(name, ONNX) for name in EIGHT_BITS), key=key)


def _lost(base: EdgeRow, row: EdgeRow) -> float:
    return base.mean_accuracy - row.mean_accuracy


def _outcome(table: EdgeTable, figures: dict[str, float], says: str) -> Outcome:
    told = table.conditions
    where = f"{told['machine']}, {told['cores']} cores, {told['threads']} thread"
    return Outcome(figures, f"Read from {TABLE}: {says}", where, told["date"])
