"""What notebooks 30 and 31 turn by hand: the gates of a model, and a memory in the plane."""

import math
from typing import Any

import pytest
import torch

import marslab
from marslab.learning.tars.each_wave import flawless, worked
from marslab.systems.tars.clamp import clamp
from marslab.systems.tars.config import TarsConfig, WavesConfig
from marslab.systems.tars.lm import TarsLM
from marslab.tasks.corpus import Packed
from marslab.tasks.reasoning import problems
from marslab.text import Cp1251Tokenizer
from marslab.widgets.explorers import clamped_gate, following_memory
from marslab.widgets.explorers.following_memory import paths, seen


@pytest.fixture(scope="module")
def lm() -> TarsLM:
    tars: Any = marslab.load("tars-nano")
    return tars.lm


@pytest.fixture(scope="module")
def rows() -> Packed:
    asked = problems(1, 4, "held_out", {"add": 1.0}, levels=(2,))
    return worked(Cp1251Tokenizer(), list(asked))


def shares(lm: TarsLM, rows: Packed) -> list[float]:
    return flawless(lm, rows).double().mean(1).tolist()


def test_a_held_gate_changes_what_is_drawn_and_is_let_go(lm: TarsLM, rows: Packed) -> None:
    explorer: Any = clamped_gate(lm, rows, alpha=0.0)
    free, held = explorer.figure.data
    assert list(free.y) == shares(lm, rows) and free.y[-1] == 1.0
    with clamp(lm, "waves.*.merge", 0.0):
        assert list(held.y) == shares(lm, rows)
    told = "With alpha held at 0.00 in all waves, 0% of 4 answers come out without a mistake; "
    assert explorer.sentence.value == told + "with free gates 100%."
    explorer.controls["wave"].value = "wave 3"
    assert "in wave 3," in explorer.sentence.value
    with clamp(lm, "waves.2.merge", 0.0):
        expected = shares(lm, rows)
    assert list(explorer.figure.data[1].y) == expected != list(free.y)
    assert expected[1] == free.y[1] > 0  # the two waves before it are as they were
    assert shares(lm, rows) == list(free.y)


def test_blocks_in_sequence_have_no_gate_to_hold(rows: Packed) -> None:
    plain = TarsLM(TarsConfig(d_model=32, waves=WavesConfig(2, layout="sequence")))
    with pytest.raises(ValueError, match="no gate, give a parallel model"):
        clamped_gate(plain, rows)


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.7, 1.0])
def test_the_spine_turns_the_same_at_every_scale(keep: float) -> None:
    """The exact angle: between two unit vectors the mean lies where tan says."""
    small, large = (paths(keep, scale, 6)[0] for scale in (0.1, 100.0))
    torch.testing.assert_close(small, large, atol=1e-6, rtol=0)  # the norm has an eps
    at = 0.0
    for wave, point in enumerate(large[1:], 1):
        gap = math.radians(35) * wave - at
        across, along = (1 - keep) * math.sin(gap), keep + (1 - keep) * math.cos(gap)
        at += math.atan2(across, along)
        assert point.tolist() == pytest.approx([math.cos(at), math.sin(at)], abs=1e-6)


def test_the_printed_one_depends_on_the_scale() -> None:
    by_scale = [paths(0.7, scale, 5)[1][-1] @ seen(1.0, 5)[-1] for scale in (0.1, 1.0, 10.0)]
    assert by_scale == sorted(by_scale) and by_scale[2] - by_scale[0] > 0.5


def test_following_by_hand_and_no_dice_are_thrown() -> None:
    before = torch.get_rng_state()
    explorer: Any = following_memory()
    assert explorer.sentence.value.startswith("After 5 waves the thought has turned by 175 degrees")
    assert "The memory is 78 degrees behind, the printed one 44." in explorer.sentence.value
    explorer.controls["keep"].value = 0.0
    assert "The memory is 0 degrees behind, the printed one 0." in explorer.sentence.value
    explorer.controls["waves"].value = 1
    assert len(explorer.figure.data[-1].x) == 2
    assert torch.equal(torch.get_rng_state(), before)


def test_they_stand_without_a_kernel_and_are_reached_by_keyboard(lm: TarsLM, rows: Packed) -> None:
    for explorer in (clamped_gate(lm, rows), following_memory()):
        made: Any = explorer
        assert "<svg" in made._repr_mimebundle_()["text/html"]
        for control in made.controls.values():
            assert not control.disabled and control.tabbable is not False and control.description
