"""The figures of the HDC retrieval view, by name, and the table behind each."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from marslab.widgets import figures
from marslab.widgets.views.hdc import answers
from marslab.widgets.views.hdc.run import ANOTHER, NONE, TRIALS, HdcResult

Look = dict[str, Any]


def _similarity(result: HdcResult, look: Look) -> go.Figure:
    asked, codes = result.asked, answers.shown(result)
    return figures.hdc_similarity(
        [asked.cosines[code] for code in codes],
        [answers.name_of(result, code) for code in codes],
        wanted=_place(asked.wanted, codes),
        found=_place(asked.found, codes),
        least=asked.least,
        title=f"What is read for “{result.setup.ask.strip()}”, beside the codes",
        **look,
    )


def _confusion(result: HdcResult, look: Look) -> go.Figure:
    return figures.hdc_confusion(
        result.confusion,
        [key for key, _ in result.setup.typed],
        [*result.asked.values, ANOTHER, NONE],
        title=f"What was asked and what was found, in {TRIALS} memories",
        **look,
    )


def _capacity(result: HdcResult, look: Look) -> go.Figure:
    setup = result.setup
    assert result.capacity is not None
    return figures.hdc_capacity(
        result.capacity,
        chosen=setup.stored,
        title=f"What {setup.dim:,} numbers hold, among {setup.codes:,} codes ({_kind(result)})",
        **look,
    )


def _noise(result: HdcResult, look: Look) -> go.Figure:
    setup = result.setup
    assert result.noise is not None
    return figures.hdc_capacity(
        result.noise,
        chosen=setup.flipped,
        x_title="signs flipped (0 to 0.5)",
        log=False,
        title=f"{setup.stored} pairs in {setup.dim:,} numbers under noise ({_kind(result)})",
        **look,
    )


def _kind(result: HdcResult) -> str:
    setup = result.setup
    return f"{setup.vsa}, {setup.precision} bit{'s' * (setup.precision > 1)}"


def _place(code: int | None, codes: list[int]) -> int | None:
    return None if code is None else codes.index(code)


def _capacities(result: HdcResult) -> pd.DataFrame:
    assert result.capacity is not None
    return answers.recalls(result.capacity, "pairs")


def _noises(result: HdcResult) -> pd.DataFrame:
    assert result.noise is not None
    return answers.recalls(result.noise, "flipped")


DRAWN: dict[str, Callable[[HdcResult, Look], go.Figure]] = {
    "similarity": _similarity,
    "confusion": _confusion,
    "capacity": _capacity,
    "noise": _noise,
}
TABLES: dict[str, Callable[[HdcResult], pd.DataFrame]] = {
    "similarity": answers.similarities,
    "confusion": answers.confusions,
    "capacity": _capacities,
    "noise": _noises,
}
