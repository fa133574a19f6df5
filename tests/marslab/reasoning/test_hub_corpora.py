"""Rows of the public schemas become passages; what is missing is one sentence."""

import json
import sys
from pathlib import Path

import pytest

from marslab.errors import MissingExtra, UserError
from marslab.tasks.hub_corpora import (
    CORPORA,
    Passage,
    encode_passages,
    load_corpus,
    read_jsonl,
    to_passages,
)
from marslab.text.cp1251_tokenizer import Cp1251Tokenizer

CHAT = (
    "USER: Convert 5 dollars\n\n\nASSISTANT: <functioncall> {\"name\": \"convert\"} <|endoftext|>"
    "\n\n\nFUNCTION RESPONSE: {\"sum\": 4}\n\n\nASSISTANT: That is 4 euros. <|endoftext|>"
)  # fmt: skip
ROWS: dict[str, list[dict]] = {
    "wikipedia-ru": [{"id": "1", "url": "u", "title": "Марс", "text": "Марс - планета."}],
    "russian-instructions": [{"question": "Сколько будет 2+2?", "answer": "4"}],
    "function-calling": [{"system": "SYSTEM: You may call convert", "chat": CHAT}],
    "magicoder": [{"instruction": "Add two numbers", "response": "a + b"}],
    "code-alpaca": [
        {"instruction": "Sort", "input": "3 1", "output": "1 3"},
        {"instruction": "Say hi", "input": "", "output": "print('hi')"},
    ],
}
EXPECTED = {
    "wikipedia-ru": [Passage("", "Марс - планета.")],
    "russian-instructions": [Passage("Сколько будет 2+2?", "4")],
    "function-calling": [
        Passage(
            "SYSTEM: You may call convert\nUSER: Convert 5 dollars\nASSISTANT:",
            '<functioncall> {"name": "convert"}',
        ),
        Passage(
            "SYSTEM: You may call convert\nUSER: Convert 5 dollars\n"
            'ASSISTANT: <functioncall> {"name": "convert"}\nFUNCTION RESPONSE: {"sum": 4}\n'
            "ASSISTANT:",
            "That is 4 euros.",
        ),
    ],
    "magicoder": [Passage("Add two numbers", "a + b")],
    "code-alpaca": [Passage("Sort\n3 1", "1 3"), Passage("Say hi", "print('hi')")],
}


@pytest.mark.parametrize("name", CORPORA)
def test_rows_of_each_schema(name: str, tmp_path: Path) -> None:
    assert list(to_passages(name, ROWS[name])) == EXPECTED[name]
    path = tmp_path / "rows.jsonl"
    lines = [json.dumps(row, ensure_ascii=False) for row in ROWS[name]]
    path.write_text("\n".join(lines) + "\n\n", encoding="utf-8")
    assert list(read_jsonl(name, path)) == EXPECTED[name]
    assert list(read_jsonl(name, path, limit=0)) == []


@pytest.mark.parametrize("name", CORPORA)
def test_without_datasets_the_extra_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingExtra, match=r"datasets is not installed: .*marslab\[hub\]"):
        load_corpus(name)


def test_the_hub_is_asked_for_a_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    class Hub:
        @staticmethod
        def load_dataset(*arguments: object, **settings: object) -> list[dict]:
            asked.append((arguments, settings))
            return ROWS["code-alpaca"]

    monkeypatch.setitem(sys.modules, "datasets", Hub)  # pyright: ignore[reportArgumentType]
    assert list(load_corpus("code-alpaca", limit=1)) == EXPECTED["code-alpaca"][:1]
    assert asked == [(("sahil2801/CodeAlpaca-20k", None), {"split": "train", "streaming": True})]


def test_plain_text_is_learned_whole_and_of_pairs_the_answer() -> None:
    tokens = Cp1251Tokenizer()
    text, pair = encode_passages(tokens, [Passage("", "да"), Passage("2+2?", "4")])
    assert text.learned == [False, True, True, True]
    assert pair.learned == [False] * 6 + [True, True]


def test_empty_answers_are_left_out() -> None:
    rows = [{"question": "a", "answer": "  "}, {"question": "b", "answer": "c"}]
    assert list(to_passages("russian-instructions", rows)) == [Passage("b", "c")]


@pytest.mark.parametrize("row", [{"question": "a"}, {"question": "a", "answer": None}, 3, []])
def test_a_row_of_another_schema_is_named(row: object) -> None:
    good = {"question": "a", "answer": "b"}
    with pytest.raises(UserError, match="row 2 of rows has no text '(question|answer)'"):
        list(to_passages("russian-instructions", [good, row]))  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"{\n", "line 1 of .* is not JSON"),
        (b"[" * 100_000, "line 1 of .* is not JSON"),
        (b"\xff\xfe", "is not UTF-8: save it as UTF-8"),
        (None, "cannot be read: No such file"),
    ],
)
def test_a_broken_file_is_one_sentence(
    tmp_path: Path, content: bytes | None, sentence: str
) -> None:
    path = tmp_path / "rows.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=sentence):
        list(read_jsonl("wikipedia-ru", path))


def test_an_unknown_corpus_names_the_nearest() -> None:
    for call in (lambda: load_corpus("wikipedia"), lambda: read_jsonl("wikipedia", "x")):
        with pytest.raises(UserError, match="Did you mean 'wikipedia-ru'"):
            call()
