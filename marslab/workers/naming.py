"""A fresh process imports what it runs: a function is given by its name."""

import sys
from collections.abc import Callable
from typing import Any


def named(function: Callable[..., Any]) -> tuple[str, str]:
    """Return the module and the name by which a fresh process finds `function`.

    Errors:
        TypeError: it cannot

    >>> named(named)
    ('marslab.workers.naming', 'named')
    """
    check(function)
    return function.__module__, function.__qualname__


def check(function: Callable[..., Any]) -> None:
    """Refuse a function that a fresh process cannot find.

    Errors:
        TypeError: it cannot
    """
    name = getattr(function, "__qualname__", "<unnamed>")
    fresh = function.__module__ != "__main__" or hasattr(sys.modules["__main__"], "__file__")
    if "<" in name or not fresh:
        raise TypeError(
            f"workers.run: {name} cannot be found by name in a fresh process; "
            "define the function at the top of a module and import it"
        )
