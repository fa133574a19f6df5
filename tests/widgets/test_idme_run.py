"""What the IDME view runs: against the thinker, the generator and a circle by hand."""

import cmath
from dataclasses import replace
from typing import Any

import pytest
import torch

import marslab
from marslab.systems.tars.generation import Generation, Sampling
from marslab.systems.tars.system import Tars
from marslab.systems.tars.thinking import Thinker
from marslab.widgets.views import trained
from marslab.widgets.views.idme import IdmeSetup, run
from marslab.widgets.views.idme.run import MOST
from marslab.widgets.views.idme.turning import PUSH, TurningPool

NANO: dict[str, Any] = {"model": "tars-nano"}
TURNING: dict[str, Any] = {"source": "turning"}


def nano() -> Tars:
    model = marslab.load("tars-nano")
    assert isinstance(model, Tars)
    return model


@pytest.mark.parametrize("question", ["23+58=?", "Привет!", "hello there"])
def test_the_thought_and_both_answers_are_those_of_the_model(question: str) -> None:
    found, tars = run(IdmeSetup(question=question, **NANO)), nano()
    rule = replace(tars.config.exits, rule="small_step", small_step=0.0)
    task = tars.reflex.read([question])[0].task
    prompt = tars.prompt(question)
    off = tars.lm.prefill(prompt)
    with marslab.trace() as seen:
        on = Thinker(tars.lm, rule, learn=True).think(prompt, task=task, most_rounds=40)
    events: list[Any] = [event.fields for event in seen.events if event.name == "idme"]
    rounds = [told for told in events if told["event"] == "round"]
    assert len(found.record.rounds) == on.rounds == len(rounds)
    for one, told in zip(found.record.rounds, rounds, strict=True):
        assert list(one.tried) == told["candidates"].tolist()[0]
        assert one.winner == int(told["winner"]) and one.pool == told["pool"]
    assert tars.lm.idme is not None and found.record.last == len(tars.lm.idme.pool)
    how = Sampling(max_bytes=MOST, stop=(tars.tokenizer.eos,))
    said = []
    for state in (off, on.state):
        writing = Generation(tars.lm, state, how)
        list(writing)
        said.append(tars.tokenizer.decode(writing.ids))
    assert found.answers == tuple(said)
    assert on.state.steer is not None
    moved = found.path[-1] - found.path[0]
    assert torch.allclose(moved, on.state.steer[0], atol=1e-5)


def test_the_shipped_model_stays_as_it_is() -> None:
    lm = trained.tars("tars-nano").lm
    before = {name: x.clone() for name, x in lm.state_dict().items()}
    assert run(IdmeSetup(asked=1, **NANO)).record.last > 16
    after = lm.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(before[name], x) for name, x in after.items())


def test_limits_hold() -> None:
    few = run(IdmeSetup(rounds=3, **NANO)).record
    assert len(few.rounds) == 3 and few.reason == "rounds"
    shut = run(IdmeSetup(grow=False, **NANO)).record
    assert (shut.first, shut.last, shut.grown) == (16, 16, ())
    one = run(IdmeSetup(candidates=1, expand=2, patience=8, **NANO)).record
    assert {len(each.tried) for each in one.rounds} == {1}
    still = run(IdmeSetup(min_step=0.3, patience=1, **NANO)).record
    assert still.reason == "no_improvement" and still.rounds[-1].gains == (None, None, None)
    assert len(still.rounds) == 1
    wide = run(IdmeSetup(candidates=8, expand=16, auditor=False, **NANO)).record
    assert wide.grown and wide.grown[0][1] == 32


def test_the_auditor_may_be_passed_over_and_dp_may_judge() -> None:
    sum_ = {"question": "17+25=?", **NANO}
    asked, passed = run(IdmeSetup(**sum_)).record, run(IdmeSetup(auditor=False, **sum_)).record
    assert asked.reason == "converged" and passed.reason != "converged"
    assert passed.rounds[: len(asked.rounds)] == asked.rounds
    printed = run(IdmeSetup(score="dp", **NANO)).record
    assert printed.rounds[0].tried == run(IdmeSetup(**NANO)).record.rounds[0].tried
    assert printed.rounds[0].gains != run(IdmeSetup(**NANO)).record.rounds[0].gains


def test_what_was_earned_before_is_there_the_next_time() -> None:
    first, second = (run(IdmeSetup(asked=asked, **NANO)).record for asked in (0, 1))
    assert set(first.start) == {0.0} and len(second.start) == first.last
    for block, earned in first.earned.items():
        assert second.start[block] == pytest.approx(earned, abs=1e-6)


def test_fresh_blocks_follow_the_seed() -> None:
    def gains(**state: Any) -> list[Any]:
        return [one.gains for one in run(IdmeSetup(rounds=3, **NANO, **state)).record.rounds]

    one, two = gains(pool="fresh"), gains(pool="fresh", seed=1)
    assert one == gains(pool="fresh") != two and gains() != one
    assert gains(seed=1) == gains()  # the trained blocks have no seed


@pytest.mark.parametrize(
    ("angle", "kind", "lag"),
    [(180, "cycle", 2), (120, "cycle", 3), (90, "cycle", 4), (30, "rotation", 12)],
)
def test_a_turning_state_is_caught_at_the_sixth_step(angle: int, kind: str, lag: int) -> None:
    record = run(IdmeSetup(angle=angle, **TURNING)).record
    assert record.reason == "loop" and [one.winner >= 0 for one in record.rounds][5:] == [False] * 2
    for one in record.rounds[5:]:
        assert one.loop is not None and one.loop.dropped
        assert (one.loop.kind, one.loop.lag) == (kind, lag)


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ({"angle": 5}, "rounds"),  # below the least angle that the detector looks for
        ({"shrink": 0.5}, "converged"),
        ({"shrink": 0.5, "centre": 5.0, "auditor": False}, "no_improvement"),
        ({"angle": 0}, "no_improvement"),
        ({"angle": 5, "grow": False}, "pool"),
    ],
)
def test_what_is_no_loop_ends_otherwise(state: dict[str, Any], reason: str) -> None:
    record = run(IdmeSetup(**TURNING, **state)).record
    assert record.reason == reason
    assert not any(one.loop is not None and one.loop.dropped for one in record.rounds)


def test_the_path_is_a_spiral_around_its_centre() -> None:
    found = run(IdmeSetup(angle=45, shrink=0.9, centre=2.0, rounds=8, auditor=False, **TURNING))
    turn = 0.9 * cmath.exp(1j * cmath.pi / 4)
    for step, (x, y, centre, tally) in enumerate(found.path.tolist()):
        assert complex(x, y) == pytest.approx(turn**step, abs=1e-6) and centre == 2.0
        assert tally == pytest.approx(PUSH * sum(o.gain for o in found.record.rounds[:step]), 1e-3)
    assert len(found.path) == 9
    pool = TurningPool(1.0, 1.0)
    pool.lazy_expand(2, torch.ones(4), source=3)
    tried = pool(torch.ones(1, 4))[0]
    assert tried.shape == (18, 4) and torch.equal(tried[16], tried[3])


def test_how_near_a_return_must_be_decides_what_is_a_cycle() -> None:
    state: dict[str, Any] = {"angle": 60, "shrink": 0.99, **TURNING}
    loops = [run(IdmeSetup(near=near, **state)).record.rounds[5].loop for near in (0.2, 0.01)]
    assert [loop.kind for loop in loops if loop is not None] == ["cycle", "rotation"]


def test_a_cancelled_run_stops_between_two_thoughts() -> None:
    class Enough(Exception):
        pass

    def say(line: str) -> None:
        if line == "Asking before, 2 of 2":
            raise Enough

    with pytest.raises(Enough):
        run(IdmeSetup(asked=2, **NANO), say)


def test_the_same_question_has_the_same_answer() -> None:
    one, two = run(IdmeSetup(**NANO)), run(IdmeSetup(**NANO))
    assert one.record == two.record and one.answers == two.answers
    assert torch.equal(one.path, two.path)
