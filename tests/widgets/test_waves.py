"""What the Waves view shows: against the model asked by hand, wave by wave and gate by gate."""

from typing import Any

import numpy as np
import pytest
import torch

import marslab
from marslab.systems.registry import load, models
from marslab.systems.tars.clamp import clamp
from marslab.systems.tars.generation import Generation, Sampling
from marslab.systems.tars.system import Tars
from marslab.widgets.views.waves import Passed, WavesSetup, run
from marslab.widgets.views.waves.setup import MODELS

NANO: dict[str, Any] = {"model": "tars-nano"}
HELD: dict[str, Any] = NANO | {"gate": "merge", "wave": 1, "value": 0.0}


@pytest.fixture(scope="module")
def tars() -> Tars:
    model = load("tars-nano")
    assert isinstance(model, Tars)
    return model


def written(tars: Tars, question: str, waves: int | None = None) -> str:
    """The likeliest bytes, by hand."""
    state = tars.lm.prefill(tars.prompt(question), waves=waves)
    writing = Generation(tars.lm, state, Sampling(max_bytes=96, stop=(tars.tokenizer.eos,)))
    return tars.tokenizer.decode(list(writing))


def same(one: Passed, other: Passed) -> bool:
    """Whether all that two runs found is the same, to the bit."""
    pairs = [*zip(one.gates, other.gates, strict=True), *zip(one.depth, other.depth, strict=True)]
    return one.ids == other.ids and all(np.array_equal(a, b, equal_nan=True) for a, b in pairs)


def test_the_answer_is_what_the_model_writes_and_a_second_solver_checks_it(tars: Tars) -> None:
    for question, right in (("47+38=?", True), ("12*3=?", False), ("Tell me a tale", None)):
        found = run(WavesSetup(question, **NANO))
        assert found.held is None and found.free.text == written(tars, question)
        assert found.free.right is right
    assert bytes(found.free.ids[: found.free.prompt]).decode() == "\x02Tell me a tale\n"


def test_each_row_of_depth_is_the_model_of_so_many_waves(tars: Tars) -> None:
    """The oracle runs each depth anew: `lm(ids, waves=d)`."""
    found = run(WavesSetup("80-27=?", **NANO)).free
    goal = torch.tensor(found.ids[found.prompt :])
    ids = torch.tensor([found.ids[:-1]])
    assert goal[-1] == tars.tokenizer.eos and found.ended
    for wave in range(1, 7):
        with torch.no_grad():
            p = tars.lm(ids, waves=wave)[0, found.prompt - 1 :].softmax(-1)
        assert np.array_equal(found.depth.best[wave - 1], p.argmax(-1).numpy())
        wanted = p[torch.arange(len(goal)), goal].numpy()
        np.testing.assert_allclose(found.depth.chance[wave - 1], wanted, rtol=1e-5, atol=1e-7)
    assert found.depth.best[-1].tolist() == goal.tolist()
    rows = [row.tolist() == goal.tolist() for row in found.depth.best]
    assert all(rows[found.settled - 1 :]) and not rows[found.settled - 2]


def test_the_gates_are_those_of_the_modules(tars: Tars) -> None:
    """The oracle reads what each module gives, by hooks, without the trace."""
    found = run(WavesSetup(**NANO)).free
    told: dict[str, list[Any]] = {}
    hooks = [
        module.register_forward_hook(
            lambda _m, _x, out, name=name: told.setdefault(name, []).append(out)
        )
        for name, module in tars.lm.named_modules()
    ]
    with torch.no_grad():
        tars.lm(torch.tensor([found.ids[:-1]]))
    for hook in hooks:
        hook.remove()
    gates = found.gates
    for wave in range(6):
        alpha = told[f"waves.{wave}.merge"][0].alpha[0, :, 0]
        np.testing.assert_allclose(gates.alpha[wave], alpha, rtol=1e-6)
        for side, name in enumerate(("left", "right")):
            block = f"waves.{wave}.{name}"
            novelty = told[f"{block}.novelty"][0].novelty[0, :, 0]
            np.testing.assert_allclose(gates.novelty[2 * wave + side], novelty, rtol=1e-6)
            routing = told[f"{block}.mole"][0].weights[0]
            np.testing.assert_allclose(gates.routing[2 * wave + side], routing, rtol=1e-6)
            need = told["injection"][2 * wave + side].need
            if wave == 0:
                assert need is None and np.isnan(gates.need[side]).all()
            else:
                np.testing.assert_allclose(gates.need[2 * wave + side], need[0, :, 0], rtol=1e-6)
    memory = [torch.nn.functional.normalize(each[0], dim=-1) for each in told["chain"]]
    wanted = [[float((a * b).sum(-1).mean()) for b in memory] for a in memory]
    np.testing.assert_allclose(gates.memory, wanted, atol=1e-5)
    spine = [(told["chain"][w - 1] * told["spine"][w]).sum(-1)[0] for w in range(1, 6)]
    lengths = [told["chain"][w - 1].norm(dim=-1)[0] for w in range(1, 6)]
    np.testing.assert_allclose(
        gates.spine[1:], torch.stack(spine) / torch.stack(lengths), atol=1e-5
    )
    assert np.isnan(gates.spine[0]).all() and (gates.correction > 0).all()


@pytest.mark.parametrize(
    ("gate", "wave", "value"), [("merge", 1, 0.0), ("need", 3, 1.0), ("novelty", 0, 0.5)]
)
def test_the_held_run_is_that_of_the_clamp_and_the_free_one_stays(
    tars: Tars, gate: str, wave: int, value: float
) -> None:
    setup = WavesSetup(**NANO, gate=gate, wave=wave, value=value)
    found = run(setup)
    assert found.held is not None and same(found.free, run(WavesSetup(**NANO)).free)
    with clamp(tars, *setup.clamp):
        assert found.held.text == written(tars, setup.question)
    rows = {"merge": found.held.gates.alpha, "need": found.held.gates.need}
    level = rows.get(gate, found.held.gates.novelty)
    per = 1 if gate == "merge" else 2
    held = level if wave == 0 else level[per * (wave - 1) : per * wave]
    np.testing.assert_allclose(held, value, atol=1e-6)
    assert found.held.text == found.free.text or found.held.right is False


def test_a_free_answer_that_is_known_is_not_worked_out_again() -> None:
    said: list[str] = []
    first = run(WavesSetup(**NANO))
    then = run(WavesSetup(**HELD), said.append, first)
    assert then.free is first.free and sum(line == "Reading the question" for line in said) == 1
    other = run(WavesSetup("1+1=?", **NANO), known=first)
    assert other.free is not first.free and other.free.text != first.free.text
    assert same(run(WavesSetup(**HELD)).free, first.free)


def test_while_a_gate_is_held_another_page_sees_it_free() -> None:
    said, meanwhile = [], []

    def say(line: str) -> None:
        said.append(line)
        if said.count("Writing byte 1") == 2 and not meanwhile:
            meanwhile.append(run(WavesSetup(**NANO)).free)

    found = run(WavesSetup(**HELD), say)
    assert same(meanwhile[0], found.free) and found.held is not None
    assert not np.array_equal(found.held.gates.alpha, found.free.gates.alpha)


def test_every_shipped_tars_can_be_watched() -> None:
    sizes = {m.name: m.parameters for m in models() if m.system == "tars"}
    assert set(MODELS) == set(sizes)
    assert [sizes[name] for name in MODELS] == sorted(map(sizes.__getitem__, MODELS), reverse=True)
    for name in MODELS:
        found = run(WavesSetup(model=name, gate="need", wave=6, value=1.0))
        for passed in (found.free, found.held):
            assert passed is not None and len(passed.gates.alpha) == 6
            assert passed.gates.routing.shape[2] == len(found.experts)
            shares = passed.gates.routing.sum(-1)
            np.testing.assert_allclose(shares, 1, atol=1e-5)


@pytest.mark.parametrize("line", ["Writing byte 3", "Watching wave 2 of 6"])
def test_a_cancelled_run_stops_where_it_says_what_it_does(line: str, tars: Tars) -> None:
    class Enough(Exception):
        pass

    said: list[str] = []

    def say(told: str) -> None:
        said.append(told)
        if told == line:
            raise Enough

    with pytest.raises(Enough):
        run(WavesSetup(**NANO), say)
    assert said[-1] == line and not marslab.tracing.recording()
