"""The left column of the IDME view; it shows what the chosen source can use."""

from typing import Any

import panel as pn

from marslab.widgets.frame import View
from marslab.widgets.frame.widgets import control, slider
from marslab.widgets.views.idme.setup import MAX_QUESTION

SOURCE_NAMES = {"A question to TARS": "question", "A state that turns": "turning"}
POOL_NAMES = {"As trained": "trained", "Fresh blocks of the seed": "fresh"}
SCORE_NAMES = {"Value head (ours)": "value", "dp (as printed)": "dp"}
GROW_NAMES = {"May grow": True, "May not grow": False}
AUDITOR_NAMES = {"May end the rounds": True, "Is not asked": False}
LABELS = {
    "asked": "Asked before (times)",
    "angle": "Angle of a step (degrees)",
    "shrink": "Radius kept (a step)",
    "centre": "Centre from 0 (radii)",
    "rounds": "Rounds, at most",
    "candidates": "Candidates a round",
    "patience": "Patience (rounds)",
    "min_step": "Least relative step",
    "expand": "Blocks added at once",
    "near": "Detector: a return misses by",
}
OF_QUESTION = ("question", "model", "pool", "asked")
OF_TURNING = ("angle", "shrink", "centre")


def column(view: Any) -> list[Any]:
    """Every control, top to bottom; those that the source does not use are hidden."""
    select = pn.widgets.Select
    made: dict[str, Any] = {
        "source": control(view, "source", "What thinks", select, options=SOURCE_NAMES),
        "question": _question(view),
        "model": control(view, "model", "Model", select),
        "pool": control(view, "pool", "Blocks", select, options=POOL_NAMES),
    }
    for name in ("asked", "angle", "shrink", "centre"):
        made[name] = slider(view, name, LABELS[name])
    made["seed"] = control(view, "seed", "Seed", pn.widgets.IntInput)
    for name in ("rounds", "candidates", "patience", "min_step"):
        made[name] = slider(view, name, LABELS[name])
    made["score"] = control(view, "score", "Judge", select, options=SCORE_NAMES)
    made["grow"] = control(view, "grow", "Growth", select, options=GROW_NAMES)
    made["expand"] = slider(view, "expand", LABELS["expand"])
    made["auditor"] = control(view, "auditor", "Auditor", select, options=AUDITOR_NAMES)
    made["near"] = slider(view, "near", LABELS["near"])
    _follow(view, made)
    return list(made.values())


def _question(view: View) -> Any:
    kind = pn.widgets.TextInput
    return control(view, "question", "Question", kind, max_length=MAX_QUESTION)


def _follow(view: Any, made: dict[str, Any]) -> None:
    def adapt(*_: object) -> None:
        asks = view.source == "question"
        for name in OF_QUESTION:
            made[name].visible = asks
        for name in OF_TURNING:
            made[name].visible = not asks
        made["seed"].visible = not asks or view.pool == "fresh"
        made["expand"].visible = view.grow

    view.param.watch(adapt, ["source", "pool", "grow"])
    adapt()
