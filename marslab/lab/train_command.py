"""`marslab train`: the whole training of a system, to be stopped and gone on with."""

import json
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.console import Console

from marslab.errors import UserError
from marslab.home import home

app = typer.Typer(
    help="Train a system from nothing; the same command goes on where it was stopped.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command()
def tars(
    preset: Annotated[str, typer.Option(help="Which TARS.")] = "tars-mini",
    out: Annotated[
        Path | None, typer.Option(help="Folder of the training; else training/ in MARSLAB_HOME.")
    ] = None,
    phase: Annotated[
        str, typer.Option(help="One stage only: data, reflex, brain, brain.2 (up to it), ...")
    ] = "",
    device: Annotated[str, typer.Option(help="cpu, cuda, or auto.")] = "auto",
    seconds: Annotated[
        float | None, typer.Option(help="Stop cleanly after so long; run again to go on.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Instead of the preset's.")] = None,
    compiled: Annotated[
        bool, typer.Option("--compile/--no-compile", help="Compile each wave; for a GPU.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was done as JSON.")] = False,
) -> None:
    """Data, reflex, embedding, brain in four phases, ternary weights, assembly, validation."""
    from marslab.learning.tars.pipeline import Pipeline

    if seconds is not None and seconds <= 0:
        raise UserError(f"--seconds must be positive, got {seconds:g}")
    folder = out or home() / "training" / preset
    progress = Console(stderr=True, highlight=False)
    pipeline = Pipeline(
        preset,
        folder,
        device=place(device),
        seed=seed,
        tell=lambda record: tell(progress, record),
        compiled=compiled,
    )
    ended = pipeline.run(phase or None, seconds)
    if as_json:
        print(json.dumps({"folder": str(folder), **vars(ended)}))
    else:
        progress.print(f"{ended.reason}: {', '.join(ended.done) or 'nothing'} done in {folder}")
    if ended.reason == "interrupted":
        raise typer.Exit(130)


@app.command()
def mars(
    preset: Annotated[str, typer.Option(help="Which MARS.")] = "mars-mini",
    out: Annotated[
        Path | None, typer.Option(help="Folder of the training; else training/ in MARSLAB_HOME.")
    ] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, or auto.")] = "auto",
    seconds: Annotated[
        float | None, typer.Option(help="Stop cleanly after so long; run again to go on.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the weights and of the order.")] = 0,
    data: Annotated[
        Path | None, typer.Option(help="Images for mars-imagenet: train/CLASS/* and val/CLASS/*.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was done as JSON.")] = False,
) -> None:
    """Deep supervision with a memory written on the way; scores by depth at the end."""
    from marslab.learning.mars import train_mars

    if seconds is not None and seconds <= 0:
        raise UserError(f"--seconds must be positive, got {seconds:g}")
    folder = out or home() / "training" / preset
    progress = Console(stderr=True, highlight=False)

    def told(record: dict[str, Any]) -> None:
        progress.print(
            f"epoch {record['epoch']}: loss {record['losses']['loss']:.4f}, held out "
            f"{record['held_out']:.4f}, {record['seconds']:.0f} s"
        )

    how: dict[str, Any] = {"seed": seed, "device": place(device), "data": data}
    ended = train_mars(preset, folder, tell=told, seconds=seconds, **how)
    if as_json:
        print(json.dumps({"folder": str(folder), **ended._asdict()}))
    else:
        shown = ", ".join(f"{name} {value:g}" for name, value in ended.scores.items())
        progress.print(f"{ended.reason} after epoch {ended.epoch} in {folder}: {shown}")
    if ended.reason == "interrupted":
        raise typer.Exit(130)


@app.command()
def reflex(
    mine: Annotated[
        Path | None, typer.Option(help="Propose patterns from this log, one query a line.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Where the checkpoint goes.")] = None,
    seed: Annotated[int, typer.Option(help="Of the weights and of the order.")] = 0,
) -> None:
    """Train the first tier alone, or propose patterns for it from a log."""
    from marslab.learning import reflex as training
    from marslab.learning.reflex_mining import mine as proposals

    if mine is not None:
        core, _ = training.train(seed)
        for found in proposals(mine, core):
            print(f"{found.times}\t{found.intent}\t{found.confidence:.2f}\t{found.text}")
        return
    where = out or home() / "training" / "tars-reflex.safetensors"
    raise typer.Exit(training.main(["--out", str(where), "--seeds", str(seed)]))


def place(device: str) -> str:
    """The device that a name means here.

    Errors:
        UserError: it is unknown, or CUDA is not here
    """
    if device not in ("auto", "cpu", "cuda"):
        raise UserError(f"--device must be auto, cpu or cuda, got {device!r}")
    if device == "cuda" and not torch.cuda.is_available():
        raise UserError("this machine has no CUDA device: train with --device cpu")
    return ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device


def tell(console: Console, record: dict[str, Any]) -> None:
    """A line for a record of the training."""
    event = record["event"]
    if event == "step":
        losses = record["losses"]
        console.print(
            f"{record['phase']} step {record['step']}: loss {losses['loss']:.4f}, next byte "
            f"{losses.get('next_byte', losses['loss']):.4f}, lr {record['lr']:.2g}, "
            f"{record['tokens_per_second']:,.0f} bytes/s"
        )
        return
    told = {name: value for name, value in record.items() if name != "event"}
    console.print(f"{event}: {json.dumps(told, ensure_ascii=False)}", soft_wrap=True, markup=False)
