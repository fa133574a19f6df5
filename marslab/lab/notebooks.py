"""Notebooks have one source: notebooks/src/NN_name.py, in py:percent; the .ipynb is made from it.

The source is what authors edit, reviewers read and ruff lints. The notebook beside it carries no
outputs, and its cell ids come from the cells themselves, so that the same source gives the same
bytes on every machine.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files as resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from marslab.errors import UserError, unknown
from marslab.files import write_text

if TYPE_CHECKING:
    from nbformat import NotebookNode

NAME = re.compile(r"\d\d_[a-z0-9_]+")
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def shipped() -> Path:
    """Return the folder of the notebooks that came with this marslab, in a checkout or a wheel."""
    return Path(str(resources("marslab.notebooks")))


def names(root: Path | None = None) -> list[str]:
    """Return the names of the notebooks under `root` (default: the shipped ones), in order."""
    found = (path.stem for path in (root or shipped()).glob("*.ipynb"))
    return sorted(name for name in found if NAME.fullmatch(name))


def sources(root: Path) -> list[str]:
    """Return the names of the sources under `root`/src, in order."""
    found = (path.stem for path in (root / "src").glob("*.py"))
    return sorted(name for name in found if NAME.fullmatch(name))


def resolve(name: str, known: Sequence[str]) -> str:
    """Return the notebook that a user means by its number, its name, or both.

    Errors:
        UserError: no notebook, or more than one, goes by that name

    >>> resolve("1", ["00_start", "01_from_loop_to_scan"])
    '01_from_loop_to_scan'
    >>> resolve("start", ["00_start", "01_from_loop_to_scan"])
    '00_start'
    """
    asked = Path(name).name.removesuffix(".ipynb").removesuffix(".py")
    if asked in known:
        return asked
    if asked.isdecimal():
        matches = [each for each in known if int(each[:2]) == int(asked)]
    else:
        matches = [each for each in known if each[3:] == asked]
    if len(matches) > 1:
        raise UserError(f"{name!r} names {' and '.join(matches)}: give the full name")
    if not matches:
        raise UserError(unknown("notebook", name, known))
    return matches[0]


def build(names: Iterable[str] | None = None, *, root: Path | None = None) -> list[Path]:
    """Make the .ipynb of each source anew and return the paths; all of them without `names`.

    Errors:
        UserError: no such source, a source without a `parameters` cell, or not a checkout
    """
    root = checkout(root)
    known = sources(root)
    chosen = known if names is None else [resolve(name, known) for name in names]
    made = {root / f"{name}.ipynb": rendered(root / "src" / f"{name}.py") for name in chosen}
    for path, text in made.items():
        write_text(path, text)
    return list(made)


def pull(path: str | Path, *, root: Path | None = None) -> Path:
    """Bring an edited .ipynb, also a work copy, back to its source; outputs stay behind.

    The notebook beside the source is made anew, so that both are in step again.

    Errors:
        UserError: the file is no notebook, or its name is not NN_name.ipynb
    """
    import jupytext

    root, path = checkout(root), Path(path)
    name = path.name.partition(".")[0]
    if path.suffix != ".ipynb" or not NAME.fullmatch(name):
        raise UserError(f"{path} is not named like a notebook: call it NN_name.ipynb, as 07_waves")
    notebook = _plain(_read(path))
    notebook.metadata = {"jupytext": {"notebook_metadata_filter": "-all"}}
    source = root / "src" / f"{name}.py"
    text = jupytext.writes(notebook, fmt="py:percent")
    built = _from_percent(text, name)
    write_text(source, text)
    write_text(root / f"{name}.ipynb", built)
    return source


def in_step(root: Path | None = None) -> list[str]:
    """Return the names whose .ipynb is not what its source gives; empty when all is well."""
    root = root or shipped()
    wrong = set(names(root)) ^ set(sources(root))
    for name in set(names(root)) & set(sources(root)):
        built = rendered(root / "src" / f"{name}.py").encode()
        if (root / f"{name}.ipynb").read_bytes() != built:
            wrong.add(name)
    return sorted(wrong)


def title(path: Path) -> str:
    """Return the first heading of a notebook, or its name when it has none."""
    for cell in json.loads(path.read_text("utf-8")).get("cells", []):
        heading = re.search(r"^# +(.+)$", joined(cell), re.MULTILINE)
        if cell.get("cell_type") == "markdown" and heading:
            return heading[1].strip()
    return path.stem


def joined(cell: Mapping[str, Any]) -> str:
    """Return the source of a cell, which notebook files keep as a text or as a list of lines."""
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def checkout(root: Path | None) -> Path:
    """Return `root`, or the notebooks folder of the checkout that this marslab runs from."""
    if root is not None:
        return root
    if not (shipped().parent / "pyproject.toml").is_file():
        raise UserError(
            "notebooks are built in a checkout, and this marslab is installed without one: "
            "clone the repository and run `pip install -e .` there"
        )
    return shipped()


def rendered(source: Path) -> str:
    """Return the text of the .ipynb that a py:percent source gives."""
    return _from_percent(source.read_text("utf-8"), source.stem)


def _from_percent(text: str, name: str) -> str:
    import jupytext
    import nbformat

    notebook = _plain(jupytext.reads(text, fmt="py:percent"))
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if not code or "parameters" not in code[0].metadata.get("tags", []):
        raise UserError(
            f"the first code cell of {name} is not its parameters: "
            'begin that cell with the line # %% tags=["parameters"]'
        )
    nbformat.validate(notebook)
    return nbformat.writes(notebook).rstrip("\n") + "\n"


def _plain(notebook: "NotebookNode") -> "NotebookNode":
    """The cells alone: sources and tags, ids made of the content, nothing of any run."""
    import nbformat.v4 as v4

    cells, seen = [], Counter()
    for cell in notebook.cells:
        tags = [tag for tag in cell.metadata.get("tags", []) if not tag.startswith("papermill")]
        if "injected-parameters" in tags:
            continue
        make = {"code": v4.new_code_cell, "markdown": v4.new_markdown_cell}
        fresh = make.get(cell.cell_type, v4.new_raw_cell)(joined(cell))
        fresh.metadata = {"tags": tags} if tags else {}
        digest = hashlib.sha256(f"{cell.cell_type}\n{fresh.source}".encode()).hexdigest()[:8]
        seen[digest] += 1
        fresh.id = digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"
        cells.append(fresh)
    plain = v4.new_notebook(cells=cells, metadata=METADATA)
    plain.nbformat_minor = 5
    return plain


def _read(path: Path) -> "NotebookNode":
    from nbformat import from_dict

    try:
        content = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise UserError(f"there is no file {path}: give the .ipynb to bring back") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UserError(f"{path} is not a notebook ({error}): nothing was changed") from error
    if not isinstance(content, dict) or content.get("nbformat") != 4 or "cells" not in content:
        raise UserError(f"{path} is not a notebook of format 4: save it again from JupyterLab")
    return cast("NotebookNode", from_dict(content))
