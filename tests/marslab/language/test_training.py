"""What a plan does to a model: it learns, freezes, averages, in pieces and in half precision."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from marslab.errors import UserError
from marslab.learning.language import LanguagePlan, Pace, Phase, read_log, train_language
from marslab.learning.language.ranks import Ranks
from marslab.learning.language.run import Run
from marslab.learning.language.schedule import learning_rate

PHASE = Phase("one", 150, 2e-2, lengths=(8,), tokens=256, label_smoothing=0.0)


def weights(model: nn.Module) -> dict[str, Tensor]:
    return {name: p.detach().clone() for name, p in model.named_parameters()}


def accuracy(model: nn.Module) -> dict[str, float]:
    ids = torch.arange(7, 7 + 16)[None] % 16
    return {"accuracy": (model(ids).argmax(-1) == (ids + 1) % 16).double().mean().item()}


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_it_learns_to_count(tiny: Any, tmp_path: Path, optimizer: Any, precision: Any) -> None:
    phase = replace(PHASE, optimizer=optimizer, mixture={"count": 1.0})
    plan = LanguagePlan((phase,), precision=precision, ema=0.9)
    model = tiny.Tiny()
    outcome = train_language(
        model, plan, tiny.source(), tmp_path, evaluate=accuracy, pace=Pace(evaluate=75)
    )
    assert outcome[:3] == (150, 150, "finished")
    records = read_log(tmp_path / "log.jsonl")
    scores = [r["scores"]["accuracy"] for r in records if r["event"] == "held_out"]
    assert len(scores) == 2 and scores[-1] == 1.0
    assert accuracy(model.eval())["accuracy"] == 1.0
    assert all(p.dtype == torch.float32 for p in model.parameters())


def test_a_step_is_the_plain_one(tiny: Any, tmp_path: Path) -> None:
    """Against a loop of three lines with torch's AdamW, clip and label smoothing."""
    plan = LanguagePlan((replace(PHASE, steps=6, label_smoothing=0.1),), clip=0.5)
    model, plain = tiny.Tiny(dropout=0.0), tiny.Tiny(dropout=0.0)
    tiny.train(tmp_path, plan, model)
    gains = [plain.up.bias, plain.down.bias]
    others = [plain.embed.weight, plain.up.weight, plain.down.weight]
    groups = [{"params": others}, {"params": gains, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.95), weight_decay=0.1)
    for step in range(6):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(plan.phases[0], step)
        ids, targets = tiny.source().batch(0, step, 8, 32, plan.phases[0])
        optimizer.zero_grad()
        F.cross_entropy(plain(ids).flatten(0, 1), targets.flatten(), label_smoothing=0.1).backward()
        nn.utils.clip_grad_norm_(plain.parameters(), 0.5)
        optimizer.step()
    for name, p in weights(plain).items():
        torch.testing.assert_close(weights(model)[name], p, rtol=0, atol=1e-7)


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_what_is_frozen_does_not_move_by_a_bit(tiny: Any, tmp_path: Path, optimizer: Any) -> None:
    one = replace(PHASE, steps=5, optimizer=optimizer)
    two = replace(one, name="two", freeze=("up.*", "head.*"))
    three = replace(one, name="three", train=("up.weight",))
    plan = LanguagePlan((one, two, three), ema=0.9)
    model = tiny.Tiny()
    run = Run(model, model.losses, plan, tiny.source(), Ranks(None))
    assert run.average is not None
    for phase in plan.phases:
        before = weights(model)
        for _ in range(phase.steps):
            run.advance()
        still = {n for n, p in weights(model).items() if torch.equal(p, before[n])}
        expected = {
            "one": set(),
            "two": {"up.weight", "up.bias", "embed.weight"},
            "three": set(before) - {"up.weight"},
        }[phase.name]
        assert still == expected
        same = {n for n, p in weights(model).items() if torch.equal(p, run.average.tensors[n])}
        assert same == expected  # a frozen parameter is its own average
    run.leave()
    assert all(p.requires_grad and p.grad is None for p in model.parameters())


def test_what_the_caller_froze_stays_so(tiny: Any, tmp_path: Path) -> None:
    model = tiny.Tiny()
    model.up.requires_grad_(False)
    before = weights(model)
    tiny.train(tmp_path, LanguagePlan((replace(PHASE, steps=3),)), model)
    assert torch.equal(model.up.weight, before["up.weight"]) and not model.up.weight.requires_grad
    assert not torch.equal(model.down.weight, before["down.weight"])
    with pytest.raises(UserError, match="'one' trains only what requires no gradient"):
        plan = LanguagePlan((replace(PHASE, train=("up.*",)),))
        tiny.train(tmp_path / "b", plan, model)


def test_pieces_add_up_to_the_batch(tiny: Any, tmp_path: Path) -> None:
    """Also where rows have different numbers of targets, and where pieces outnumber rows."""
    results = []
    for pieces in (1, 3, 50):
        phase = replace(PHASE, steps=4, lengths=(400,), tokens=8000, accumulate=pieces)
        model = tiny.Tiny(dropout=0.0).double()
        tiny.train(tmp_path / str(pieces), LanguagePlan((phase,)), model)
        results.append(weights(model))
    for other in results[1:]:
        for name, p in results[0].items():
            torch.testing.assert_close(p, other[name], rtol=1e-9, atol=1e-9)


def test_a_batch_without_targets_moves_nothing_but_by_the_plan(tiny: Any, tmp_path: Path) -> None:
    class Empty:
        def batch(self, seed: int, step: int, length: int, rows: int, phase: Phase) -> Any:
            return torch.zeros(rows, length).long(), torch.full((rows, length), -100)

    for precision in ("fp32", "fp16"):
        plan = LanguagePlan((replace(PHASE, steps=2),), precision=precision)
        model = tiny.Tiny()
        before = weights(model)
        train_language(model, plan, Empty(), tmp_path / precision)
        assert all(torch.equal(p, before[n]) for n, p in weights(model).items())


def test_the_log_tells_parts_and_the_callback_hears_it(tiny: Any, tmp_path: Path) -> None:
    heard: list[dict[str, Any]] = []
    tiny.train(tmp_path, on_record=heard.append)
    assert heard == read_log(tmp_path / "log.jsonl")
    assert [r["step"] for r in heard] == list(range(1, 18))
    first, last = heard[0], heard[-1]
    assert set(first["losses"]) == {"loss", "ce", "square"}
    assert first["losses"]["loss"] == pytest.approx(first["losses"]["ce"])
    assert last["losses"]["loss"] > last["losses"]["ce"]  # phase three asks for the square
    assert (first["phase"], first["length"], heard[6]["length"], last["phase"]) == (
        *("one", 4, 8, "three"),
    )
    assert all(r["grad_norm"] > 0 and r["tokens_per_second"] > 0 for r in heard)
    assert [r["seconds"] for r in heard] == sorted(r["seconds"] for r in heard)


def test_the_average_is_the_average(tiny: Any, tmp_path: Path) -> None:
    plan = LanguagePlan((replace(PHASE, steps=5),), ema=0.3)
    model = tiny.Tiny()
    run = Run(model, model.losses, plan, tiny.source(), Ranks(None))
    wanted = model.up.weight.detach().clone()
    for n in range(5):
        run.advance()
        d = min(0.3, (1 + n) / (10 + n))
        wanted = d * wanted + (1 - d) * model.up.weight.detach()
    assert run.average is not None
    torch.testing.assert_close(run.average.tensors["up.weight"], wanted)
    live = weights(model)
    with pytest.raises(KeyError), run.average.applied():
        torch.testing.assert_close(model.up.weight.detach(), wanted)
        raise KeyError
    assert all(torch.equal(p, live[n]) for n, p in weights(model).items())


def test_training_leaves_the_random_state_and_the_mode(tiny: Any, tmp_path: Path) -> None:
    model = tiny.Tiny().eval()
    before = torch.get_rng_state()
    tiny.train(tmp_path, model=model)
    assert torch.equal(before, torch.get_rng_state()) and not model.training


def test_losses_can_be_wrapped(tiny: Any, tmp_path: Path) -> None:
    calls = []

    def counted(losses: Any) -> Any:
        return lambda *args, **options: calls.append(options) or losses(*args, **options)

    tiny.train(tmp_path, compile=counted)
    assert len(calls) == 7 * 2 + 6 + 4 and calls[0] == {"label_smoothing": 0.1}
    assert calls[-1] == {"label_smoothing": 0.1, "extra": 0.01}


def test_a_broken_training_ends_with_a_sentence(tiny: Any, tmp_path: Path) -> None:
    plan = LanguagePlan((replace(PHASE, lr=1e30),), clip=0.0)
    with pytest.raises(UserError, match=r"the loss of step \d+ is (nan|inf): lower the learning"):
        tiny.train(tmp_path, plan)
    assert not list(tmp_path.glob("*.safetensors"))


def test_bad_input(tiny: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="seconds must be positive, got 0"):
        tiny.train(tmp_path, seconds=0)
    with pytest.raises(UserError, match="phase 'two': no parameter is named like 'ssd"):
        plan = LanguagePlan((PHASE, replace(PHASE, name="two", freeze=("ssd.*",))))
        tiny.train(tmp_path, plan)
    with pytest.raises(ValueError, match="pace.save must not be negative"):
        Pace(save=-1)
    with pytest.raises(ValueError, match="no parameter that requires a gradient"):
        tiny.train(tmp_path, model=tiny.Tiny().requires_grad_(False))

    class Wrong:
        def batch(self, seed: int, step: int, length: int, rows: int, phase: Phase) -> Any:
            return torch.zeros(2, 3), torch.zeros(2, 3)

    with pytest.raises(ValueError, match="both int64, got"):
        train_language(tiny.Tiny(), tiny.PLAN, Wrong(), tmp_path)


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_it_learns_on_a_gpu_and_goes_on_there(tiny: Any, tmp_path: Path, precision: Any) -> None:
    if not torch.cuda.is_available():
        pytest.skip("there is no CUDA device")
    phase = replace(PHASE, optimizer="muon", mixture={"count": 1.0})
    plan = LanguagePlan((phase,), precision=precision, ema=0.9)
    tiny.train(tmp_path, plan, tiny.Tiny().cuda(), steps=70)
    model = tiny.train(tmp_path, plan, tiny.Tiny().cuda())
    ids = torch.arange(7, 7 + 16)[None].cuda() % 16
    assert (model.eval()(ids).argmax(-1) == (ids + 1) % 16).all()
    records = read_log(tmp_path / "log.jsonl")
    assert [r["step"] for r in records] == sorted(r["step"] for r in records)
    assert records[-1]["step"] == 150


@pytest.mark.gpu
def test_one_graph_a_step_learns_the_same(tiny: Any, tmp_path: Path) -> None:
    """On an H200 eight steps of a TARS had the same losses and norms to the last digit printed."""
    if not torch.cuda.is_available():
        pytest.skip("there is no CUDA device")
    ends = []
    for graphs in (False, True):
        model = tiny.Tiny().cuda()
        tiny.train(tmp_path / str(graphs), LanguagePlan((PHASE,)), model, graphs=graphs)
        ends.append(model.state_dict())
    for name, x in ends[0].items():
        torch.testing.assert_close(ends[1][name], x)


def test_graphs_need_a_gpu_and_plain_steps(tiny: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="the model must be on a GPU"):
        tiny.train(tmp_path, LanguagePlan((PHASE,)), graphs=True)
    for plan in (
        LanguagePlan((replace(PHASE, accumulate=2),)),
        LanguagePlan((PHASE,), precision="fp16"),
    ):
        with pytest.raises(ValueError, match="graphs need steps of one piece"):
            tiny.train(tmp_path, plan, graphs=True)
