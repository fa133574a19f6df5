"""Measuring over the lengths: bytes that are counted, turns, two models of one size; no clock."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from marslab.lab.lengths import layers, measure, rival
from marslab.lab.lengths.findings import growth
from marslab.lab.lengths.layers import kept_bytes, layer, turns
from marslab.lab.lengths.plan import FUSED, MARS, RIVAL, WRITTEN_OUT, LengthsPlan, quick
from marslab.lab.lengths.table import assembled
from marslab.layers.attention import KVCache

PLAN, QUICK = LengthsPlan(), quick()


@pytest.mark.parametrize(
    ("kind", "power"), [("ssd", 1.0), ("s6", 1.0), ("fft", 1.0), (WRITTEN_OUT, 2.0), (FUSED, 1.0)]
)
def test_what_is_kept_for_the_gradient_grows_to_its_power(kind: str, power: float) -> None:
    model = layer(kind, PLAN)
    kept = {length: float(kept_bytes(model, length, PLAN.width)) for length in (512, 1024, 2048)}
    assert growth(kept).exponent == pytest.approx(power, abs=0.1)


def test_what_is_kept_is_counted_once_and_without_weights() -> None:
    between = nn.Linear(3, 2)
    kept = kept_bytes(nn.Sequential(nn.Linear(4, 3), between), length=5, width=4)
    assert kept == 4 * (5 * 4 + 5 * 3)  # x and what the second one reads; not its 6 weights


@torch.no_grad()
def test_attention_of_both_kinds_is_one() -> None:
    x = torch.randn(1, 50, PLAN.width)
    torch.testing.assert_close(layer(WRITTEN_OUT, PLAN)(x), layer(FUSED, PLAN)(x))


def test_calls_take_turns_and_a_slow_one_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    order, seconds = [], {"a": 1.0, "slow": 6.0, "b": 2.0}

    def watch(call):
        name = call()
        order.append(name)
        return lambda: seconds[name]

    monkeypatch.setattr(layers, "watch", watch)
    found = turns({name: (lambda name=name: name) for name in seconds}, rounds=2, slow=5.0)
    assert order == ["a", "slow", "b", "a", "b", "a", "b"]
    assert {name: timed.ms for name, timed in found.items()} == {
        "a": [1e3, 1e3],
        "slow": [6e3],
        "b": [2e3, 2e3],
    }


@pytest.mark.parametrize("plan", [PLAN, QUICK], ids=["as shipped", "quick"])
def test_models_and_learners_are_of_one_size_within_5_percent(plan: LengthsPlan) -> None:
    for pair in (plan.models, plan.learners):
        ours, theirs = (rival.parameters(pair[kind]) for kind in (MARS, RIVAL))
        assert abs(theirs / ours - 1) < 0.05 or plan is QUICK
        assert ours == sum(p.numel() for p in rival.blocks(pair[MARS]).parameters())


@torch.no_grad()
@pytest.mark.parametrize("kind", [MARS, RIVAL])
def test_a_body_goes_on_from_what_it_has_read(kind: str) -> None:
    stack = QUICK.models[kind]
    x = torch.randn(2, 12, stack.d_model)
    made = rival.blocks(stack)
    body = rival.Body(made, [None] * len(made))  # pyright: ignore[reportArgumentType]
    parts = [body.step(part) for part in x.split([9, 1, 1, 1], 1)]
    whole = x
    for block in made:
        whole = block(whole)
    torch.testing.assert_close(torch.cat(parts, 1), whole, rtol=1e-4, atol=1e-4)


def test_a_state_stays_and_a_cache_grows_with_the_context() -> None:
    ours = {n: rival.state_bytes(rival.after(QUICK.models[MARS], 2, n)) for n in (64, 256)}
    theirs = {n: rival.state_bytes(rival.after(QUICK.models[RIVAL], 2, n)) for n in (64, 256)}
    assert ours[64] == ours[256]
    assert theirs == {n: 2 * 2 * n * 32 * 4 for n in (64, 256)}


def test_a_step_leaves_the_filled_cache_where_it_is() -> None:
    body = rival.after(QUICK.models[RIVAL], 1, 100)
    before = body.states[0]
    body.step(torch.randn(1, 1, 32))
    after = body.states[0]
    assert isinstance(before, KVCache) and isinstance(after, KVCache)
    assert (before.length, after.length) == (100, 101) and after.k is before.k


def test_a_tiny_plan_is_measured_into_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """All parts but for learning, here and not in workers."""
    plan = replace(QUICK, layers={k: (32, 64) for k in QUICK.layers}, kept=(32, 64))
    plan = replace(plan, reads=(32, 64), contexts=(32, 64), rounds=1, steps=1)
    lessons = [{"kind": k, "seed": 0, "seconds": [1.0], "losses": [2.0]} for k in plan.learners]
    monkeypatch.setattr(rival, "lesson", lambda plan, kind, seed: lessons.pop(0))
    monkeypatch.setattr(
        measure.workers, "run", lambda call, jobs, workers: [call(job) for job in jobs]
    )
    told = []
    found = measure.lengths_table(plan, lambda done, of: told.append((done, of)))
    assert told == [(n, 5) for n in range(1, 6)]
    assert set(found.kinds()) == set(plan.layers) and found.kinds("model") == [MARS, RIVAL]
    assert sorted(found.curve(WRITTEN_OUT, "kept_bytes")) == [32, 64]
    assert {(s.kind, s.rows, s.context, len(s.ms)) for s in found.steppings} == {
        (kind, rows, n, 1) for kind in (MARS, RIVAL) for rows in plan.rows for n in (32, 64)
    }
    assert found.conditions["parameters"][MARS] == rival.parameters(plan.models[MARS])
    assert assembled({}, [], [], found_lessons(found)).lessons == found.lessons


def found_lessons(found) -> list[dict]:
    return [vars(each) for each in found.lessons]


def test_a_lesson_tells_seconds_and_losses_of_every_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    split = rival.load_digits_sequences()
    few = split._replace(
        train_x=split.train_x[:64, :2, :4],
        train_y=split.train_y[:64],
        test_x=split.test_x[:9, :2, :4],
        test_y=split.test_y[:9],
    )
    monkeypatch.setattr(rival, "load_digits_sequences", lambda: few)
    plan = replace(QUICK, epochs=8)
    one, again = (rival.lesson(plan, RIVAL, seed=3) for _ in range(2))
    assert one["losses"] == again["losses"] and len(one["losses"]) == 8
    assert one["seconds"] == sorted(one["seconds"]) and one["seconds"][0] > 0
    assert rival.lesson(plan, RIVAL, seed=4)["losses"] != one["losses"]
