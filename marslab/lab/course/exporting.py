"""The command `marslab course export`: the notebooks for students, and solved ones for teachers."""

import json
from pathlib import Path
from typing import Annotated

import typer

from marslab.errors import UserError
from marslab.files import write_bytes, write_text
from marslab.lab.course.filling import filled
from marslab.lab.notebooks import names, shipped

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.callback()
def course() -> None:
    """The course for a class."""


@app.command("export")
def export_command(
    out: Annotated[Path, typer.Option(help="The folder to write to; new or empty.")],
    force: Annotated[
        bool, typer.Option("--force", help="Write into a folder that has files already.")
    ] = False,
) -> None:
    """Write every notebook twice: student/ as it shipped, instructor/ with solutions and notes.

    Work copies play no part. With --force notebooks of the same name are replaced, and nothing
    else is touched.
    """
    for path in export(out, force=force):
        print(path)


def export(out: Path, *, force: bool = False, root: Path | None = None) -> list[Path]:
    """Write the notebooks of `root` (default: the shipped ones) to `out`; return their paths.

    Errors:
        UserError: `out` is no folder, cannot be written, or has files already
    """
    root = root or shipped()
    if out.resolve() == root.resolve():
        raise UserError(f"{out} holds the shipped notebooks: export to another folder")
    if out.exists() and not out.is_dir():
        raise UserError(f"{out} is a file: give a folder with --out")
    if out.is_dir() and any(out.iterdir()) and not force:
        raise UserError(
            f"{out} is not empty: give a new folder, or --force to replace the notebooks in it"
        )
    try:
        return [path for name in names(root) for path in _write(root / f"{name}.ipynb", out)]
    except OSError as error:
        raise UserError(f"{out} cannot be written ({error.strerror}): give another") from error


def _write(notebook: Path, out: Path) -> list[Path]:
    data = notebook.read_bytes()
    student, instructor = (out / kind / notebook.name for kind in ("student", "instructor"))
    write_bytes(student, data)
    solved = filled(json.loads(data))
    write_text(instructor, json.dumps(solved, indent=1, ensure_ascii=False) + "\n")
    return [student, instructor]
