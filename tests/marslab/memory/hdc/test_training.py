"""The data, the split that no model sees, and what a trained classifier reaches on it."""

from collections import Counter

import pytest
import torch
from babel import Locale

from marslab.errors import UserError
from marslab.learning.hdc import hdc_table, train_hdc
from marslab.learning.hdc_plan import OURS, TORCHHD, HdcTraining
from marslab.tasks.language_names import LANGUAGES, load_language_names
from marslab.tasks.tables import load_table


@pytest.mark.parametrize(("name", "classes"), [("digits", 10), ("wine", 3), ("cancer", 2)])
def test_a_table_is_standardized_by_what_is_trained_on(name, classes: int) -> None:
    split = load_table(name)
    constant = split.train_x.std(0) == 0
    torch.testing.assert_close(split.train_x.mean(0), torch.zeros(len(constant)), atol=1e-5, rtol=0)
    deviation = split.train_x.std(0, correction=0)[~constant]
    torch.testing.assert_close(deviation, torch.ones_like(deviation), atol=1e-4, rtol=0)
    assert len(split.train_y.unique()) == len(split.test_y.unique()) == classes
    assert len(split.test_y) == -(-(len(split.train_y) + len(split.test_y)) // 5)
    rows = {tuple(row) for row in split.train_x.tolist()}
    assert not any(tuple(row) in rows for row in split.test_x.tolist())
    assert torch.equal(load_table(name).test_x, split.test_x)
    assert not torch.equal(load_table(name, seed=1).test_y, split.test_y)


def things_by_name(code: str) -> dict[str, str]:
    """The languages of the CLDR by the names that no other thing has in this language."""
    locale = Locale.parse(code)
    tables = (locale.languages, locale.territories, locale.scripts)
    used = Counter(name.casefold() for table in tables for name in table.values())
    named = {name.casefold(): thing for thing, name in locale.languages.items()}
    return {name: thing for name, thing in named.items() if used[name] == 1}


def test_a_thing_is_held_out_in_every_language() -> None:
    split = load_language_names()
    assert len(split.languages) >= 20 and len(split.train) > 4 * len(split.test) > 8000
    assert set(split.train_y) == set(split.test_y) == set(range(len(LANGUAGES)))
    named = {code: things_by_name(code) for code in ("de", "fi")}
    things = {"train": set(), "test": set()}
    for part, names, labels in (
        ("train", split.train, split.train_y),
        ("test", split.test, split.test_y),
    ):
        for name, label in zip(names, labels, strict=True):
            known = named.get(split.languages[label], {})
            things[part] |= {known[name]} if name in known else set()
    assert (
        len(things["train"]) > 3 * len(things["test"]) > 200
        and not things["train"] & things["test"]
    )
    assert load_language_names() == split != load_language_names(seed=1)


def test_a_name_of_two_languages_is_nobodys() -> None:
    split = load_language_names(("nb", "da"))
    both = set(Locale.parse("nb").languages.values()) & set(Locale.parse("da").languages.values())
    assert len(both) > 100
    assert not {name.casefold() for name in both} & {*split.train, *split.test}


def test_what_is_learned_helps() -> None:
    """A trained encoder over a random one of the same width; both far above chance."""
    random, trained = (
        train_hdc(HdcTraining("digits", method, dim=256, bits=1, epochs=8))
        for method in ("centroid", "trainable")
    )
    assert random.held_out > 0.6 and trained.held_out > max(0.93, random.held_out + 0.05)
    assert random.class_bytes == trained.class_bytes == 10 * 32


def test_the_same_seed_gives_the_same_score() -> None:
    for method in (*OURS, *TORCHHD):
        plan = HdcTraining("wine", method, dim=128, epochs=3)
        state = torch.random.get_rng_state()
        first, again = train_hdc(plan, 1), train_hdc(plan, 1)
        assert (first.held_out, first.train) == (again.held_out, again.train)
        assert torch.equal(torch.random.get_rng_state(), state)
        assert first.held_out > 0.8, method


def test_other_encoders_work_too() -> None:
    assert train_hdc(HdcTraining("digits", "centroid", "record", 512)).held_out > 0.7


def test_a_table_has_a_row_for_each_run_and_tells_them() -> None:
    told: list[dict] = []
    table = hdc_table("wine", dims=[32], bits=[1, 32], seeds=[0, 1], on_row=told.append)
    assert len(table) == len(told) == (2 * len(OURS) + len(TORCHHD)) * 2
    assert set(table[table["bits"] == 1]["method"]) == set(OURS)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"lr": 0}, "lr must be positive"),
        ({"data": "iris"}, "data must be one of"),
        ({"method": "svm"}, "method must be one of"),
        ({"bits": 3}, "bits must be one of"),
        ({"method": "torchhd-online", "bits": 1}, "32 with torchhd"),
        ({"encoder": "record"}, "an encoder of its own"),
        ({"encoder": "ngram", "method": "centroid"}, "reads texts"),
    ],
)
def test_what_is_refused(wrong: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        HdcTraining(**wrong)


def test_data_that_is_not_there() -> None:
    with pytest.raises(ValueError, match="no table 'iris'"):
        load_table("iris")  # pyright: ignore[reportArgumentType]
    for languages in (("en",), ("en", "xx")):
        with pytest.raises(UserError, match="language"):
            load_language_names(languages)
