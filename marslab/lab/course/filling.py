"""A shipped notebook with its exercises solved, and notes for whoever teaches it."""

import ast
import inspect
import re
import sys
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from marslab.lab.course.cells import MENTION, Cell, Function, bound, parsed
from marslab.lab.course.registry import Exercise, exercises
from marslab.lab.course.setting import needed
from marslab.lab.course.tutor import source
from marslab.lab.notebooks import joined


def filled(notebook: Mapping[str, Any]) -> dict[str, Any]:
    """Return the notebook with a solution in each answer cell, and the notes on it below."""
    done = deepcopy(dict(notebook))
    done["cells"], before = [], []
    for cell in notebook["cells"]:
        done["cells"].append(new := deepcopy(cell))
        if cell["cell_type"] != "code":
            continue
        before.append(Cell(joined(cell)))
        for exercise in _asked(joined(cell)):
            new["source"] = solved(joined(new), exercise, before)
            done["cells"].append(_notes(exercise, cell.get("id", "notes")))
    return done


def _asked(text: str) -> list[Exercise]:
    """The exercises whose stub stands in a cell."""
    ids, known = dict.fromkeys(MENTION.findall(text)), exercises()
    return [known[id] for id in ids if id in known and Cell(text).binds(known[id].name)]


def solved(cell: str, exercise: Exercise, before: Sequence[Cell] = ()) -> str:
    """Return the text of an answer cell with the solution in place of the stub.

    What the solution uses of its own module, and the shipped cells up to this one do not have,
    comes first: so the cell is right wherever it is judged.
    """
    tree = parsed(cell)
    stubs = [node for node in tree.body if isinstance(node, Function)] if tree else []
    stub = next(node for node in stubs if node.name == exercise.name)
    lines = cell.split("\n")
    text = renamed(source(exercise), exercise.name)
    text = documented(text, ast.get_docstring(stub, clean=False))
    first = min([stub.lineno, *(each.lineno for each in stub.decorator_list)])
    lines[first - 1 : stub.end_lineno] = text.splitlines()
    own = _own(exercise, text, before)
    return "\n".join([*([own, "\n"] if own else []), *lines])


def renamed(text: str, name: str) -> str:
    """Return a function's source with another name, also where it calls itself.

    >>> renamed("def f(n):\\n    return n and f(n - 1)", "my_f")
    'def my_f(n):\\n    return n and my_f(n - 1)'
    """
    tree = ast.parse(text)
    old = next(node.name for node in tree.body if isinstance(node, Function))
    return text if old == name else re.sub(rf"\b{old}\b", name, text)


def documented(text: str, docstring: str | None) -> str:
    """Return a function's source with the stub's docstring, where it has none of its own."""
    node = next(node for node in ast.parse(text).body if isinstance(node, Function))
    if docstring is None or ast.get_docstring(node) is not None:
        return text
    lines = text.splitlines()
    at, indent = node.body[0].lineno - 1, " " * node.body[0].col_offset
    return "\n".join([*lines[:at], f'{indent}"""{docstring}"""', *lines[at:]])


def _own(exercise: Exercise, text: str, before: Sequence[Cell]) -> str:
    """The statements of the solution's module that it needs, and that the notebook lacks."""
    module = ast.parse(inspect.getsource(sys.modules[exercise.solution.__module__]))
    trees = [parsed(cell.source) for cell in before]
    nodes = _single([node for tree in trees if tree for node in tree.body])
    there = {ast.unparse(node) for node in nodes}
    known = {name for node in nodes for name in bound(node)}
    others = {each.name for each in exercises().values()} & known
    mine = [
        node
        for node in _single(module.body)
        if ast.unparse(node) not in there and not bound(node) & {exercise.name, *others}
    ]
    return needed(mine, [text], known)


def _single(statements: Sequence[ast.stmt]) -> list[ast.stmt]:
    """The statements, with each import of several names as so many imports."""
    found: list[ast.stmt] = []
    for node in statements:
        if isinstance(node, ast.Import):
            found += [ast.Import([each]) for each in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += [ast.ImportFrom(node.module, [each], node.level) for each in node.names]
        else:
            found.append(node)
    return found


def _notes(exercise: Exercise, id: str) -> dict[str, Any]:
    """A Markdown cell with the hints, and what the known wrong answers are told."""
    hints = [f"{n}. {hint}" for n, hint in enumerate(exercise.hints, 1)]
    wrong = [f'- {each.name}: "{each.told}"' for each in exercise.wrong]
    text = [
        f"**For teachers: {exercise.id} `{exercise.name}`.** {exercise.title}",
        *("", "Hints, in the order in which they are given:", "", *hints),
        *("", "Known wrong answers, and what the tutor tells whoever gives them:", "", *wrong),
    ]
    name = f"{id}-{exercise.id.replace('.', '-')}"[-64:]
    return {
        "cell_type": "markdown",
        "id": name,
        "metadata": {"tags": ["teacher"]},
        "source": "\n".join(text),
    }
