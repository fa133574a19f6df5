"""The data folder of a checkout, where what ships with marslab is written."""

from importlib.resources import files
from pathlib import Path

from marslab.errors import UserError


def data_folder(what: str, folder: Path | None = None) -> Path:
    """Return the folder data/ of this checkout, to write `what` into it.

    Errors:
        UserError: this marslab is installed without a checkout

    >>> (data_folder("the ledger") / "README.md").is_file()
    True
    """
    folder = folder or Path(str(files("marslab.data")))
    if not (folder.parent / "pyproject.toml").is_file():
        raise UserError(
            f"{what} ships from a checkout, and this marslab is installed without one: "
            "clone the repository and run `pip install -e .` there"
        )
    return folder
