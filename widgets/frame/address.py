"""The state of a view in the address of its page, so that a link shows the same again."""

from typing import Any
from urllib.parse import parse_qsl, urlencode

import param

MAX_QUERY = 8000  # characters; longer ones are cut off by browsers and proxies on the way
SWITCH = {"true": True, "1": True, "false": False, "0": False}


def read(view: Any, names: tuple[str, ...], search: str) -> list[str]:
    """Set the parameters that an address names; return one sentence for each that does not fit.

    A value that does not fit, or a name that the view does not know, changes nothing.
    """
    problems = []
    for name, text in parse_qsl(search.removeprefix("?")[:MAX_QUERY], keep_blank_values=True):
        if name not in names:
            problems.append(f"{_short(name)} is no control of this view; it knows {_list(names)}.")
            continue
        try:
            setattr(view, name, _parse(view.param[name], text))
        except (ValueError, TypeError):
            problems.append(_sentence(view.param[name], name, text))
    return problems


def write(view: Any, names: tuple[str, ...]) -> str:
    """Give the query that `read` turns back into this state; defaults are left out.

    >>> class Point(param.Parameterized):
    ...     x = param.Integer(1)
    ...     y = param.Integer(2)
    >>> write(Point(y=5), ("x", "y"))
    '?y=5'
    """
    values = {name: getattr(view, name) for name in names}
    told = {n: _text(v) for n, v in values.items() if v != view.param[n].default}
    return "?" + urlencode(told) if told else ""


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _parse(parameter: param.Parameter, text: str) -> Any:
    if isinstance(parameter, param.Selector):
        known = {_text(option): option for option in parameter.objects}
        if text not in known:
            raise ValueError(text)
        return known[text]
    if isinstance(parameter, param.Boolean):
        if text.lower() not in SWITCH:
            raise ValueError(text)
        return SWITCH[text.lower()]
    if isinstance(parameter, param.Integer):
        return int(text)
    return float(text) if isinstance(parameter, param.Number) else text


def _sentence(parameter: param.Parameter, name: str, text: str) -> str:
    if isinstance(parameter, param.Selector):
        wanted = f"one of {_list(tuple(_text(o) for o in parameter.objects))}"
    elif isinstance(parameter, param.Boolean):
        wanted = "true or false"
    elif isinstance(parameter, param.Number):
        low, high = parameter.bounds or (None, None)
        whole = "a whole number" if isinstance(parameter, param.Integer) else "a number"
        wanted = f"{whole} from {low} to {high}"
    else:
        wanted = "a shorter text"
    kept = _text(parameter.default)[:40]
    return f"{name} = {_short(text)} does not fit: it takes {wanted}. Shown with {kept}."


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(names)
