"""The value of a small piece of Python, worked out from its syntax tree within bounds.

Nothing is evaluated by Python itself: the tree is walked, each kind of node that is not listed
here is refused, numbers stay below a trillion and lists below 200 items.
"""

import ast
import operator
import re
from collections.abc import Callable
from typing import Any

LONGEST = 200  # characters of source
LARGEST = 10**12
MOST_ITEMS = 200
DEEPEST = 24

Value = int | bool | str | list[Any]

_BINARY: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_COMPARE: dict[type, Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_CALLS: dict[str, Callable[[Any], Any]] = {
    "len": len, "max": max, "min": min, "sum": sum, "sorted": sorted,
}  # fmt: skip


class Refused(ValueError):
    """The text is not in the small language, or leaves its bounds."""


def value_of(source: str) -> Value:
    """Return the value of one expression.

    Errors:
        Refused: the text is outside the language or its bounds

    >>> value_of("3+4*5"), value_of("[3,1,2][0]"), value_of("12/4")
    (23, 3, 3)
    """
    body = _parsed(source)
    if len(body) != 1 or not isinstance(body[0], ast.Expr):
        raise Refused("one expression is expected")
    return _value(body[0].value, {}, 0)


def printed(source: str) -> Value:
    """Return the value that assignments followed by one `print(...)` print.

    Errors:
        Refused: the text is outside the language or its bounds

    >>> printed("a=3; b=a+4; print(b)")
    7
    """
    names: dict[str, Value] = {}
    *lines, last = _parsed(source)
    for line in lines:
        _assign(line, names)
    match last:
        case ast.Expr(ast.Call(ast.Name("print"), [shown], [])):
            return _value(shown, names, 0)
    raise Refused("the last statement must print one value")


def _parsed(source: str) -> list[ast.stmt]:
    # A letter right after a digit would make Python warn about its own syntax.
    if len(source) > LONGEST or "\\" in source or re.search(r"\d[^\W\d]", source):
        raise Refused("the text is too long or holds what the language has not")
    try:
        body = ast.parse(source.strip()).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as problem:
        raise Refused("the text is not Python") from problem
    if not body:
        raise Refused("there is no statement")
    return body


def _assign(line: ast.stmt, names: dict[str, Value]) -> None:
    match line:
        case ast.Assign([ast.Name(name)], value):
            names[name] = _value(value, names, 0)
        case ast.AugAssign(ast.Name(name), sign, value) if name in names:
            names[name] = _binary(sign, names[name], _value(value, names, 0))
        case _:
            raise Refused("only assignments may come before print")


def _value(node: ast.expr, names: dict[str, Value], depth: int) -> Value:
    if depth > DEEPEST:
        raise Refused("the expression is nested too deeply")
    deeper = depth + 1
    match node:
        case ast.Constant(bool() | int() | str() as value):
            return _bounded(value)
        case ast.Name(name) if name in names:
            return names[name]
        case ast.UnaryOp(ast.USub(), operand):
            return _binary(ast.Sub(), 0, _value(operand, names, deeper))
        case ast.BinOp(left, sign, right):
            return _binary(sign, _value(left, names, deeper), _value(right, names, deeper))
        case ast.BoolOp(sign, operands):
            truths = [_truth(_value(operand, names, deeper)) for operand in operands]
            return all(truths) if isinstance(sign, ast.And) else any(truths)
        case ast.Compare(left, [sign], [right]) if type(sign) in _COMPARE:
            pair = _value(left, names, deeper), _value(right, names, deeper)
            return _tried(_COMPARE[type(sign)], *pair)
        case ast.List(items):
            return _bounded([_value(item, names, deeper) for item in items])
    return _compound(node, names, deeper)


def _compound(node: ast.expr, names: dict[str, Value], depth: int) -> Value:
    """Calls, items, reversed strings, comprehensions over a range."""
    match node:
        case ast.Call(ast.Name("max" | "min" as name), [first, *others], []) if others:
            return _tried(_CALLS[name], [_value(n, names, depth) for n in (first, *others)])
        case ast.Call(ast.Name(name), [argument], []) if name in _CALLS:
            return _bounded(_tried(_CALLS[name], _value(argument, names, depth)))
        case ast.Call(ast.Attribute(owner, "index" | "count" as name), [item], []):
            sought, whole = _value(item, names, depth), _value(owner, names, depth)
            return _tried(lambda: getattr(whole, name)(sought))
        case ast.Subscript(owner, ast.Slice(None, None, ast.UnaryOp(ast.USub(), one))):
            whole = _value(owner, names, depth)
            if _value(one, names, depth) != 1 or not isinstance(whole, str | list):
                raise Refused("only [::-1] is known of slices")
            return whole[::-1]
        case ast.Subscript(owner, place):
            pair = _value(owner, names, depth), _value(place, names, depth)
            return _tried(operator.getitem, *pair)
        case ast.ListComp(
            item, [ast.comprehension(ast.Name(name), ast.Call(ast.Name("range"), bounds, []), [])]
        ):
            steps = _range([_value(bound, names, depth) for bound in bounds])
            return [_value(item, names | {name: step}, depth) for step in steps]
    raise Refused(f"{type(node).__name__} is not in the language")


def _range(bounds: list[Value]) -> range:
    numbers = [bound for bound in bounds if isinstance(bound, int)]
    if not 1 <= len(numbers) == len(bounds) <= 2:
        raise Refused("a range has one or two whole numbers")
    steps = range(*numbers)
    if len(steps) > MOST_ITEMS:
        raise Refused("the range is too long")
    return steps


def _binary(sign: ast.operator, left: Value, right: Value) -> Value:
    if isinstance(sign, ast.Div):
        if not (isinstance(left, int) and isinstance(right, int)) or not right or left % right:
            raise Refused("only divisions without a rest are known")
        return left // right
    if type(sign) not in _BINARY:
        raise Refused("the sign is not in the language")
    if isinstance(sign, ast.Mod) and isinstance(left, str):
        raise Refused("strings are not formatted")
    if isinstance(sign, ast.Mult):
        sizes = [(v if isinstance(v, int) else len(v)) for v in (left, right)]
        if not all(isinstance(v, int) for v in (left, right)) and sizes[0] * sizes[1] > MOST_ITEMS:
            raise Refused("the repetition is too long")
    return _bounded(_tried(_BINARY[type(sign)], left, right))


def _truth(value: Value) -> bool:
    if not isinstance(value, bool):
        raise Refused("only True and False are joined")
    return value


def _tried(call: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return call(*arguments)
    except (TypeError, ValueError, IndexError, AttributeError, ZeroDivisionError) as problem:
        raise Refused(str(problem)) from problem


def _bounded(value: Value) -> Value:
    if isinstance(value, int):
        if abs(value) > LARGEST:
            raise Refused("the number is too large")
    elif len(value) > MOST_ITEMS:
        raise Refused("the list or text is too long")
    return value
