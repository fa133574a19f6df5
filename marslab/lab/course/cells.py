"""Which cells of a learner's file are answers, and to which exercises.

Everything else in the file is read by nobody here.
"""

import ast
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from marslab.errors import UserError
from marslab.lab.course.registry import Exercise
from marslab.lab.notebooks import joined

MENTION = re.compile(r"""\bexercise\(\s*(?:id\s*=\s*)?["']([\w.]+)["']""")
MAGIC = re.compile(r"^[%!].*$", re.MULTILINE)
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Cell:
    """A code cell: its source, tags, and the id that the notebook format gives it."""

    source: str
    tags: tuple[str, ...] = ()
    id: str = ""

    def names(self, exercise: Exercise) -> bool:
        """Whether the cell has the text exercise("ID")."""
        return exercise.id in MENTION.findall(self.source)

    def binds(self, name: str) -> bool:
        """Whether running the cell gives `name` a value; guessed, where it is no valid Python."""
        tree = parsed(self.source)
        if tree is None:
            return (
                re.search(rf"^(def\s+{name}\b|{name}\s*=)", self.source, re.MULTILINE) is not None
            )
        return any(name in bound(node) for node in tree.body)


def cells_of(path: Path) -> list[Cell]:
    """Return the code cells of an .ipynb.

    Errors:
        UserError: there is no such file, or it is not a notebook
    """
    return cells_in(content_of(path), path)


def content_of(path: Path) -> bytes:
    """Return what is in a learner's file.

    Errors:
        UserError: there is no such file, or it cannot be read
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"there is no file {path}: give one with exercises of the course") from None
    except IsADirectoryError:
        raise UserError(f"{path} is a folder: give the files in it by name") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): give another file") from error


def cells_in(data: bytes, path: Path) -> list[Cell]:
    """Return the code cells of `data`, the content of the .ipynb at `path`.

    Errors:
        UserError: it is not a notebook
    """
    try:
        content = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:  # also where it is no UTF-8
        raise UserError(f"{path} is not a notebook ({error}): save it again") from error
    cells = content.get("cells") if isinstance(content, dict) else None
    if not isinstance(cells, list) or content.get("nbformat") != 4:
        raise UserError(f"{path} is not a notebook of format 4: save it again from JupyterLab")
    try:
        return [_cell(cell) for cell in cells if cell.get("cell_type") == "code"]
    except (AttributeError, TypeError) as error:
        raise UserError(f"{path} has a damaged cell ({error}): save it again") from error


def _cell(cell: dict[str, Any]) -> Cell:
    metadata = cell.get("metadata")
    tags = metadata.get("tags") if isinstance(metadata, dict) else None
    kept = tuple(map(str, tags)) if isinstance(tags, list) else ()
    return Cell(joined(cell), kept, str(cell.get("id", "")))


def notebook_of(path: Path, cells: Sequence[Cell], known: Iterable[Exercise]) -> str:
    """Return the notebook that a learner's file was: by the ids in its cells, else by its name.

    Errors:
        UserError: it has no exercise of the course
    """
    of_id = {each.id: each.notebook for each in known}
    mentioned = {id for cell in cells for id in MENTION.findall(cell.source) if id in of_id}
    stem = path.name.partition(".")[0]
    counts = dict.fromkeys(of_id.values(), 0)
    for id in mentioned:
        counts[of_id[id]] += 1
    # Of two with as many exercises the one of that name, then the first of the course.
    best = max(counts, key=lambda name: (counts[name], name == stem), default="")
    if not best or not (counts[best] or best == stem):
        raise UserError(
            f"{path} holds no exercise of the course: give a notebook that has cells with "
            'exercise("..."), as `marslab lab` opens them'
        )
    return best


def answer_to(
    exercise: Exercise, cells: Sequence[Cell], shipped: Sequence[Cell] = ()
) -> str | None:
    """Return the source of the cell that answers `exercise`, or None if there is none.

    The best evidence decides: a cell that defines the function and names the exercise, one that
    defines it in a tagged cell or in the one that shipped, one of these that only names the
    exercise (its function was renamed), one that only defines it. Of equals the last, as Run All
    has it.
    """
    ids = {cell.id for cell in shipped if cell.id and cell.names(exercise)}
    best, found = 0, None
    for cell in cells:
        names, binds = cell.names(exercise), cell.binds(exercise.name)
        ours = "exercise" in cell.tags or cell.id in ids
        rank = 4 * (names and binds) or 3 * (ours and binds) or 2 * (ours and names) or binds
        if rank and rank >= best:
            best, found = rank, cell.source
    return found


@lru_cache(maxsize=1000)
def parsed(source: str) -> ast.Module | None:
    """Return the tree of a cell, for reading only, or None where it is no valid Python."""
    try:
        return ast.parse(plain(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def plain(source: str) -> str:
    """Return a cell as Python: lines that only IPython understands are left empty.

    >>> plain("%%time\\nx = 1")
    '\\nx = 1'
    """
    try:
        ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return MAGIC.sub("", source)
    return source


def unchecked(source: str) -> str:
    """Return a cell as Python without its check lines, which are left empty.

    >>> unchecked('f = max\\nf = exercise("scan.1").check(f)\\nx = 1')
    'f = max\\n\\nx = 1'
    """
    text, tree = plain(source), parsed(source)
    lines, statements = text.split("\n"), tree.body if tree else []
    for node in statements:
        first, last = node.lineno, node.end_lineno or node.lineno
        beside = [each for each in statements if first <= each.lineno <= last]
        if _is_check(node) and beside == [node]:
            lines[first - 1 : last] = [""] * (last - first + 1)
    return "\n".join(lines)


def _is_check(node: ast.stmt) -> bool:
    """Whether the statement is, or assigns, exercise(...).check(...)."""
    call = node.value if isinstance(node, ast.Assign | ast.Expr) else None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return False
    made = call.func.value
    return (
        call.func.attr == "check"
        and isinstance(made, ast.Call)
        and isinstance(made.func, ast.Name)
        and made.func.id == "exercise"
    )


def bound(node: ast.stmt) -> set[str]:
    """Return the names that a top-level statement gives a value.

    >>> sorted(bound(ast.parse("import a.b, c as d").body[0]))
    ['a', 'd']
    """
    if isinstance(node, Function | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {(each.asname or each.name).partition(".")[0] for each in node.names}
    return {
        each.id
        for each in ast.walk(node)
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
    }
