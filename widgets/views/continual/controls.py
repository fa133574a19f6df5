"""The left column of the Continual learning view; it shows the strength of the chosen method."""

from typing import Any

import panel as pn

from marslab.widgets.frame.widgets import control, slider
from marslab.widgets.views.continual.answers import METHOD_NAMES
from marslab.widgets.views.continual.setup import STRENGTH_OF

SCENARIO_NAMES = {
    "Two digits at a time, task not told": "split-digits-class",
    "Two digits at a time, task told": "split-digits-task",
    "Ten digits, pixels reordered": "permuted-digits",
    "Ten digits, turned": "rotated-digits",
}
LABELS = {
    "lam": "λ, stiffness of the springs",
    "c": "c, stiffness of the springs",
    "alpha": "α, weight of the old answers",
    "kept": "Examples kept",
    "share": "Share of the weights that move",
    "slots": "Slots that a step may move",
}
SIDE_NAMES = {"The chosen method": "chosen", "Naive": "naive", "Joint": "joint"}


def column(view: Any) -> list[Any]:
    """Every control of the view, top to bottom; strengths of other methods are hidden."""
    select = pn.widgets.Select
    methods = {told: name for name, told in METHOD_NAMES.items()}
    strengths = {name: slider(view, name, label) for name, label in LABELS.items()}

    def adapt(*_: object) -> None:
        for name, widget in strengths.items():
            widget.visible = STRENGTH_OF.get(view.method) == name

    view.param.watch(adapt, "method")
    adapt()
    return [
        control(view, "scenario", "Scenario", select, options=SCENARIO_NAMES),
        control(view, "method", "Method", select, options=methods),
        *strengths.values(),
        slider(view, "epochs", "Epochs over each task"),
        control(view, "seed", "Seed", pn.widgets.IntInput),
        control(view, "side", "Figure of", select, options=SIDE_NAMES),
    ]
