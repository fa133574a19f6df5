"""What a trace says of IDME's rounds, and its figures, against the result of the same call."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from marslab.thinking import IDME, IdmeConfig, LoopDetector, MatrixPool, PoolConfig
from marslab.thinking.idme import IdmeResult
from marslab.tracing import Trace, emit, trace
from marslab.widgets import figures
from marslab.widgets.figures.idme_mask import LEVELS, mask
from marslab.widgets.figures.idme_record import IdmeRecord, idme_record
from marslab.widgets.views.idme.run import ToldDetector, path_of

FIGURES: list[Callable[..., Any]] = [
    figures.idme_candidates,
    figures.idme_pool,
    figures.idme_efficiencies,
    figures.idme_mask,
    figures.idme_hankel,
]


def thought(rows: int = 1, told: bool = True, **settings: Any) -> tuple[IDME, IdmeResult, Trace]:
    """A small pool over a random thought, what came of it and its trace."""
    torch.manual_seed(3)
    pool = MatrixPool(PoolConfig(d_model=8, blocks=9, rank=2))
    idme = IDME(pool, IdmeConfig(patience=3, **settings))
    if told:
        idme.detector = ToldDetector()
    h = torch.randn(rows, 8)
    with trace() as seen:
        emit("idme_pool", efficiency=pool.efficiency)
        result = idme(h, rounds=14)
        emit("idme_end", rounds=int(result.rounds[0]), reason=result.reason[0])
    return idme, result, seen


def by_name(figure: Any) -> dict[str, Any]:
    return {one.name: one for one in figure.data}


@pytest.mark.parametrize("grow", [True, False])
@pytest.mark.parametrize("candidates", [1, 3])
def test_the_record_is_what_the_call_returned(candidates: int, grow: bool) -> None:
    idme, result, seen = thought(candidates=candidates, grow=grow)
    record, used = idme_record(seen), set[int]()
    assert len(record.rounds) == int(result.rounds) > 2
    assert record.reason == result.reason[0] and (record.first, record.last) == (9, len(idme.pool))
    for at, (one, there) in enumerate(zip(record.rounds, result.trace, strict=False), 1):
        assert (one.at, one.winner, one.pool) == (at, int(there.winner), there.pool)
        assert list(one.tried) == there.candidates[0].tolist() and one.barred == used
        scores = [-math.inf if gain is None else gain for gain in one.gains]
        assert scores == there.scores[0].tolist()
        used |= set(one.tried)
    earned = [record.earned.get(block, 0.0) for block in range(len(idme.pool))]
    assert torch.allclose(torch.tensor(earned), idme.pool.efficiency, atol=1e-6)
    assert (record.reason == "pool") == (not grow and candidates == 3)
    grown = [size for _, size in record.grown]
    assert bool(grown) == (grow and candidates == 3)
    assert grown == list(range(13, len(idme.pool) + 1, 4))
    assert all(record.rounds[round - 1].pool == size for round, size in record.grown)


def test_without_a_told_detector_there_is_no_verdict_and_no_error() -> None:
    _, _, seen = thought(told=False)
    assert {one.loop for one in idme_record(seen).rounds} == {None}
    assert by_name(figures.idme_hankel(seen))["no loop"].x == ()
    assert len(by_name(figures.idme_hankel(seen))["σ2 / σ1"].x) == len(idme_record(seen).rounds)


def test_telling_changes_nothing() -> None:
    (_, told, _), (_, plain, _) = thought(), thought(told=False)
    assert torch.equal(told.h, plain.h) and torch.equal(told.rounds, plain.rounds)


def test_verdicts_and_path_are_those_of_the_states_by_hand() -> None:
    idme, result, seen = thought()
    way, states = [path_of(seen)[0]], [path_of(seen)[0]] * 7
    for one in idme_record(seen).rounds:
        able = [gain for gain in one.gains if gain is not None]
        best = one.tried[one.gains.index(max(able))]
        new = idme.pool.block(best)(states[-1]).detach()
        loop = LoopDetector()(torch.stack([*states[1:], new]))
        assert one.loop is not None
        assert (one.loop.kind, one.loop.lag) == (loop.kind, loop.lag)
        assert torch.allclose(torch.tensor(one.values).double(), loop.singular_values, atol=1e-5)
        assert one.loop.counted == (max(able) > 0 and len(way) >= 6)
        assert one.loop.dropped == (max(able) > 0 and one.winner < 0)
        if one.winner >= 0:
            way, states = [*way, new], [*states[1:], new]
    assert torch.allclose(torch.stack(way), path_of(seen), atol=1e-6)
    assert torch.allclose(way[-1], result.h[0], atol=1e-6)


def test_the_thoughts_of_a_batch_are_refused() -> None:
    with pytest.raises(ValueError, match="one thought is needed, got 2"):
        idme_record(thought(rows=2)[2])


def test_without_the_pool_told_the_first_size_is_that_of_the_first_event() -> None:
    _, _, seen = thought()
    seen.events = [event for event in seen.events if event.name != "idme_pool"]
    record = idme_record(seen)
    assert record.start == () and (record.first, record.rounds[0].pool) == (9, 9)
    assert idme_record(Trace()) == IdmeRecord((), (), (), "") and idme_record(Trace()).last == 0


def test_candidates_are_drawn_by_what_became_of_them() -> None:
    _, _, seen = thought(min_step=0.05)
    record, drawn = idme_record(seen), by_name(figures.idme_candidates(seen))
    winners = [(one.at, one.gain, one.winner) for one in record.rounds if one.winner >= 0]
    dots = drawn["winner"]
    assert list(zip(dots.x, dots.y, dots.customdata, strict=True)) == winners and winners
    count = {name: len(drawn[name].x) for name in drawn if name != "gained so far"}
    assert sum(count.values()) == sum(len(one.tried) for one in record.rounds)
    unable = sum(gain is None for one in record.rounds for gain in one.gains)
    assert count["could not win"] == unable and set(drawn["could not win"].y) <= {0.0}
    assert drawn["gained so far"].y[-1] == pytest.approx(sum(record.earned.values()))


def test_the_pool_grows_where_too_few_are_left() -> None:
    idme, _, seen = thought()
    record, drawn = idme_record(seen), by_name(figures.idme_pool(seen, needed=3))
    size, left = drawn["blocks in the pool"].y, drawn["not tried yet"].y
    assert (size[0], size[-1], left[0]) == (9, len(idme.pool), 9)
    for at, (before, after) in enumerate(zip(size, size[1:], strict=False), 1):
        assert (after > before) == (left[at - 1] < 3) == (at in dict(record.grown))
    assert set(drawn["the pool grows"].customdata) == {4}
    assert drawn["needed for a round"].y == (3, 3)


def test_bars_hold_what_was_there_and_what_came() -> None:
    idme, _, seen = thought()
    drawn = by_name(figures.idme_efficiencies(seen))
    old, new = drawn["earned now"], drawn["earned now by a block that was grown"]
    assert drawn["before"].x == () and all(block < 9 for block in old.x)
    assert new.x and all(block >= 9 for block in new.x)
    both = dict(zip((*old.x, *new.x), (*old.y, *new.y), strict=True))
    for block, earned in enumerate(idme.pool.efficiency.tolist()):
        assert both.get(block, 0.0) == pytest.approx(earned, abs=1e-6)


def test_the_mask_bars_what_was_tried_and_nothing_else() -> None:
    idme, result, seen = thought()
    levels, gone = mask(idme_record(seen)), set[int]()
    assert levels.shape == (len(result.trace), len(idme.pool))
    for row, there in zip(levels.tolist(), result.trace, strict=True):
        tried = set(there.candidates[0].tolist()) - gone
        for block, level in enumerate(row):
            word = "not there yet" if block >= there.pool else "free"
            word = "barred" if block in gone else word
            word = "tried now" if block in tried else word
            assert LEVELS[level] == ("wins" if block == int(there.winner) else word)
        gone |= tried
    assert (figures.idme_mask(seen).data[0].z == levels).all()  # pyright: ignore


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("make", FIGURES)
def test_same_data_gives_the_same_figure_with_named_axes(make: Any, dark: bool) -> None:
    _, _, seen = thought()
    figure = make(seen, title="T", dark=dark, height=321)
    assert figure == make(seen, title="T", dark=dark, height=321)
    assert figure.layout.height == 321 and figure.layout.title.text == "T"
    assert figure.layout.yaxis.title.text
    assert figure.layout.xaxis.title.text or figure.layout.xaxis2.title.text
    assert make(seen, title="T", dark=not dark, height=321) != figure
    assert make(Trace()).layout.title.text
