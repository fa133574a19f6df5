"""Walk along a thought: its exponent after each wave, and who would have stopped where."""

import math
from collections.abc import Mapping, Sequence

import ipywidgets
import torch
from plotly.graph_objects import Figure
from plotly.subplots import make_subplots

from marslab.thinking import AuditTrail, IntegralAuditor
from marslab.thinking.auditor import Verdict
from marslab.widgets.explorers.explorer import Explorer
from marslab.widgets.figures.style import accent, colour, ink, theme

HEIGHT = 460
LEAST_R2 = 0.85  # of the printed rule


def p_curve(thoughts: Mapping[str, Sequence[float]], threshold: float = 1.1) -> Explorer:
    """Choose a thought, how many of its waves are over, and the threshold of p.

    Units:
        thoughts: name -> relative sizes of the steps, 2 to 24 of them

    Errors:
        ValueError: no thought, or one with another number of steps
    """
    if not thoughts or not all(2 <= len(steps) <= 24 for steps in thoughts.values()):
        raise ValueError("p_curve: give it one thought at least, each of 2 to 24 steps")
    longest = max(map(len, thoughts.values()))
    controls = {
        "thought": ipywidgets.Dropdown(options=list(thoughts), description="thought"),
        "waves": ipywidgets.IntSlider(value=min(6, longest), min=2, max=longest),
        "threshold": ipywidgets.FloatSlider(value=threshold, min=0.5, max=2.0, step=0.05),
    }
    for name in ("waves", "threshold"):
        controls[name].description = name

    def tell(thought: str, waves: int, threshold: float) -> str:
        seen = verdicts(thoughts[thought][:waves], threshold)
        return sentence(seen, threshold)

    def draw(thought: str, waves: int, threshold: float) -> Figure:
        return figure(thoughts[thought][:waves], threshold)

    return Explorer(draw, tell, controls)


def verdicts(steps: Sequence[float], threshold: float) -> list[Verdict]:
    """What the auditor says after each wave."""
    trail = AuditTrail(IntegralAuditor(), threshold)
    return [trail.add(step) for step in steps]


def printed(steps: Sequence[float], threshold: float) -> list[bool]:
    """Whether the printed rule, p > threshold and R2 > 0.85, stops after each wave; not the first.

    >>> printed([1.0, 0.4, 0.5, 0.6], 1.1)
    [False, True, False, False]
    """
    eager = IntegralAuditor(threshold=threshold, min_points=2)
    found = []
    for n in range(1, len(steps) + 1):
        law = eager(torch.tensor([steps[:n]], dtype=torch.float64)).fit
        found.append(n > 1 and bool((law.p > threshold) & (law.r2_power > LEAST_R2)))
    return found


def sentence(seen: Sequence[Verdict], threshold: float) -> str:
    """What the last verdict says, in words."""
    last = seen[-1]
    law = f"a factor of {last.q:.2f} a wave" if last.model == "geometric" else f"p = {last.p:.2f}"
    said = {
        "power": f"stop, {law} is above {threshold:.2f}",
        "geometric": f"stop, {law}",
        "too_few": "go on, fewer than 5 points",
        "stagnation": "it stands still",
        "open": f"go on, {law} with R² {last.r2:.2f}",
    }[last.reason]
    return f"After {len(seen)} waves: p = {last.p:.2f}. The auditor: {said}."


def figure(steps: Sequence[float], threshold: float) -> Figure:
    """Draw the steps on log axes, and below them p after each wave with the threshold."""
    drawing = make_subplots(rows=2, cols=1, row_heights=[0.5, 0.5], vertical_spacing=0.2)
    waves = list(range(1, len(steps) + 1))
    logs = [math.log10(step) if step > 0 else None for step in steps]
    drawing.add_scatter(
        x=[math.log10(n) for n in waves],
        y=logs,
        mode="lines+markers",
        name="step",
        line={"color": ink(), "width": 1},
        marker={"size": 7},
    )
    _verdicts(drawing, steps, threshold)
    theme(drawing, height=HEIGHT)
    where = {"tickvals": [math.log10(n) for n in waves], "ticktext": [str(n) for n in waves]}
    drawing.update_xaxes(range=[-0.03, math.log10(len(steps)) + 0.05], **where, row=1, col=1)
    drawing.update_xaxes(
        title="wave", dtick=1, range=[0.6, len(steps) + 0.6], tickformat="d", row=2, col=1
    )
    drawing.update_yaxes(title="log10 of the step", row=1, col=1)
    p = [one.p for one in verdicts(steps, threshold)]
    heights = [*p, threshold, 0.0]  # of the first wave too, which has no slope and counts as 0
    drawing.update_yaxes(
        title="p so far", range=[min(heights) - 0.2, max(heights) + 0.2], row=2, col=1
    )
    return drawing


def _verdicts(drawing: Figure, steps: Sequence[float], threshold: float) -> None:
    seen = verdicts(steps, threshold)
    p = [one.p for one in seen]
    ours = [n for n, one in enumerate(seen) if one.converged]
    theirs = [n for n, stops in enumerate(printed(steps, threshold)) if stops]
    below = {"row": 2, "col": 1}
    drawing.add_scatter(
        x=[0.6, len(p) + 0.6],
        y=[threshold] * 2,
        mode="lines",
        name="threshold",
        line={"color": colour("floor"), "width": 2},
        **below,
    )
    for name, which, size, tint in (
        ("p", range(1, len(p)), 5, ink()),
        ("the printed rule stops", theirs, 15, colour("naive")),
        ("the auditor stops", ours, 9, accent()),
    ):
        x, y = [n + 1 for n in which], [p[n] for n in which]
        drawing.add_scatter(
            x=x, y=y, mode="markers", name=name, marker={"size": size, "color": tint}, **below
        )
