"""The figures of the Continual learning view, by name, and the table behind each."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from marslab.widgets import figures
from marslab.widgets.views.continual import answers
from marslab.widgets.views.continual.run import ContinualResult

Look = dict[str, Any]
TABLES: dict[str, Callable[[ContinualResult], pd.DataFrame]] = {
    "matrix": answers.cells,
    "course": answers.readings,
    "scores": answers.scores,
    "pixels": answers.pixels,
}


def draw(result: ContinualResult, name: str, side: str, look: Look) -> go.Figure:
    """Draw one figure of the method that `side` names; `look` is what every figure takes."""
    if name == "scores":
        rows = {answers.title(result, of): each.found.scores for of, each in result.learned.items()}
        return figures.continual_scores(rows, **look)
    of = result.setup.method if side == "chosen" else side
    learned = result.learned[of]
    who, tasks = answers.title(result, of), result.tasks
    if name == "course":
        told = f"What is known of each task · {who}"
        return figures.continual_course(
            learned.steps, learned.accuracy, tasks, learned.ends, title=told, **look
        )
    if name == "pixels":
        words = {"name": "Fisher (per pixel)", "title": f"Where weights matter to a task · {who}"}
        return figures.continual_pixels(learned.importance, tasks, **words, **look)
    told = f"Accuracy on each task after each task, in % · {who}"
    return figures.continual_matrix(learned.found.R, tasks, title=told, **look)
