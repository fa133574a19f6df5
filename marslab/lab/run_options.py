"""The options of the commands that run notebooks."""

from pathlib import Path
from typing import Annotated

import typer

Names = Annotated[
    list[str] | None, typer.Argument(help="Numbers or names: 1, 01, 01_from_loop_to_scan.")
]
Full = Annotated[bool, typer.Option("--full", help="Full sizes: fast=False in each notebook.")]
Kernel = Annotated[
    bool, typer.Option("--kernel", help="A real kernel for each notebook, as in JupyterLab.")
]
Workers = Annotated[int | None, typer.Option(min=1, help="Processes; one per core by default.")]
Timeout = Annotated[float, typer.Option(min=1, help="Seconds that a cell may take.")]
Root = Annotated[
    Path | None, typer.Option(help="Folder of the notebooks; by default the course's.")
]
Output = Annotated[Path | None, typer.Option(help="Keep the executed notebooks in this folder.")]
Parameters = Annotated[
    list[str] | None,
    typer.Option(
        "--parameter",
        "-p",
        metavar="NAME=VALUES",
        help="seed=3, or several values: seed=1,2 or seed=[1, 2]; every combination is run, and "
        "what the notebooks record becomes one table. A text with a comma needs quotes of its "
        "own: -p 'text=\"a, b\"'. May be repeated.",
    ),
]
Table = Annotated[
    Path | None, typer.Option("--table", help="Also write the table of a sweep to this CSV file.")
]
Strict = Annotated[
    bool, typer.Option("--strict", help="An exercise that does not pass is a failed cell.")
]
Solutions = Annotated[
    bool, typer.Option("--solutions", help="Run with every exercise solved by its solution.")
]
