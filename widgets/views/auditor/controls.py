"""The left column of the Integral auditor view; it shows what the chosen source can use."""

from typing import Any

import panel as pn

from marslab.widgets.frame import View
from marslab.widgets.frame.widgets import control, group, slider
from marslab.widgets.views.auditor.setup import MAX_QUESTION

SOURCE_NAMES = {"A question": "question", "A curve": "curve", "A batch": "batch"}
RULE_NAMES = {"Repaired auditor (ours)": "ours", "As printed (from 2 points on)": "printed"}
LAW_NAMES = {"A power, t^-p": "power", "A constant factor, q^t": "factor"}
HINT = "Try: 85-17=?  or  Сколько дней в году?"


def column(view: Any) -> list[Any]:
    """Every control of the view, top to bottom; those that the source does not use are hidden."""
    select, radio = pn.widgets.Select, pn.widgets.RadioButtonGroup
    source = radio.from_param(
        view.param.source, label="", options=SOURCE_NAMES, width=268, margin=(4, 8)
    )
    ask = control(
        view, "question", "Question", pn.widgets.TextInput, max_length=MAX_QUESTION,
        placeholder=HINT,
    )  # fmt: skip
    hint = pn.pane.HTML(f'<div class="ml-why">{HINT}</div>', margin=(0, 8))
    sliders = {
        "p": slider(view, "p", "p of the curve"),
        "q": slider(view, "q", "q of the curve"),
        "noise": slider(view, "noise", "Noise of ln f"),
        "length": slider(view, "length", "Waves of the curve"),
        "size": slider(view, "size", "Problems of the batch"),
    }
    others = {
        "model": control(view, "model", "Model", select),
        "question": pn.Column(ask, hint),
        "law": control(view, "law", "Law of the curve", select, options=LAW_NAMES),
        "rule": control(view, "rule", "Rule that stops", select, options=RULE_NAMES),
        "seed": control(view, "seed", "Seed", pn.widgets.IntInput),
    }
    _follow(view, sliders | others)
    return [
        group("What is audited", source),
        others["model"],
        others["question"],
        others["law"],
        *sliders.values(),
        slider(view, "threshold", "Threshold of p"),
        others["rule"],
        others["seed"],
    ]


def _follow(view: View, controls: dict[str, Any]) -> None:
    """Show of `controls` those that the source uses."""

    def adapt(*_: object) -> None:
        used = used_by(view)
        for name, widget in controls.items():
            widget.visible = name in used

    view.param.watch(adapt, ["source", "law"])
    adapt()


def used_by(view: Any) -> set[str]:
    """The parameters that the present source looks at, beside the threshold."""
    rate = "p" if view.law == "power" else "q"
    return {
        "question": {"model", "question", "rule"},
        "curve": {"law", rate, "noise", "length", "seed"},
        "batch": {"model", "size", "rule", "seed"},
    }[view.source]
