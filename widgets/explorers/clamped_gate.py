"""Hold the gate of a trained TARS where you want it, and see how many answers are left."""

from functools import cache

import ipywidgets
from plotly.graph_objects import Figure

from marslab.learning.tars.each_wave import flawless
from marslab.systems.tars.clamp import clamp
from marslab.systems.tars.lm import TarsLM
from marslab.tasks.corpus import Packed
from marslab.widgets.explorers.explorer import Explorer
from marslab.widgets.figures.style import accent, colour, theme

HEIGHT = 380
ALL = "all waves"


def clamped_gate(lm: TarsLM, rows: Packed, alpha: float = 0.3) -> Explorer:
    """Choose a wave, or all of them, and the alpha that its gate is held at.

    The model runs anew at each move; when it has run, its gates are as they were.

    Units:
        alpha: share of the right block, 0 to 1

    Errors:
        ValueError: the waves of this model have no gate
    """
    if lm.config.waves.layout != "parallel":
        raise ValueError("clamped_gate: blocks in sequence have no gate, give a parallel model")
    names = [f"wave {at + 1}" for at in range(len(lm.waves))]
    free = scores(lm, rows)

    @cache
    def held(wave: str, alpha: float) -> list[float]:
        which = "*" if wave == ALL else names.index(wave)
        with clamp(lm, f"waves.{which}.merge", alpha):
            return scores(lm, rows)

    def draw(wave: str, alpha: float) -> Figure:
        return figure(free, held(wave, alpha))

    def tell(wave: str, alpha: float) -> str:
        count, left, before = len(rows.ids), held(wave, alpha)[-1], free[-1]
        return (
            f"With alpha held at {alpha:.2f} in {wave}, {left:.0%} of {count} answers come out "
            f"without a mistake; with free gates {before:.0%}."
        )

    controls = {
        "wave": ipywidgets.Dropdown(options=[ALL, *names], description="wave"),
        "alpha": ipywidgets.FloatSlider(
            value=alpha,
            min=0.0,
            max=1.0,
            step=0.05,
            description="alpha",
            continuous_update=False,
        ),
    }
    return Explorer(draw, tell, controls)


def scores(lm: TarsLM, rows: Packed) -> list[float]:
    """The share of answers without a mistake after each wave, 0 to 1."""
    return flawless(lm, rows).double().mean(1).tolist()


def figure(free: list[float], held: list[float]) -> Figure:
    """Draw both, wave by wave."""
    drawing, waves = Figure(), list(range(1, len(free) + 1))
    for name, values, tint in (
        ("free gates", free, colour("numba")),
        ("held", held, accent()),
    ):
        drawing.add_scatter(
            x=waves,
            y=values,
            mode="lines+markers",
            name=name,
            line={"color": tint, "width": 2.5},
            marker={"size": 9},
        )
    theme(drawing, height=HEIGHT)
    drawing.update_xaxes(title="thought ended after wave", dtick=1, range=[0.7, len(free) + 0.3])
    drawing.update_yaxes(title="answers without a mistake", range=[-0.03, 1.05], dtick=0.25)
    return drawing
