"""What stands in a site, in which order: the catalogue's parts and notebooks."""

from dataclasses import dataclass
from pathlib import Path

from marslab.lab.catalogue import catalogue
from marslab.lab.notebooks import title


@dataclass(frozen=True)
class Entry:
    """A notebook of the course: name, title, minutes (0: not told) and what one learns."""

    name: str
    title: str
    minutes: int
    learn: str
    part: str


def entries(names: list[str], root: Path) -> list[Entry]:
    """Return what the catalogue says of these notebooks; of others, what they say themselves."""
    course = catalogue()
    parts = {part["part"]: f"Part {part['part']}: {part['title']}" for part in course["parts"]}
    known = {each["name"]: each for each in course["notebooks"]}
    found = []
    for name in names:
        told = known.get(name)
        if told is None:  # a notebook of another course
            found.append(Entry(name, title(root / f"{name}.ipynb"), 0, "", "Notebooks"))
        else:
            part, minutes = parts[told["part"]], told["minutes"]
            found.append(Entry(name, told["title"], minutes, told["learn"], part))
    return found


def lasting(minutes: int) -> str:
    """Tell a time as one says it.

    >>> lasting(40), lasting(150)
    ('40 minutes', '2 h 30 min')
    """
    if minutes < 60:
        return f"{minutes} minutes"
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes % 60 else f"{minutes // 60} h"
