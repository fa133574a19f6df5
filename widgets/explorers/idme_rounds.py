"""Step through the rounds of IDME: who was tried, who won, who is barred by now."""

import math
from typing import NamedTuple

import ipywidgets
from plotly.graph_objects import Figure
from plotly.subplots import make_subplots

from marslab.thinking.idme import IdmeResult
from marslab.widgets.explorers.explorer import Explorer
from marslab.widgets.figures.style import accent, colour, ink, theme

HEIGHT = 460


class Seen(NamedTuple):
    """One round of one thought: blocks tried, their gains (None: not able), the winner or -1."""

    tried: list[int]
    gains: list[float | None]
    winner: int

    @property
    def gain(self) -> float:
        """What the winner gained, 0 without one."""
        found = dict(zip(self.tried, self.gains, strict=True)).get(self.winner)
        return found or 0.0


def idme_rounds(result: IdmeResult) -> Explorer:
    """Choose a thought of the batch, and one of its rounds.

    Errors:
        ValueError: there was no round
    """
    if not result.trace:
        raise ValueError("idme_rounds: the result has no round; give IDME a thought")
    controls = {
        "thought": ipywidgets.IntSlider(value=0, min=0, max=len(result.h) - 1),
        "round": ipywidgets.IntSlider(value=1, min=1, max=len(result.trace)),
    }
    for name, control in controls.items():
        control.description = name

    def draw(**at: int) -> Figure:
        return figure(rounds(result, at["thought"]), at["round"], result.trace[-1].pool)

    def tell(**at: int) -> str:
        row = at["thought"]
        return sentence(rounds(result, row), at["round"], result.reason[row])

    return Explorer(draw, tell, controls)


def rounds(result: IdmeResult, row: int) -> list[Seen]:
    """The rounds of one thought, until it stopped."""
    found = []
    for one in result.trace[: int(result.rounds[row])]:
        scores = one.scores[row].tolist()
        gains = [score if math.isfinite(score) else None for score in scores]
        found.append(Seen(one.candidates[row].tolist(), gains, int(one.winner[row])))
    return found


def sentence(seen: list[Seen], at: int, reason: str) -> str:
    """What happened in round `at`, counted from 1."""
    if at > len(seen):
        return f"This thought stopped after round {len(seen)}, reason: {reason}."
    now, barred = seen[at - 1], sum(len(one.tried) for one in seen[:at])
    tried = ", ".join(map(str, now.tried))
    won = f"{now.winner} wins, {now.gain:+.2f}" if now.winner >= 0 else "nobody wins"
    last = f" The last round, reason: {reason}." if at == len(seen) else ""
    return f"Round {at}: {tried} are tried; {won}. {barred} blocks are barred now.{last}"


def figure(seen: list[Seen], at: int, blocks: int) -> Figure:
    """Draw the gains of the round's candidates, and below them the gain of all rounds so far."""
    drawing = make_subplots(rows=2, cols=1, row_heights=[0.58, 0.42], vertical_spacing=0.2)
    now = seen[at - 1] if at <= len(seen) else Seen([], [], -1)
    for name, wins, tint in (("the winner", True, accent()), ("tried", False, colour("numba"))):
        bars = [
            (block, gain or 0.0)
            for block, gain in zip(now.tried, now.gains, strict=True)
            if (block == now.winner) == wins
        ]
        x, y = [block for block, _ in bars], [gain for _, gain in bars]
        drawing.add_bar(x=x, y=y, name=name, marker={"color": tint}, row=1, col=1)
    gone = [block for one in seen[: at - 1] for block in one.tried]
    mark = {"color": ink(), "size": 8}
    zero = [0.0] * len(gone)
    drawing.add_scatter(x=gone, y=zero, mode="markers", name="barred", marker=mark, row=1, col=1)
    total = [0.0]
    for one in seen[:at]:
        total.append(total[-1] + one.gain)
    steps = list(range(len(total)))
    line = {"color": colour("naive"), "width": 2}
    drawing.add_scatter(
        x=steps, y=total, mode="lines+markers", name="gain so far", line=line, row=2, col=1
    )
    theme(drawing, height=HEIGHT)
    _axes(drawing, seen, blocks)
    return drawing


def _axes(drawing: Figure, seen: list[Seen], blocks: int) -> None:
    gains = [gain for one in seen for gain in one.gains if gain is not None]
    low, high = min([*gains, 0.0]), max([*gains, 1.0])
    room = 0.08 * (high - low)
    drawing.update_xaxes(title="block (index)", range=[-0.7, blocks - 0.3], row=1, col=1)
    drawing.update_yaxes(title="gain", range=[low - room, high + room], row=1, col=1)
    most = sum(one.gain for one in seen)
    drawing.update_xaxes(
        title="round", dtick=max(1, len(seen) // 10), range=[-0.2, len(seen) + 0.2], row=2, col=1
    )
    drawing.update_yaxes(title="gain so far", range=[0, 1.1 * max(most, 0.1)], row=2, col=1)
