"""What the reflex learns, how its confidence is measured, and what mining proposes."""

from pathlib import Path

import pytest
import torch

from marslab import checkpoint
from marslab.errors import UserError
from marslab.learning import reflex
from marslab.learning.calibration import best_temperature, calibration_error
from marslab.learning.reflex import ReflexTraining, calibrate_on, scores, train
from marslab.learning.reflex_data import Example, Source, for_calibration, held_out, tensors
from marslab.learning.reflex_mining import mine
from marslab.systems.tars.reflex import ReflexCore
from marslab.systems.tars.reflex_replies import answer
from marslab.tasks.authored import reflex_patterns


def test_calibration_error_against_a_loop() -> None:
    draw = torch.Generator().manual_seed(0)
    p = torch.rand(200, generator=draw, dtype=torch.float64)
    right = torch.rand(200, generator=draw) < p
    expected = 0.0
    for at in range(15):
        low, high = at / 15, (at + 1) / 15
        rows = [i for i in range(200) if low <= p[i] < high]
        if rows:
            stated = sum(float(p[i]) for i in rows) / len(rows)
            success = sum(bool(right[i]) for i in rows) / len(rows)
            expected += len(rows) / 200 * abs(stated - success)
    assert calibration_error(p, right) == pytest.approx(expected, abs=1e-9)
    assert calibration_error(torch.ones(3), torch.ones(3)) == 0


def test_bad_calibration_input() -> None:
    with pytest.raises(ValueError, match="n > 0"):
        calibration_error(torch.ones(0), torch.ones(0))
    with pytest.raises(ValueError, match="bins must be positive"):
        calibration_error(torch.ones(1), torch.ones(1), bins=0)


def test_the_temperature_is_found_again() -> None:
    draw = torch.Generator().manual_seed(0)
    logits = torch.randn(20000, 4, generator=draw) * 2
    target = torch.multinomial(logits.softmax(-1), 1, generator=draw).squeeze(-1)
    assert best_temperature(3 * logits, target) == pytest.approx(3, rel=0.05)
    two = logits[:, 0]
    drawn = torch.rand(20000, generator=draw) < two.sigmoid()
    assert best_temperature(2 * two, drawn) == pytest.approx(2, rel=0.08)


def test_augmented_examples_repeat_and_are_bytes() -> None:
    patterns = reflex_patterns()
    first, again = (Source(patterns, 3).draw(300) for _ in "ab")
    assert first == again != Source(patterns, 4).draw(300)
    assert not any("{" in example.text for example in first)
    assert tensors(first).ids.max() < 256
    plain = Source(patterns, 3, noise=0.0)
    assert plain.written("Привет, тарс?") == "Привет, тарс?"


def test_training_repeats() -> None:
    few = ReflexTraining(steps=6, batch=8)
    (one, _), (two, _) = (train(5, few) for _ in "ab")
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))


def test_scores_tell_right_from_wrong() -> None:
    core = ReflexCore().eval()
    reading = core.read(["привет"])[0]
    assert reading.task and reading.complexity
    same = Example("привет", reading.intent, reading.task, reading.complexity)
    assert scores(core, [same]).intent == 1
    calibrate_on(core, for_calibration(reflex_patterns()))
    assert core.temperatures.min() > 0


@pytest.fixture(scope="module")
def trained() -> ReflexCore:
    return train(0, ReflexTraining(steps=1000))[0]


@pytest.mark.slow
def test_what_is_learned_holds_for_phrasings_that_it_never_saw(trained: ReflexCore) -> None:
    found = scores(trained, held_out(reflex_patterns()))
    assert found.intent >= 0.9 and found.task >= 0.9 and found.complexity >= 0.85
    assert found.intent_error <= 0.1 and found.confidence_error <= 0.1
    assert found.wrongly <= 0.06  # up to 0.038 seen; it moves with the processor's rounding


@pytest.mark.slow
def test_the_queries_of_the_design(trained: ReflexCore) -> None:
    assert answer(trained, "Привет!").text == "Здравствуйте! Чем могу помочь?"
    for text in ("37+48=?", "Сколько будет 37+48?", "Реши: 3x^2 - 12x + 9 = 0"):
        given = answer(trained, text)
        assert given.text is None
        assert (given.reading.intent, given.reading.task) == ("complex", "math")
    deep = answer(trained, "Докажи, что корень из 2 иррационально").reading
    assert (deep.task, deep.complexity) == ("math", "deep")


def test_the_command_writes_a_checkpoint(tmp_path: Path, capsys) -> None:
    out = tmp_path / "reflex.safetensors"
    assert reflex.main(["--out", str(out), "--seeds", "0", "1", "--steps", "2"]) == 0
    assert "58,770 parameters" in capsys.readouterr().out
    header = checkpoint.load_into(out, ReflexCore())
    assert header["system"] == "tars-reflex" and "confidence_error" in header["scores"]


def test_mining(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    known = reflex_patterns().groups[0]
    lines = ["Включи джакузи"] * 3 + ["включи джакузи!", "отмени вылет ракеты", "42", "ю" * 200]
    log.write_text("\n".join([*lines, known.held_out[0], known.train[0].upper()]), encoding="utf-8")
    found = mine(log, ReflexCore().eval())
    assert [(p.text, p.times) for p in found] == [
        ("включи джакузи", 3),
        ("отмени вылет ракеты", 1),
    ]
    assert all(0 <= p.confidence <= 1 for p in found)


def test_mining_says_what_it_cannot_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        mine(tmp_path / "none.txt", ReflexCore())
    (tmp_path / "bad.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="save it as UTF-8"):
        mine(tmp_path / "bad.txt", ReflexCore())
