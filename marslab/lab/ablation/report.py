"""The report of a study: a notebook that ships with marslab, executed on the study's results."""

import sys
import tempfile
from pathlib import Path

from marslab.errors import UserError
from marslab.files import write_bytes
from marslab.lab import engine
from marslab.lab.notebooks import shipped

TEMPLATE = "90_study_report"


def write(folder: Path, out: Path) -> Path:
    """Write the executed report on the study in `folder` to `out` and return that path.

    The results are read where they are; nothing of them is copied or changed.

    Errors:
        UserError: there is no study in `folder`, or the report did not run to its end
    """
    if not (folder / "study.json").is_file():
        raise UserError(f"there is no study in {folder}: run it first, then its report")
    with tempfile.TemporaryDirectory(prefix="marslab-report-") as place:
        (ran,) = engine.run(
            [TEMPLATE],
            root=shipped() / "reports",
            engine="kernel" if _inside_ipython() else "inproc",
            parameters={"folder": str(folder.resolve())},
            output_dir=Path(place),
        )
        if ran.failure is not None or ran.output is None:
            told = ran.failure.error if ran.failure else "it gave no notebook"
            raise UserError(f"the report on {folder} did not run to its end: {told}")
        write_bytes(out, ran.output.read_bytes())
    return out


def _inside_ipython() -> bool:
    """Whether this process is a kernel or a shell itself, in which no notebook can run."""
    shell = sys.modules.get("IPython.core.interactiveshell")
    return shell is not None and shell.InteractiveShell.initialized()
