"""One sentence for a user's mistake: what was wrong, what was expected, what to do."""

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(ValueError):
    """A mistake that its maker can repair. The command line prints it and exits with `exit_code`.

    >>> UserError("epochs must be positive, got 0").exit_code
    2
    """

    exit_code = 2


class MissingExtra(UserError):
    """A package of an optional extra is not installed.

    >>> print(MissingExtra("gpu", "triton"))
    triton is not installed: pip install 'marslab[gpu]'
    """

    exit_code = 3

    def __init__(self, extra: str, module: str) -> None:
        super().__init__(f"{module} is not installed: pip install 'marslab[{extra}]'")
        self.extra = extra
        self.module = module


def nearest(name: str, known: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" for the known name closest to `name`, or "" if none is close.

    >>> nearest("digit-recurence", ["digits-recurrence", "tars-mini"])
    " Did you mean 'digits-recurrence'?"
    """
    close = get_close_matches(name, list(known), n=1)
    return f" Did you mean {close[0]!r}?" if close else ""


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """Say that there is no such name, which one is near, and which ones there are.

    >>> unknown("view", "scan", ["scans", "waves"])
    "there is no view 'scan'. Did you mean 'scans'? Choose from: scans, waves."
    """
    known = list(known)
    choice = f" Choose from: {', '.join(known)}." if known else " There is none yet."
    return f"there is no {what} {name!r}.{nearest(name, known)}{choice}"
