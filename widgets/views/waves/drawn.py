"""The figures of the Waves view, by name, and the table behind each."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from marslab.widgets import figures
from marslab.widgets.views.waves import answers
from marslab.widgets.views.waves.run import WavesResult

Look = dict[str, Any]


def draw(result: WavesResult, name: str, side: str, look: Look) -> go.Figure:
    """Draw one figure of the run that `side` names; `look` is what every figure takes."""
    passed = answers.shown(result, side)
    if name == "depth":
        depth, goal = passed.depth, passed.ids[passed.prompt :]
        best = [[answers.sign(int(id)) for id in row] for row in depth.best]
        title = _title("What each wave would write", result, side)
        return figures.wave_answers(
            depth.chance, best, [answers.sign(id) for id in goal], title=title, **look
        )
    read = answers.tokens(passed)
    look = {"boundary": passed.prompt, **look}
    gates, waves = passed.gates, answers.waves(passed)
    if name == "memory":
        title = _title("Memory between the waves", result, side)
        return figures.wave_memory(gates.spine, gates.memory, read, waves, title=title, **look)
    if name == "experts":
        title = _title("The expert that each block asks most", result, side)
        rows = answers.blocks(passed)
        return figures.wave_experts(gates.routing, read, rows, result.experts, title=title, **look)
    told, unit, middle = GATES[name]
    rows, axis = (waves, "wave") if name in ("alpha", "correction") else (None, "block")
    return figures.wave_heatmap(
        getattr(gates, name),
        read,
        rows or answers.blocks(passed),
        name=unit,
        middle=middle,
        y_title=axis,
        title=_title(told, result, side),
        **look,
    )


# What is drawn wave by wave or block by block: title, unit, the value in the middle of the colours.
GATES: dict[str, tuple[str, str, float | None]] = {
    "alpha": ("α of the merge, the share of the right block", "α (0 to 1)", 0.5),
    "correction": ("Correction of the merge", "length beside the mean's (ratio)", None),
    "need": ("Memory gate of each block", "need (0 to 1)", None),
    "novelty": ("Novelty gate of each block", "novelty (0 to 1)", None),
}
TABLES: dict[str, Callable[[WavesResult, str], pd.DataFrame]] = {
    "alpha": answers.per_wave,
    "correction": answers.per_wave,
    "need": answers.per_block,
    "novelty": answers.per_block,
    "experts": answers.per_block,
    "memory": answers.memories,
    "depth": answers.depths,
}


def _title(told: str, result: WavesResult, side: str) -> str:
    if result.held is None:
        return told
    held = f"held: {answers.held_name(result.setup)}"
    return f"{told} · {held if side == 'held' else 'all gates free'}"
