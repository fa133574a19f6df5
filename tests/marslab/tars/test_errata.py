"""The errata table of the model card: every number once, and what it names says that number."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
CARD = ROOT / "data" / "checkpoints" / "TARS.md"
ROW = re.compile(r"^\| T(\d+) \| (.+?) \| (.+?) \|$", re.MULTILINE)
FATE = re.compile(r"repaired in `([\w/.]+)`|shown in notebook `(\w+)`|listed: (.+)")
RANGE = re.compile(r"\bT(\d+)(?:-| to )T(\d+)\b")
ROWS = [(int(n), what, fate) for n, what, fate in ROW.findall(CARD.read_text("utf-8"))]


def mentioned(text: str) -> set[int]:
    """The errata that a text names, alone or within a range."""
    found = {int(n) for n in re.findall(r"\bT(\d+)\b", text)}
    for first, last in RANGE.findall(text):
        found |= set(range(int(first), int(last) + 1))
    return found


def fates(told: str) -> list[re.Match[str]]:
    found = [FATE.fullmatch(each) for each in told.split("; ")]
    assert all(found), f"neither repaired, shown nor listed: {told}"
    return [each for each in found if each]


def test_a_range_names_all_between() -> None:
    assert mentioned("errata T7, T19 to T21 and T33-T35; T2.") == {2, 7, 19, 20, 21, 33, 34, 35}
    assert mentioned("T12 at most, PT3, 9T") == {12}


def test_every_number_has_one_row_in_order() -> None:
    assert [number for number, *_ in ROWS] == list(range(1, 70))


@pytest.mark.parametrize(("number", "what", "fate"), ROWS, ids=[f"T{n}" for n, *_ in ROWS])
def test_what_a_row_names_is_there_and_says_so(number: int, what: str, fate: str) -> None:
    assert 2 <= len(what.split()) <= 12, what
    for found in fates(fate):
        file, notebook, reason = found.groups()
        if reason is not None:
            assert len(reason.split()) >= 3, "a listed one needs its reason"
            continue
        path = ROOT / (file or f"notebooks/src/{notebook}.py")
        assert number in mentioned(path.read_text("utf-8")), f"{path.name} does not name T{number}"


def test_the_card_names_every_shipped_tars_and_its_scores() -> None:
    cards = {path.stem for path in CARD.parent.glob("tars-*.json")} - {"tars-mini-seeds"}
    assert cards == {path.stem for path in CARD.parent.glob("tars-*.safetensors")}
    fields = {name for stem in cards for name in _fields(CARD.parent / f"{stem}.json")}
    told = set(re.findall(r"`(\w+)`", CARD.read_text("utf-8")))
    assert cards and fields <= told


def _fields(path: Path) -> list[str]:
    return list(json.loads(path.read_text("utf-8")))
