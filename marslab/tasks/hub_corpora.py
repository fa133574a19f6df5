"""The five public corpora of the design: from the Hugging Face hub, or from local JSONL files.

Each corpus is a schema and a function from one row to passages. `load_corpus` needs the extra
`hub` and a network; `read_jsonl` reads files of the same schema and needs neither.
"""

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

from marslab.errors import MissingExtra, UserError, unknown
from marslab.tasks.corpus import Example, Tokenizer, encode_example, encode_text

Row = Mapping[str, Any]


class Passage(NamedTuple):
    """A question and its answer; of plain text the prompt is empty."""

    prompt: str
    answer: str


class HubCorpus(NamedTuple):
    """Where a corpus lies, which columns its rows have, and what becomes of a row."""

    path: str
    config: str | None
    columns: tuple[str, ...]
    passages: Callable[[Row], Iterator[Passage]]


_TURN = re.compile(r"(USER|ASSISTANT|FUNCTION RESPONSE):")


def plain_text(row: Row) -> Iterator[Passage]:
    """Take `text` as it is.

    >>> list(plain_text({"text": "Марс - планета."}))
    [Passage(prompt='', answer='Марс - планета.')]
    """
    yield Passage("", row["text"])


def question_answer(row: Row) -> Iterator[Passage]:
    """Take `question` and `answer`."""
    yield Passage(row["question"], row["answer"])


def instruction_response(row: Row) -> Iterator[Passage]:
    """Take `instruction` and `response`."""
    yield Passage(row["instruction"], row["response"])


def instruction_input_output(row: Row) -> Iterator[Passage]:
    """Take `instruction` with its `input`, which is often empty, and `output`.

    >>> list(instruction_input_output({"instruction": "Sort", "input": "2 1", "output": "1 2"}))
    [Passage(prompt='Sort\\n2 1', answer='1 2')]
    """
    given = row["input"].strip()
    yield Passage(f"{row['instruction']}\n{given}" if given else row["instruction"], row["output"])


def function_calling(row: Row) -> Iterator[Passage]:
    """Take each turn of the assistant as an answer to all that was said before it.

    >>> chat = "USER: Hi\\n\\n\\nASSISTANT: Hello! <|endoftext|>"
    >>> list(function_calling({"system": "SYSTEM: Be kind", "chat": chat}))
    [Passage(prompt='SYSTEM: Be kind\\nUSER: Hi\\nASSISTANT:', answer='Hello!')]
    """
    said = [row["system"].strip()] if row["system"].strip() else []
    _, *pieces = _TURN.split(row["chat"].replace("<|endoftext|>", ""))
    for speaker, text in zip(pieces[::2], pieces[1::2], strict=True):
        spoken = text.strip()
        if speaker == "ASSISTANT" and spoken:
            yield Passage("\n".join([*said, "ASSISTANT:"]), spoken)
        said.append(f"{speaker}: {spoken}")


CORPORA: dict[str, HubCorpus] = {
    "wikipedia-ru": HubCorpus("wikimedia/wikipedia", "20231101.ru", ("text",), plain_text),
    "russian-instructions": HubCorpus(
        "Den4ikAI/russian_instructions_2", None, ("question", "answer"), question_answer
    ),
    "function-calling": HubCorpus(
        "glaiveai/glaive-function-calling-v2", None, ("system", "chat"), function_calling
    ),
    "magicoder": HubCorpus(
        "ise-uiuc/Magicoder-Evol-Instruct-110K",
        None,
        ("instruction", "response"),
        instruction_response,
    ),
    "code-alpaca": HubCorpus(
        "sahil2801/CodeAlpaca-20k",
        None,
        ("instruction", "input", "output"),
        instruction_input_output,
    ),
}


def load_corpus(name: str, *, limit: int | None = None) -> Iterator[Passage]:
    """Stream the passages of a corpus from the hub, of its first `limit` rows if given.

    Errors:
        UserError: there is no such corpus, or a row lacks a column
        MissingExtra: `datasets` is not installed
    """
    corpus = _named(name)
    try:
        from datasets import load_dataset  # pyright: ignore[reportMissingImports]
    except ImportError as problem:
        raise MissingExtra("hub", "datasets") from problem
    rows = load_dataset(corpus.path, corpus.config, split="train", streaming=True)
    return to_passages(name, islice(rows, limit), where=corpus.path)


def read_jsonl(
    name: str, path: str | os.PathLike[str], *, limit: int | None = None
) -> Iterator[Passage]:
    """Stream the passages of a local file: one JSON object a line, in the schema of `name`.

    Errors:
        UserError: there is no such corpus or file, a line is not JSON, or a row lacks a column
    """
    _named(name)
    return to_passages(name, islice(_lines(path), limit), where=os.fspath(path))


def to_passages(name: str, rows: Iterable[Row], *, where: str = "rows") -> Iterator[Passage]:
    """Turn rows of the schema of `name` into passages; empty answers are left out.

    Errors:
        UserError: there is no such corpus, or a row lacks a column, or a column is not text

    >>> list(to_passages("russian-instructions", [{"question": "2+2?", "answer": "4"}]))
    [Passage(prompt='2+2?', answer='4')]
    """
    corpus = _named(name)
    return _mapped(corpus, rows, where)


def encode_passages(tokenizer: Tokenizer, passages: Iterable[Passage]) -> Iterator[Example]:
    """Encode passages one by one: plain text whole, of a pair the answer is to be predicted."""
    for prompt, answer in passages:
        if prompt:
            yield encode_example(tokenizer, prompt, answer)
        else:
            yield encode_text(tokenizer, answer)


def _named(name: str) -> HubCorpus:
    if name not in CORPORA:
        raise UserError(unknown("corpus", name, CORPORA))
    return CORPORA[name]


def _mapped(corpus: HubCorpus, rows: Iterable[Row], where: str) -> Iterator[Passage]:
    for number, row in enumerate(rows, 1):
        for column in corpus.columns:
            if not isinstance(row, Mapping) or not isinstance(row.get(column), str):
                raise UserError(
                    f"row {number} of {where} has no text {column!r}: "
                    f"{corpus.path} has the columns {', '.join(corpus.columns)}"
                )
        yield from (passage for passage in corpus.passages(row) if passage.answer.strip())


def _lines(path: str | os.PathLike[str]) -> Iterator[Row]:
    try:
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield _parsed(line, number, path)
    except OSError as error:
        raise UserError(f"{os.fspath(path)} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{os.fspath(path)} is not UTF-8: save it as UTF-8") from error


def _parsed(line: str, number: int, path: str | os.PathLike[str]) -> Row:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UserError(
            f"line {number} of {os.fspath(path)} is not JSON: one object a line is expected"
        ) from error
