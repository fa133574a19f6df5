"""`marslab remember | recall | memory`, as a user calls them."""

import json
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from marslab.errors import MissingExtra, UserError
from marslab.lab import memory_commands

app = typer.Typer()
app.command("remember")(memory_commands.remember)
app.command("recall")(memory_commands.recall)
app.add_typer(memory_commands.app, name="memory")


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def sentence(*arguments: str) -> str:
    found = call(*arguments)
    assert isinstance(found.exception, UserError), found.output
    return str(found.exception)


def test_remember_and_recall() -> None:
    for number, text in enumerate(("The key is under the stone.", "Чайник кипит."), start=1):
        assert call("remember", text).stdout == f"{number}\n"
    assert json.loads(call("remember", "x", "--json").stdout) == {"id": 3}
    (found,) = json.loads(call("recall", "where is the key?", "-k", "1", "--json").stdout)
    assert found == {"text": "The key is under the stone.", "id": 1, "source": "store"} | {
        "score": found["score"]
    }
    assert "Чайник кипит." in call("recall", "кипит ли чайник?").stdout
    assert memory_commands.default_store().is_file()


def test_export_import_stats_forget_reindex(tmp_path: Path) -> None:
    store, file = ("--store", str(tmp_path / "s.sqlite")), str(tmp_path / "out.jsonl")
    for text in ("one", "two"):
        assert call("remember", text, *store).exit_code == 0
    assert "2 records" in call("memory", "export", file, *store).stderr
    assert "2 records added, 0 were" in call("memory", "import", file).stderr
    assert "0 records added, 2 were" in call("memory", "import", file).stderr
    assert call("memory", "forget", "1", *store).exit_code == 0
    told = json.loads(call("memory", "stats", "--json", *store).stdout)
    assert told["records"] == 1 and told["embedder"] == "hashed-ngram-384-v1"
    assert "hashed-ngram-384-v1" in call("memory", "stats", *store).stdout
    assert "1 records" in call("memory", "reindex", *store).stderr
    for text in ("two", "one"):
        call("memory", "forget", "2", *store)
        assert call("recall", text, *store).stdout == ""


def test_a_mistake_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "there is no memory store" in sentence("recall", "x")
    assert "there is no memory store" in sentence("memory", "stats")
    assert "there is no file" in sentence("memory", "import", str(tmp_path / "none"))
    assert not memory_commands.default_store().exists()
    assert "is empty" in sentence("remember", " ")
    call("remember", "x")
    assert "there is no record 9" in sentence("memory", "forget", "9")
    assert "Did you mean 'hashed'" in sentence("memory", "reindex", "--embedder", "hased")
    assert call("recall", "x", "-k", "0").exit_code == 2
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    found = call("memory", "reindex", "--embedder", "sentence").exception
    assert isinstance(found, MissingExtra) and found.exit_code == 3
