"""The catalogue lists what exists: each symbol imports, each notebook mentions it."""

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from marslab.lab.catalogue import COLUMNS, catalogue, course_table

ROOT = Path(__file__).resolve().parents[1]
COURSE = catalogue()
ROWS = COURSE["rows"]


def resolve(symbol: str) -> Any:
    """The object that a dotted name stands for: the longest module, then attributes."""
    parts = symbol.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for name in parts[cut:]:
            found = getattr(found, name)
        return found
    raise ModuleNotFoundError(symbol)


def test_there_are_rows() -> None:
    symbols = [row["symbol"] for row in ROWS]
    assert "marslab.kernels.linear_scan" in symbols and len(symbols) == len(set(symbols))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["symbol"])
def test_a_row_has_its_columns(row: dict[str, Any]) -> None:
    assert set(row) == set(COLUMNS)
    assert row["system"] and row["section"] and isinstance(row["claims"], list)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["symbol"])
def test_the_symbol_imports(row: dict[str, Any]) -> None:
    assert resolve(row["symbol"]) is not None


def test_a_symbol_that_is_not_there_is_found() -> None:
    with pytest.raises(AttributeError):
        resolve("marslab.kernels.no_such_scan")


@pytest.mark.parametrize("row", [r for r in ROWS if r["notebook"]], ids=lambda r: r["symbol"])
def test_the_notebook_mentions_it(row: dict[str, Any]) -> None:
    path = ROOT / "notebooks" / f"{row['notebook']}.ipynb"
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    text = "".join("".join(cell["source"]) for cell in cells)
    assert row["symbol"].rpartition(".")[2] in text


@pytest.mark.parametrize("row", [r for r in ROWS if r["dashboard"]], ids=lambda r: r["symbol"])
def test_the_dashboard_exists(row: dict[str, Any]) -> None:
    assert row["dashboard"] in views()


def views() -> set[str]:
    from marslab.widgets.views import VIEWS

    return {view.slug for view in VIEWS}


@pytest.mark.parametrize("notebook", COURSE["notebooks"], ids=lambda n: n["name"])
def test_each_notebook_exists_in_a_part(notebook: dict[str, Any]) -> None:
    assert (ROOT / "notebooks" / f"{notebook['name']}.ipynb").exists()
    assert notebook["part"] in {part["part"] for part in COURSE["parts"]}
    assert notebook["minutes"] > 0 and notebook["learn"] and notebook["title"]


def test_each_notebook_on_disk_is_listed() -> None:
    on_disk = {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert on_disk == {notebook["name"] for notebook in COURSE["notebooks"]}


def test_the_map_has_a_line_for_each_notebook_and_every_symbol_in_one() -> None:
    lines = course_table().splitlines()
    assert len(lines) == len(COURSE["notebooks"]) + 2
    assert {line.count("|") for line in lines} == {7}
    shown = "\n".join(lines)
    taught = [row["symbol"] for row in ROWS if row["notebook"]]
    assert [symbol for symbol in taught if f"`{symbol}`" not in shown] == []
