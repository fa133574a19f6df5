"""What an answer finds around it when it is judged: the shipped notebook's cells, no others.

From the shipped code cells that are no exercises come the imports, functions, classes and plain
values (assignments without a call) that the answer uses, and what these use in turn. The cell
tagged `parameters` is a case of that. Other exercises' functions are there as their solutions, as
in a notebook that has not been filled in.
"""

import ast
import builtins
from collections.abc import Iterable, Sequence

from marslab.lab.course.cells import MENTION, Cell, Function, bound, parsed
from marslab.lab.course.registry import exercises


def setting(cells: Sequence[Cell], answer: str) -> str:
    """Return the statements of the shipped `cells` that `answer` needs, in their order.

    >>> cells = [Cell("import math\\nimport os"), Cell("two = 2\\nhalf = lambda x: x / two")]
    >>> print(setting(cells, "y = half(math.pi)"))
    import math
    two = 2
    half = lambda x: x / two
    """
    trees = [parsed(cell.source) for cell in cells if not MENTION.search(cell.source)]
    statements = [node for tree in trees if tree for node in tree.body]
    return needed(statements, [answer], [each.name for each in exercises().values()])


def needed(
    statements: Sequence[ast.stmt], sources: Iterable[str], known: Iterable[str] = ()
) -> str:
    """Return those statements, as text, whose names `sources` use, also by way of each other.

    `known` are names that are there without them.
    """
    offered = _complete([node for node in statements if _may_run(node)], {*known, *dir(builtins)})
    wanted = {name for source in sources for name in _used(parsed(source))}
    taken: set[int] = set()
    while True:
        more = {
            at
            for at, node in enumerate(offered)
            if at not in taken and (bound(node) & wanted or _takes_all(node))
        }
        if not more:
            return "\n".join(ast.unparse(offered[at]) for at in sorted(taken))
        taken |= more
        wanted |= {name for at in more for name in _used(offered[at])}


def _may_run(node: ast.stmt) -> bool:
    """Whether the statement only names things, and computes nothing that takes time."""
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        calls = any(isinstance(each, ast.Call | ast.Await) for each in ast.walk(node))
        return not calls and all(isinstance(each, ast.Name | ast.Tuple) for each in targets)
    return isinstance(node, ast.Import | ast.ImportFrom | Function | ast.ClassDef)


def _complete(offered: list[ast.stmt], there: set[str]) -> list[ast.stmt]:
    """Leave out plain values that are made of what is not offered: results of calls, say."""
    while True:
        known = there.union(*(bound(node) for node in offered))
        whole = [
            node
            for node in offered
            if not isinstance(node, ast.Assign | ast.AnnAssign)
            or _used(node) - _arguments(node) <= known
        ]
        if len(whole) == len(offered):
            return whole
        offered = whole


def _takes_all(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.names[0].name == "*"


def _arguments(node: ast.stmt) -> set[str]:
    """The names that a lambda in the statement gives its arguments."""
    return {each.arg for each in ast.walk(node) if isinstance(each, ast.arg)}


def _used(tree: ast.AST | None) -> set[str]:
    nodes = ast.walk(tree) if tree else ()
    return {each.id for each in nodes if isinstance(each, ast.Name)}
