"""The figure and the explorer of IDME's rounds."""

import math
from typing import Any

import pytest
import torch

from marslab.thinking import IDME, IdmeConfig, MatrixPool, PoolConfig
from marslab.thinking.idme import IdmeResult
from marslab.widgets.explorers import idme_rounds
from marslab.widgets.explorers.idme_rounds import rounds
from marslab.widgets.figures import competition


def thoughts(blocks: int = 9) -> IdmeResult:
    torch.manual_seed(0)
    idme = IDME(MatrixPool(PoolConfig(d_model=8, blocks=blocks, rank=2)), IdmeConfig(grow=False))
    return idme(torch.randn(4, 8), learn=False)


def test_a_competition_shows_every_candidate_and_the_way() -> None:
    states = torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]])
    tried = torch.tensor([[[1.0, 0.0], [0.0, 1.0]], [[1.0, 1.0], [2.0, 0.0]]])
    fig: Any = competition(states, tried, goal=torch.tensor([1.0, 2.0]))
    spokes, way, goal = fig.data
    assert spokes.x == (0, 1, None, 0, 0, None, 1, 1, None, 1, 2, None)
    assert spokes.y == (0, 0, None, 0, 1, None, 0, 1, None, 0, 0, None)
    assert (way.x, way.y) == ((0, 1, 1), (0, 0, 1)) and (goal.x, goal.y) == ((1,), (2,))
    assert fig.layout.yaxis.scaleanchor == "x"
    bare: Any = competition(states, tried)
    assert [trace.name for trace in bare.data] == ["tried", "the thought"]


@pytest.mark.parametrize("dark", [False, True])
def test_same_data_gives_the_same_figure_with_named_axes(dark: bool) -> None:
    def made() -> Any:
        data = [[0.0, 0.0], [1.0, 0.0]], [[[1.0, 0.0]]], [2.0, 0.0]
        return competition(*data, title="T", dark=dark, height=321)

    fig = made()
    assert fig == made() and fig.layout.height == 321 and fig.layout.title.text == "T"
    assert fig.layout.xaxis.title.text and fig.layout.yaxis.title.text


def test_a_competition_says_which_shapes_it_takes() -> None:
    with pytest.raises(ValueError, match=r"states \[R \+ 1, 2\] and tried \[R, k, 2\]"):
        competition([[0.0, 0.0]], [[[1.0, 0.0]]])
    with pytest.raises(ValueError, match="are needed"):
        competition([[0.0], [1.0]], [[[1.0, 0.0]]])


def test_the_rounds_are_those_of_the_trace() -> None:
    result = thoughts()
    for row in range(4):
        seen = rounds(result, row)
        assert len(seen) == int(result.rounds[row])
        for one, there in zip(seen, result.trace, strict=False):
            assert one.tried == there.candidates[row].tolist()
            assert one.winner == int(there.winner[row])
            able = [gain for gain in one.gains if gain is not None]
            assert all(map(math.isfinite, able))
            assert one.gain == (max(able) if one.winner >= 0 else 0.0)


def test_a_round_is_told_and_drawn() -> None:
    result = thoughts()
    explorer = idme_rounds(result)
    row = next(i for i in range(4) if any(one.winner >= 0 for one in rounds(result, i)))
    seen = rounds(result, row)
    at = next(i for i, one in enumerate(seen) if one.winner >= 0)
    explorer.controls["thought"].value, explorer.controls["round"].value = row, at + 1
    told = f"{seen[at].winner} wins, {seen[at].gain:+.2f}. {3 * (at + 1)} blocks are barred now."
    assert told in explorer.sentence.value
    traces: Any = explorer.figure.data
    drawn = {trace.name: trace for trace in traces}
    assert drawn["the winner"].x == (seen[at].winner,)
    assert set(drawn["tried"].x) == set(seen[at].tried) - {seen[at].winner}
    assert len(drawn["barred"].x) == 3 * at
    assert drawn["gain so far"].y[-1] == pytest.approx(sum(one.gain for one in seen[: at + 1]))
    assert "<svg" in explorer.picture.value


def test_after_the_last_round_the_reason_is_told() -> None:
    result = thoughts()
    explorer, row = idme_rounds(result), int(result.rounds.argmin())
    explorer.controls["thought"].value = row
    for at in range(1, len(result.trace) + 1):
        explorer.controls["round"].value = at
        ended = at >= int(result.rounds[row])
        assert (f"reason: {result.reason[row]}" in explorer.sentence.value) == ended
    late = int(result.rounds[row]) < len(result.trace)
    assert late == ("stopped after round" in explorer.sentence.value)
    assert all(not c.disabled and c.description for c in explorer.controls.values())


def test_a_result_without_a_round_is_refused() -> None:
    idme = IDME(MatrixPool(PoolConfig(d_model=8, blocks=4, rank=2)))
    with pytest.raises(ValueError, match="no round; give IDME a thought"):
        idme_rounds(idme(torch.zeros(1, 8), rounds=0))
