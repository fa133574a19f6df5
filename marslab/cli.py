"""The command line `marslab`.

Exit codes: 0 done, 1 what was asked for failed, 2 a mistake of the user's, 3 an extra or a device
is missing, 130 interrupted. Data goes to stdout, progress and errors to stderr.
"""

import json
import os
import subprocess
import sys
import traceback
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from marslab import __version__
from marslab.errors import UserError
from marslab.lab.printed import table

PLAIN: dict[str, Any] = {"add_completion": False, "pretty_exceptions_enable": False}
app = typer.Typer(
    help="Understand the architectures after the Transformer by building, watching, breaking them.",
    no_args_is_help=True,
    **PLAIN,
)
# Commands that read their own arguments, so that `marslab --help` need not import them:
# where each stands, and its line in the help.
LATE = {"allow_extra_args": True, "ignore_unknown_options": True}
COMMANDS = {
    "bench": (
        "marslab.lab.bench.command:bench",
        "Measure our kernels beside the machine's limit and beside every installed peer.",
    ),
    "nb": ("marslab.lab.nb_commands:app", "Build, pull, run, list, open and reset notebooks."),
    "ablate": (
        "marslab.lab.ablation.command:ablate",
        "Switch parts of a model off or over, train each variant, and see what it costs.",
    ),
    "claims": (
        "marslab.lab.claims.command:claims",
        "Measure what the designs promise, and print the ledger.",
    ),
    "ask": ("marslab.lab.ask:ask", "Ask TARS a question, and see how the answer came about."),
    "train": ("marslab.lab.train_command:app", "Train a system from nothing, stage by stage."),
    "edge": (
        "marslab.lab.edge.command:edge",
        "Size, latency and accuracy of a model made smaller in each way.",
    ),
    "lengths": (
        "marslab.lab.lengths.command:lengths",
        "How MARS and a Transformer of its size grow with the length.",
    ),
    "edge-demo": (
        "marslab.lab.edge.command:edge_demo",
        "Draw a digit, and a model of 8 bits reads it.",
    ),
    "remember": (
        "marslab.lab.memory_commands:remember",
        "Keep a text in the memory, and print its number.",
    ),
    "recall": (
        "marslab.lab.memory_commands:recall",
        "Print what the memory holds that is most like a question.",
    ),
    "memory": (
        "marslab.lab.memory_commands:app",
        "Look at the memory, export, import, reindex, forget.",
    ),
    "progress": (
        "marslab.lab.course.commands:progress",
        "Show which exercises you have solved.",
    ),
    "hint": ("marslab.lab.course.commands:hint", "Give the next hint of an exercise."),
    "solution": ("marslab.lab.course.commands:solution", "Show the solution of an exercise."),
    "reset": ("marslab.lab.course.commands:reset", "Forget the progress of an exercise."),
    "watch": (
        "marslab.lab.course.watching:watch",
        "Check the exercises of a file each time it is saved.",
    ),
    "grade": ("marslab.lab.course.grading:grade", "Check a notebook's exercises, and score it."),
    "course": (
        "marslab.lab.course.exporting:app",
        "Export the course for students and for teachers.",
    ),
    "site": ("marslab.lab.site.command:site", "Make the course a website that needs no network."),
}

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
NoBrowser = Annotated[bool, typer.Option("--no-browser", help="Only print the address.")]


def _version(asked: bool) -> None:
    if asked:
        print(f"marslab {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the stack trace of an error.")
    ] = False,
) -> None:
    """Options that stand before the command."""
    if debug:
        os.environ["MARSLAB_DEBUG"] = "1"  # the processes that a command starts see it too


@app.command()
def lab(
    work: Annotated[
        Path | None, typer.Option(help="Work copy; by default notebooks/ in MARSLAB_HOME.")
    ] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="First port to try.")] = 8888,
    no_browser: NoBrowser = False,
    check: Annotated[bool, typer.Option("--check", help="Start all, run, stop, report.")] = False,
) -> None:
    """Open JupyterLab on the start notebook, in your own work copy."""
    from marslab.lab.server import open_lab

    raise typer.Exit(open_lab(work=work, port=port, browser=not no_browser, check=check))


@app.command()
def dash(
    view: Annotated[str, typer.Argument(help="A dashboard; by default the index.")] = "",
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="By default 5006 or the next free one.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    password: Annotated[str, typer.Option(help="Demanded where --host is not local.")] = "",
    no_browser: NoBrowser = False,
) -> None:
    """Serve the dashboards."""
    # A process of its own: this floor knows the dashboards by name only.
    command = [sys.executable, "-P", "-m", "marslab.widgets", f"--host={host}"]
    command += [] if port is None else [f"--port={port}"]
    command += [f"--password={password}"] if password else []
    command += ["--no-browser"] if no_browser else []
    raise typer.Exit(_wait(command + (["--", view] if view else [])))


def _wait(command: list[str]) -> int:
    with subprocess.Popen(command) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:  # the child had it too: let it close its port
            process.wait(timeout=10)
            raise


def _late(name: str, where: str, line: str) -> None:
    """Add a command that stands elsewhere: a function, or an app with commands of its own."""

    def run(context: typer.Context) -> None:
        module, _, attribute = where.partition(":")
        found = getattr(import_module(module), attribute)
        if not isinstance(found, typer.Typer):
            function, found = found, typer.Typer(**PLAIN)
            found.command()(function)
        found(args=context.args, prog_name=f"marslab {name}")

    app.command(name, help=line, context_settings=LATE, add_help_option=False)(run)


for _name, (_where, _line) in COMMANDS.items():
    _late(_name, _where, _line)


@app.command()
def doctor(as_json: Json = False) -> None:
    """Tell what this machine has, what is missing and where things are kept."""
    from marslab.lab.doctor import report, told

    found = report()
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        table(["what", "found"], told(found))


@app.command()
def models(as_json: Json = False) -> None:
    """List the trained models that ship with marslab."""
    import marslab

    found = [record._asdict() for record in marslab.models()]
    if as_json:
        print(json.dumps(found, indent=2))
        return
    for record in found:
        scores = [f"{name} {score:g}" for name, score in record["scores"].items()]
        told = record | {"scores": "\n".join(scores)}
        table(["model", told.pop("name")], [(what, str(value)) for what, value in told.items()])


def _is_ours(error: BaseException) -> bool:
    """Whether `error` was raised by a line of marslab itself."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_globals["__name__"].startswith("marslab.")


def _judge(error: Exception) -> tuple[str, int]:
    """The sentence and the exit code for an error that reached the top."""
    told = " ".join(str(error).split())
    if isinstance(error, UserError):
        return told, error.exit_code
    if isinstance(error, OSError) or (
        isinstance(error, ValueError | TypeError) and _is_ours(error)
    ):
        return told, 2
    return f"{type(error).__name__}: {told} (see the stack trace: marslab --debug ...)", 1


def main() -> None:
    """Run the command line; the entry point `marslab`."""
    # Read when torch and numba start: a pool whose idle threads spin starves the other one. But
    # waking them takes time: a loop of 1024 small steps took 258 to 350 ms for 65 to 73. So `bench`
    # measures as any program runs that does not set this.
    if sys.argv[1:2] != ["bench"]:
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    try:
        app(prog_name="marslab")
    except Exception as error:
        if os.environ.get("MARSLAB_DEBUG"):
            traceback.print_exc()
        told, code = _judge(error)
        print(f"marslab: {told}", file=sys.stderr)
        sys.exit(code)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
