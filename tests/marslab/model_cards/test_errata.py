"""The errata tables of the model cards: every number once, and what it names says that number."""

import json
import re
from pathlib import Path
from typing import NamedTuple

import pytest

from marslab.lab.ablation.statistics import difference

ROOT = Path(__file__).resolve().parents[3]
CARDS = ROOT / "data" / "checkpoints"
FATE = re.compile(r"repaired in `([\w/.]+)`|shown in notebook `(\w+)`|listed: (.+)")


class Row(NamedTuple):
    """One erratum of one design: its letter and number, what it is, and what became of it."""

    letter: str
    number: int
    what: str
    fate: str


def rows(card: str, letter: str) -> list[Row]:
    found = re.compile(rf"^\| {letter}(\d+) \| (.+?) \| (.+?) \|$", re.MULTILINE)
    text = (CARDS / card).read_text("utf-8")
    return [Row(letter, int(n), what, fate) for n, what, fate in found.findall(text)]


COUNTS = {("TARS.md", "T"): 69, ("MARS.md", "M"): 44}
ROWS = [row for card in COUNTS for row in rows(*card)]


def mentioned(text: str, letter: str) -> set[int]:
    """The errata that a text names, alone or within a range."""
    found = {int(n) for n in re.findall(rf"\b{letter}(\d+)\b", text)}
    for first, last in re.findall(rf"\b{letter}(\d+)(?:-| to ){letter}(\d+)\b", text):
        found |= set(range(int(first), int(last) + 1))
    return found


def fates(told: str) -> list[re.Match[str]]:
    found = [FATE.fullmatch(each) for each in told.split("; ")]
    assert all(found), f"neither repaired, shown nor listed: {told}"
    return [each for each in found if each]


def test_a_range_names_all_between() -> None:
    text = "errata T7, T19 to T21 and T33-T35; T2."
    assert mentioned(text, "T") == {2, 7, 19, 20, 21, 33, 34, 35}
    assert mentioned("T12 at most, PT3, 9T, M4", "T") == {12}


@pytest.mark.parametrize(("card", "letter"), COUNTS)
def test_every_number_has_one_row_in_order(card: str, letter: str) -> None:
    numbers = [row.number for row in rows(card, letter)]
    assert numbers == list(range(1, COUNTS[card, letter] + 1))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.letter}{row.number}")
def test_what_a_row_names_is_there_and_says_so(row: Row) -> None:
    assert 2 <= len(row.what.split()) <= 12, row.what
    for found in fates(row.fate):
        file, notebook, reason = found.groups()
        if reason is not None:
            assert len(reason.split()) >= 3, "a listed one needs its reason"
            continue
        path = ROOT / (file or f"notebooks/src/{notebook}.py")
        named = mentioned(path.read_text("utf-8"), row.letter)
        assert row.number in named, f"{path.name} does not name {row.letter}{row.number}"


def test_the_card_names_every_shipped_tars_and_its_scores() -> None:
    cards = {path.stem for path in CARDS.glob("tars-*.json")} - {"tars-mini-seeds"}
    assert cards == {path.stem for path in CARDS.glob("tars-*.safetensors")}
    fields = {name for stem in cards for name in json.loads(_text(f"{stem}.json"))}
    told = set(re.findall(r"`(\w+)`", _text("TARS.md")))
    assert cards and fields <= told


def test_the_card_of_mars_names_what_ships_and_tells_the_runs_as_they_are() -> None:
    text = _text("MARS.md")
    shipped = {path.stem for path in CARDS.glob("mars-*.safetensors")}
    assert {name for name in shipped if f"`{name}`" not in text} == set()
    told: dict[str, dict[int, float]] = {}
    for run in json.loads(_text("mars-mini-seeds.json"))["runs"]:
        told.setdefault(run["model"], {})[run["seed"]] = 100 * run["held_out"]
    (whole,) = (by_seed for model, by_seed in told.items() if model.startswith("v4"))
    for model, by_seed in told.items():
        row = f"| {' / '.join(f'{by_seed[seed]:.1f}' for seed in sorted(by_seed))} |"
        apart = difference(by_seed, whole)
        if by_seed is not whole and apart.n > 1:
            row += f" {apart.mean:+.1f} [{apart.low:+.1f}, {apart.high:+.1f}] |"
        assert row in text, (model, row)


def test_the_card_of_tars_tells_its_runs_as_they_are() -> None:
    text, runs = _text("TARS.md"), json.loads(_text("tars-mini-seeds.json"))
    told: dict[str, dict[int, float]] = {}
    sizes: dict[str, int] = {}
    for run in runs["ablations"]["runs"]:
        told.setdefault(run["variant"], {})[run["seed"]] = 100 * run["held_out"]
        sizes[run["variant"]] = run["parameters"]
    for variant, by_seed in told.items():
        apart = difference(by_seed, told["baseline"])
        by = f"{apart.mean:+.1f} [{apart.low:+.1f}, {apart.high:+.1f}] "
        row = f"| {len(by_seed)} | {sum(by_seed.values()) / len(by_seed):.1f} | "
        row += f"{by if variant != 'baseline' else ''}| {sizes[variant]:,} |"
        assert row in text, (variant, row)
    earlier, now = (
        zip(*runs["exits"][plan].values(), strict=True) for plan in ("earlier", "shipped")
    )
    for before, seeds in zip(earlier, now, strict=True):
        row = f"| {seeds[0]['rule'].replace('_', ' ')} | "
        for group in (before, seeds):
            row += " / ".join(f"{100 * each['accuracy']:.1f}" for each in group)
            row += f" | {sum(each['waves'] for each in group) / len(group):.2f} | "
        row += f"{100 * sum(each['flops'] for each in seeds) / len(seeds):.0f} % |"
        assert row in text, row
    plain = " ".join(text.split())
    told_pool = [f"{100 * run['right']:.1f}" for run in runs["pool"]["runs"]]
    for figure in told_pool:
        assert figure in plain[plain.index("What does the pool bring?") :][:500], figure
    pooled: dict[str, dict[int, float]] = {}
    for run in runs["pool_trained"]["runs"]:
        pooled.setdefault(run["variant"], {})[run["seed"]] = 100 * run["pooled"]
    right = {name: " / ".join(f"{by[s]:.1f}" for s in sorted(by)) for name, by in pooled.items()}
    assert f" | {right['baseline']} | " in text and f"| without | {right['enabled-off']} | " in text
    apart = difference(pooled["baseline"], pooled["enabled-off"])
    assert f"{apart.mean:+.1f} points [{apart.low:+.1f}, {apart.high:+.1f}]" in text
    trial = runs["ternary"]
    for family in ("add", "sub", "syllogism", "order", "linear", "quadratic"):
        after, before = (round(100 * trial[kind][family]) for kind in ("ternary", "brain"))
        assert re.search(rf" {after}(?: %)? \((?:unrounded )?{before}\)", plain), family


def _text(name: str) -> str:
    return (CARDS / name).read_text("utf-8")
