"""`marslab ask`: a question, the answer, and how it came about."""

import json as writer
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from torch import nn

from marslab.errors import UserError
from marslab.home import home
from marslab.lab.printed import table
from marslab.memory import MemoryHub, Titans
from marslab.systems.registry import load, load_file
from marslab.systems.tars.reflex_replies import language_of
from marslab.systems.tars.system import Answer, Tars
from marslab.systems.tars.walkthrough import walkthrough
from marslab.tracing import Trace, trace


def ask(
    question: Annotated[
        str | None, typer.Argument(help="Without one, questions are read line by line.")
    ] = None,
    model: Annotated[str, typer.Option(help="A trained TARS that ships.")] = "tars-mini",
    checkpoint: Annotated[
        Path | None, typer.Option(help="A checkpoint of your own, instead of --model.")
    ] = None,
    store: Annotated[
        Path | None, typer.Option(help="The memory; else memory/store.sqlite in MARSLAB_HOME.")
    ] = None,
    no_memory: Annotated[
        bool, typer.Option("--no-memory", help="Think without it, and keep nothing.")
    ] = False,
    task: Annotated[str | None, typer.Option(help="The task type, instead of a guess.")] = None,
    temperature: Annotated[float, typer.Option(help="0 takes the likeliest byte.")] = 0.0,
    seed: Annotated[int, typer.Option(help="Of what is drawn at a temperature.")] = 0,
    max_bytes: Annotated[int, typer.Option(min=1, help="Length of an answer.")] = 512,
    quick: Annotated[
        bool, typer.Option("--quick/--no-quick", help="Let reflex and cache answer.")
    ] = True,
    trace_file: Annotated[Path | None, typer.Option("--trace", help="Keep the trace here.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Ask TARS a question; print the answer and the table of its way through the tiers."""
    tars = load_file(checkpoint) if checkpoint else _shipped(model)
    if not isinstance(tars, Tars):
        raise UserError("this model cannot be asked: name a TARS, such as tars-mini")
    if not no_memory:
        tars.hub = _hub(tars, store)
    how = {"task": task, "temperature": temperature, "seed": seed, "max_bytes": max_bytes}
    try:
        for text in [question] if question is not None else _lines():
            with trace() as seen:
                answer = tars.ask(text, reflexes=quick, **how)
            if trace_file is not None:
                seen.save(trace_file)
            _show(text, answer, seen, json)
    finally:
        if tars.hub is not None:
            tars.hub.close()


def _shipped(name: str) -> nn.Module:
    """A trained model by name; where none ships, the sentence says how to make one."""
    try:
        return load(name)
    except UserError as error:
        raise UserError(
            f"{error} Train one with `marslab train tars`, and name its file with --checkpoint"
        ) from error


def _hub(tars: Tars, store: Path | None) -> MemoryHub:
    path = store or home() / "memory" / "store.sqlite"
    path.parent.mkdir(parents=True, exist_ok=True)
    width = tars.config.thought.memory_dim
    return MemoryHub(path, titans=Titans(width, 2 * width))


def _lines() -> Iterable[str]:
    """Questions of a pipe, or of a person at a prompt who ends with an empty line."""
    if not sys.stdin.isatty():
        return [line.strip() for line in sys.stdin if line.strip()]
    Console(stderr=True).print("Ask something; an empty line ends.")
    return iter(lambda: input("> ").strip(), "")


def _show(question: str, answer: Answer, seen: Trace, as_json: bool) -> None:
    lines = walkthrough(seen, language_of(question))
    if as_json:
        print(writer.dumps(vars(answer) | {"walkthrough": dict(lines)}, ensure_ascii=False))
        return
    print(answer)
    russian = language_of(question) == "ru"
    table(["что", "измерено"] if russian else ["what", "measured"], [tuple(x) for x in lines])
