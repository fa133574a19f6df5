"""The pictures that every recurrence shares: its result over time, as lines and as a heat map."""

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from torch import Tensor

from marslab.widgets import figures
from marslab.widgets.figures.sequence import plain
from marslab.widgets.views.scans.registry import Picture
from marslab.widgets.views.scans.run import ScanResult

MAX_CELLS = 400_000  # of a table; a longer one keeps every n-th step


def over_time(name: str, drive: str = "input x", label: str = "States") -> dict[str, Picture]:
    """The two pictures of a result [B, L, ...] called `name`.

    Units:
        drive: what the dots of the input are called; label: the name of the lines on the page
    """

    def lines(result: ScanResult, look: dict[str, Any]) -> go.Figure:
        values, given = flat(result.h), result.given
        chosen = figures.spread(values.shape[2])
        return figures.scan_lines(
            values,
            given.x,
            channels=chosen,
            labels=[given.labels[channel] for channel in chosen],
            ticks=given.ticks,
            drive=drive,
            name=name,
            **look,
        )

    def heatmap(result: ScanResult, look: dict[str, Any]) -> go.Figure:
        given = result.given
        names = {"labels": given.labels, "ticks": given.ticks, "name": name}
        return figures.state_heatmap(flat(result.h), **names, **look)

    def few(result: ScanResult) -> pd.DataFrame:
        return table(result, figures.spread(flat(result.h).shape[2]))

    def every(result: ScanResult) -> pd.DataFrame:
        return table(result, list(range(flat(result.h).shape[2])))

    return {"lines": Picture(label, lines, few), "heatmap": Picture("Heat map", heatmap, every)}


def flat(h: Tensor) -> Tensor:
    """[B, L, ...] as [B, L, D]: one channel for each number that a step has."""
    return h.reshape(*h.shape[:2], -1) if h.numel() else h.flatten(2)


def table(result: ScanResult, channels: list[int]) -> pd.DataFrame:
    """The input and the result of the first sequence, one row for each step."""
    h, given, name = plain(flat(result.h)), result.given, result.op.result
    every = max(-(-h.shape[0] * len(channels) // MAX_CELLS), 1)
    columns = {"step": np.arange(h.shape[0])}
    if given.x is not None:
        columns["x"] = plain(given.x)[:, channels[0] % given.x.shape[1]]
    for channel in channels:
        columns[f"{name}[{channel}] {given.labels[channel]}"] = h[:, channel]
    return pd.DataFrame(columns).iloc[::every]
