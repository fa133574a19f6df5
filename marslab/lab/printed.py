"""How the command line prints a listing that is not JSON."""

from collections.abc import Iterable, Sequence


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table on stdout; what is in the cells is text, never markup."""
    from rich.console import Console
    from rich.table import Table

    drawn = Table(*columns)
    for row in rows:
        drawn.add_row(*row)
    Console(markup=False).print(drawn)
