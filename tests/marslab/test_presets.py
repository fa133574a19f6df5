"""Presets are plain YAML; anything else is one sentence."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marslab.config import read
from marslab.errors import UserError
from marslab.learning.mars_plan import MarsTraining
from marslab.learning.reflex import ReflexTraining
from marslab.learning.ship import Training
from marslab.learning.tars.plan import TarsTraining
from marslab.presets import presets, read_preset, read_yaml
from marslab.systems.registry import system

TRAININGS = {"mars": MarsTraining, "tars": TarsTraining, "tars-reflex": ReflexTraining}
FEW = settings(max_examples=80, deadline=None, derandomize=True)


@pytest.mark.parametrize("name", presets())
def test_every_preset_fits_its_system(name: str) -> None:
    preset = read_preset(name)
    assert {"system", "config"} <= set(preset) <= {"system", "config", "training"}
    read(system(preset["system"]).config, preset["config"])
    read(TRAININGS.get(preset["system"], Training), preset.get("training", {}))


@pytest.mark.parametrize("name", ["digits-recurence", "../catalogue", "", "/etc/passwd"])
def test_an_unknown_preset_lists_the_known(name: str) -> None:
    with pytest.raises(UserError, match=r"there is no preset .*Choose from: .*digits-recurrence"):
        read_preset(name)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: 1\na: 2", "here, line 2 is not plain YAML: 'a' is given twice"),
        ("a: {b: 1, b: 2}", "here, line 1 is not plain YAML: 'b' is given twice"),
        ("a: &x [1]\nb: *x", "here, line 2 is not plain YAML: aliases are not allowed"),
        ("a: !!python/object/apply:os.system [ls]", "here, line 1 is not plain YAML: could not"),
        ("a: [1", "here, line 1 is not plain YAML: "),
        ("a: 1\n\tb: 2", "here, line 2 is not plain YAML: "),
        ("a: 2026-13-77", "here is not plain YAML: month must be in 1..12"),
        ("? [a]\n: 1", "here, line 1 is not plain YAML: found unhashable key"),
        ("a: \x00", "here is not plain YAML: "),
        ("[" * 20_000, "here is not plain YAML: "),
        ("- a", "here must hold `name: value` lines, got list"),
        ("", "here must hold `name: value` lines, got NoneType"),
        ("a: " + "x" * 70_000, "here is larger than 65,536 bytes: this is no preset"),
    ],
)
def test_what_is_not_plain_is_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(UserError) as error:
        read_yaml(text, "here")
    assert str(error.value).startswith(sentence)
    assert "\n" not in str(error.value)


def test_numbers_with_an_exponent_are_numbers() -> None:
    found = read_yaml("a: 1e-3\nb: -2E5\nc: 1.5e3\nd: 1e\ne: '1e3'\nf: 12", "here")
    assert found == {"a": 1e-3, "b": -2e5, "c": 1500.0, "d": "1e", "e": "1e3", "f": 12}


PIECES = st.sampled_from(
    [
        "a",
        "b:",
        " ",
        "\n",
        "  ",
        "- ",
        "{",
        "}",
        "[",
        "]",
        ",",
        "&x",
        "*x",
        "!!",
        "'",
        '"',
        "|",
        ">",
    ]
    + ["? ", ": ", "#", "%", "<<: ", "1e3", "~", "\t", "2020-01-01", "!!set", "!!binary", "=", "0x"]
)


@FEW
@given(st.lists(PIECES, max_size=20).map("".join) | st.text(max_size=40))
def test_any_text_gives_a_mapping_or_one_sentence(text: str) -> None:
    found: Any = None
    try:
        found = read_yaml(text, "here")
    except UserError as error:
        assert "\n" not in str(error)
    assert found is None or isinstance(found, dict)
