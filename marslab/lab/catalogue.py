"""Every part of the course: where it is designed, built, taught, seen and tested.

`data/catalogue.yaml` is the one list; the README's map of the course is made from it.
"""

from functools import cache
from importlib.resources import files
from typing import Any

COLUMNS = ("system", "section", "symbol", "notebook", "dashboard", "claims")


@cache
def _text() -> str:
    return (files("marslab.data") / "catalogue.yaml").read_text(encoding="utf-8")


def catalogue() -> dict[str, list[dict[str, Any]]]:
    """Return the `parts` and `notebooks` of the course and the `rows`, each with COLUMNS.

    >>> "marslab.kernels.linear_scan" in {row["symbol"] for row in catalogue()["rows"]}
    True
    """
    import yaml

    return yaml.safe_load(_text())


def course_table() -> str:
    """Return the map of the course in Markdown; links start at the top of the repository.

    >>> print(course_table().splitlines()[0])
    | part | notebook | what you learn | minutes | in code | dashboard |
    """
    course = catalogue()
    titles = {part["part"]: part["title"] for part in course["parts"]}
    lines = ["| part | notebook | what you learn | minutes | in code | dashboard |"]
    lines.append("|---|---|---|---|---|---|")
    for notebook in course["notebooks"]:
        name, part = notebook["name"], notebook["part"]
        rows = [row for row in course["rows"] if row["notebook"] == name]
        cells = [
            f"{part} {titles[part]}",
            f"[{notebook['title']}](notebooks/{name}.ipynb)",
            notebook["learn"],
            str(notebook["minutes"]),
            ", ".join(f"`{row['symbol']}`" for row in rows),
            ", ".join(dict.fromkeys(row["dashboard"] for row in rows if row["dashboard"])),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
