"""Stopped anywhere, killed anywhere, shared by two: the training is the one that never stopped."""

import json
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from marslab.errors import UserError
from marslab.learning.language import LanguagePlan, Pace, read_log, state, train_language

JOBS = Path(__file__).parent / "jobs"
CLOCK = ("seconds", "tokens_per_second")


def told(folder: Path) -> list[dict[str, Any]]:
    """The log without what the clock says."""
    records = read_log(folder / "log.jsonl")
    return [{k: v for k, v in r.items() if k not in CLOCK} for r in records]


def kept(folder: Path) -> dict[str, Tensor]:
    """All tensors of the last checkpoint: weights, average, the optimizer's state."""
    snapshot = state.newest(folder)
    assert snapshot is not None
    return snapshot.tensors


def same(one: dict[str, Tensor], two: dict[str, Tensor]) -> bool:
    return one.keys() == two.keys() and all(torch.equal(x, two[n]) for n, x in one.items())


def plans(plan: LanguagePlan) -> dict[str, LanguagePlan]:
    return {p: replace(plan, precision=p) for p in ("fp32", "bf16", "fp16")}


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_stopped_after_every_step(tiny: Any, tmp_path: Path, precision: str) -> None:
    plan = plans(tiny.PLAN)[precision]
    whole = tiny.train(tmp_path / "whole", plan)
    reason, parts, model = "steps", 0, tiny.Tiny()
    while reason != "finished":
        parts += 1
        model = tiny.Tiny()
        if parts > 1:
            nn.init.zeros_(model.up.weight)  # the weights come from the checkpoint
        outcome = train_language(
            model, plan, tiny.source(), tmp_path / "parts", pace=Pace(log=1), steps=1
        )
        reason = outcome.reason
        assert outcome.step == parts
    assert parts == plan.steps == 17
    assert same(model.state_dict(), whole.state_dict())
    assert model.passes > 17
    assert told(tmp_path / "parts") == told(tmp_path / "whole")
    assert same(kept(tmp_path / "parts"), kept(tmp_path / "whole"))


def test_what_is_done_stays_done(tiny: Any, tmp_path: Path) -> None:
    tiny.train(tmp_path)
    before = (tmp_path / "log.jsonl").read_bytes()
    model = tiny.Tiny()
    outcome = train_language(model, tiny.PLAN, tiny.source(), tmp_path)
    assert outcome.reason == "finished" and outcome.average is not None
    assert (tmp_path / "log.jsonl").read_bytes() == before
    assert same(
        {f"model/{n}": x for n, x in model.state_dict().items()}.copy(),
        {n: x for n, x in kept(tmp_path).items() if n.startswith("model/")},
    )
    assert torch.equal(outcome.average.tensors["up.bias"], kept(tmp_path)["average/up.bias"])


def test_an_exception_loses_no_more_than_since_the_checkpoint(tiny: Any, tmp_path: Path) -> None:
    def stumble(record: dict[str, Any]) -> None:
        if record["step"] == 11:
            raise RuntimeError("full disk")

    with pytest.raises(RuntimeError, match="full disk"):
        tiny.train(tmp_path / "one", pace=Pace(log=1, save=4), on_record=stumble)
    names = [path.name for path in state.checkpoints(tmp_path / "one")]
    assert names == ["step-0000000004.safetensors", "step-0000000008.safetensors"]
    assert len(told(tmp_path / "one")) == 11
    with open(tmp_path / "one" / "log.jsonl", "a") as log:
        log.write('{"half a li')
    tiny.train(tmp_path / "one")
    tiny.train(tmp_path / "two")
    assert told(tmp_path / "one") == told(tmp_path / "two")
    assert same(kept(tmp_path / "one"), kept(tmp_path / "two"))


def test_an_evaluation_leaves_no_mark(tiny: Any, tmp_path: Path) -> None:
    def draw(model: nn.Module) -> dict[str, float]:
        assert not model.training and not torch.is_grad_enabled()
        return {"noise": torch.rand(1).item()}

    tiny.train(tmp_path / "one", pace=Pace(log=1, evaluate=2), evaluate=draw)
    tiny.train(tmp_path / "two")
    steps = [r for r in told(tmp_path / "one") if r["event"] == "step"]
    assert steps == told(tmp_path / "two")
    assert same(kept(tmp_path / "one"), kept(tmp_path / "two"))


def test_ctrl_c_ends_after_a_whole_step(tiny: Any, tmp_path: Path) -> None:
    def interrupt(record: dict[str, Any]) -> None:
        if record["step"] == 5:
            signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    outcome = train_language(
        tiny.Tiny(), tiny.PLAN, tiny.source(), tmp_path, pace=Pace(log=1), on_record=interrupt
    )
    assert outcome[:3] == (5, 17, "interrupted")
    assert signal.getsignal(signal.SIGINT) is before
    tiny.train(tmp_path)
    tiny.train(tmp_path / "two")
    assert told(tmp_path) == told(tmp_path / "two")

    def twice(record: dict[str, Any]) -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        tiny.train(tmp_path / "three", on_record=twice)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_time_budget(tiny: Any, tmp_path: Path) -> None:
    outcome = train_language(tiny.Tiny(), tiny.PLAN, tiny.source(), tmp_path, seconds=1e-6)
    assert outcome[:3] == (1, 17, "seconds")
    assert [path.name for path in state.checkpoints(tmp_path)] == ["step-0000000001.safetensors"]


def test_another_plan_or_model_is_refused(tiny: Any, tmp_path: Path) -> None:
    tiny.train(tmp_path, steps=9)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(UserError, match=r"another plan: seed was 3, is 4\. Go on with"):
        tiny.train(tmp_path, replace(tiny.PLAN, seed=4))
    model = tiny.Tiny(width=6)
    weight = model.up.weight.detach().clone()
    with pytest.raises(UserError, match=r"'embed.weight' is \[16, 8\] float32, the model has"):
        tiny.train(tmp_path, model=model)
    assert torch.equal(model.up.weight, weight)
    model = tiny.Tiny()
    model.more = nn.Linear(2, 2)
    with pytest.raises(UserError, match=r"of another model: it lacks 'more.bias' \(2 names"):
        tiny.train(tmp_path, model=model)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_damaged_checkpoint_leaves_the_one_before(tiny: Any, tmp_path: Path) -> None:
    tiny.train(tmp_path / "two")
    tiny.train(tmp_path / "one", pace=Pace(log=1, save=4), steps=9)
    older, newer = state.checkpoints(tmp_path / "one")
    data = bytearray(newer.read_bytes())
    data[-1] ^= 1
    newer.write_bytes(data)
    with pytest.raises(UserError, match="is damaged: its checksum"):
        state.read(newer)
    tiny.train(tmp_path / "one", pace=Pace(log=1), steps=1)
    names = [path.name for path in state.checkpoints(tmp_path / "one")]
    assert names == [older.name, "step-0000000009.safetensors"]
    tiny.train(tmp_path / "one")
    assert told(tmp_path / "one") == told(tmp_path / "two")
    assert same(kept(tmp_path / "one"), kept(tmp_path / "two"))
    for path in state.checkpoints(tmp_path / "one"):
        path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(UserError, match="0000000017.safetensors is damaged"):
        state.newest(tmp_path / "one")
    with pytest.raises(UserError, match="there is no checkpoint at"):
        state.read(tmp_path / "x")


def test_a_checkpoint_of_something_else_is_refused(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"x": torch.zeros(1)}, tmp_path / "a")
    save_file({"x": torch.zeros(1)}, tmp_path / "b", {"marslab": json.dumps({"kind": "trace"})})
    with pytest.raises(UserError, match="is not a checkpoint of a training"):
        state.read(tmp_path / "a")
    with pytest.raises(UserError, match="it says 'trace'"):
        state.read(tmp_path / "b")


def start(*arguments: object, program: str = "tiny_language.py") -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, str(JOBS / program), *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_killed_at_random_moments(tiny: Any, tmp_path: Path) -> None:
    draw, steps = random.Random(5), 0
    for _ in range(2):
        process = start(tmp_path / "killed", 0.05)
        assert process.stdout is not None
        begun = int(process.stdout.readline())
        time.sleep(draw.uniform(0.1, 0.35))
        process.kill()
        told_by_it = [begun, *map(int, process.stdout.read().split())]
        process.stdout.close()
        assert process.wait() == -signal.SIGKILL
        assert begun > steps - 3 and max(told_by_it) < tiny.PLAN.steps
        steps = max(told_by_it)
    said = start(tmp_path / "killed", 0.0).communicate()[0].split()
    assert said[-1] == "done" and steps - 3 < int(said[0])
    assert start(tmp_path / "whole", 0.0).communicate()[0].split()[0] == "1"
    assert told(tmp_path / "killed") == told(tmp_path / "whole")
    assert len(told(tmp_path / "whole")) == tiny.PLAN.steps
    assert same(kept(tmp_path / "killed"), kept(tmp_path / "whole"))


@pytest.mark.slow
def test_two_processes_give_what_one_does(tiny: Any, tmp_path: Path) -> None:
    folder = tmp_path / "two"
    ranks = [
        start(rank, 2, tmp_path / "store", folder, program="language_ranks.py") for rank in (0, 1)
    ]
    try:
        said = [rank.communicate(timeout=120)[0] for rank in ranks]
    finally:
        for rank in ranks:
            rank.kill()
    assert [rank.returncode for rank in ranks] == [0, 0] and said[0] == said[1]
    tiny.train(tmp_path / "one", model=tiny.Tiny(dropout=0.0).double())
    one, two = kept(tmp_path / "one"), kept(folder)
    assert one.keys() == two.keys()
    for name, x in one.items():
        if name != "model/passes":
            torch.testing.assert_close(x, two[name], rtol=1e-6, atol=1e-6)
    assert [r["step"] for r in told(folder)] == list(range(1, 18))
    assert [path.name for path in folder.iterdir() if path.suffix == ".jsonl"] == ["log.jsonl"]
