"""What each operation is for, what it keeps and what a step of it costs, as formulas."""

from collections.abc import Callable, Mapping
from math import log2
from typing import Any, NamedTuple

from marslab.lab.catalogue import catalogue

Sizes = Mapping[str, int]


class Formula(NamedTuple):
    """A count as it is read, and as it is worked out from the op's size letters."""

    text: str
    value: Callable[[Sizes], float]


class Facts(NamedTuple):
    """One op in words.

    does: what it is for; state: numbers kept for one sequence; work: operations of one `per`
    designs: which of the five use it, and for what
    """

    does: str
    state: Formula | None
    work: Formula
    per: str
    designs: str


FACTS = {
    "linear_scan": Facts(
        "a memory of one number for each channel; the decay may be another at every step",
        Formula("D", lambda n: n["D"]),
        Formula("2·D", lambda n: 2 * n["D"]),
        "step",
        "MARS (complex states), TARS (causal means), MM-Rec (decayed sums)",
    ),
    "min_gru": Facts(
        "a memory of one number for each channel, with one gate that keeps and writes",
        Formula("D", lambda n: n["D"]),
        Formula("5·D", lambda n: 5 * n["D"]),
        "step",
        "TARS (ReflexCore and the sensors)",
    ),
    "selective_scan": Facts(
        "N states for each channel; the input decides what is written, kept and read",
        Formula("D·N", lambda n: n["D"] * n["N"]),
        Formula("8·D·N", lambda n: 8 * n["D"] * n["N"]),
        "step",
        "MARS (selective SSM block), CRSM (Mamba layers)",
    ),
    "ssd": Facts(
        "a matrix for each head that one decay fades; works as matrix products, like attention",
        Formula("H·P·N", lambda n: n["H"] * n["P"] * n["N"]),
        Formula("5·H·P·N", lambda n: 5 * n["H"] * n["P"] * n["N"]),
        "step",
        "TARS (WuNeng core), CRSM (a choice)",
    ),
    "wkv7": Facts(
        "a matrix for each head that can overwrite what it holds under one key; with a = b = 0 it"
        " only fades",
        Formula("H·V·K", lambda n: n["H"] * n["V"] * n["K"]),
        Formula("9·H·V·K", lambda n: 9 * n["H"] * n["V"] * n["K"]),
        "step",
        "TARS (WuNeng core)",
    ),
    "gated_recurrence": Facts(
        "a gate that sees the state: no scan computes it; step by step, or all at once in sweeps",
        Formula("D", lambda n: n["D"]),
        Formula("2·D²", lambda n: 2 * n["D"] ** 2),
        "step",
        "MM-Rec (core recurrence)",
    ),
    "decay_product": Facts(
        "what is left of the start after each step: the product of all decays so far",
        None,
        Formula("D", lambda n: n["D"]),
        "step",
        "MM-Rec (decays)",
    ),
    "chunk_reduce": Facts(
        "one summary for each chunk: its mean, its sum, or the last state of a decay",
        None,
        Formula("2·D", lambda n: 2 * n["D"]),
        "step",
        "MM-Rec (levels of the hierarchy)",
    ),
    "circular_conv": Facts(
        "bind two vectors into one of the same length",
        None,
        Formula("7.5·D·log₂D", lambda n: 7.5 * n["D"] * log2(n["D"])),
        "pair",
        "MARS (hyperdimensional memory)",
    ),
    "circular_corr": Facts(
        "unbind: ask a memory of bound pairs what belongs to a key",
        None,
        Formula("7.5·D·log₂D", lambda n: 7.5 * n["D"] * log2(n["D"])),
        "pair",
        "MARS (hyperdimensional memory)",
    ),
    "hamming_topk": Facts(
        "find the nearest of N binary codes, packed eight bits to a byte",
        None,
        Formula("3·N·⌈D/64⌉", lambda n: 3 * n["N"] * -(-n["D"] // 64)),
        "query",
        "MARS (cleanup with 1-bit vectors)",
    ),
    "ternary_matmul": Facts(
        "multiply by weights −1, 0 and +1 that stay packed: 2 or 1.6 bits each",
        None,
        Formula("2·N·K", lambda n: 2 * n["N"] * n["K"]),
        "row",
        "TARS (ternary weights)",
    ),
}


def notebook(op: str) -> str:
    """The title of the notebook that explains `op`; empty while there is none.

    >>> notebook("linear_scan")
    'From loop to scan'
    """
    course: dict[str, Any] = catalogue()
    symbol = f"marslab.kernels.{op}"
    names = {row["notebook"] for row in course["rows"] if row["symbol"] == symbol}
    return next((n["title"] for n in course["notebooks"] if n["name"] in names), "")
