"""Make the site: run the notebooks, turn each into a page, add what the pages share."""

import json
import platform
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from marslab.errors import UserError
from marslab.lab import engine
from marslab.lab.notebooks import names, resolve, shipped
from marslab.lab.runs import RunResult
from marslab.lab.site import folder
from marslab.lab.site.cells import Task, body
from marslab.lab.site.contents import Entry, entries
from marslab.lab.site.pages import Page, index_page, notebook_page, search_index
from marslab.workers import cores

STATIC = ("site.css", "theme.js", "figures.js", "reading.js", "search.js")


@dataclass(frozen=True)
class Site:
    """A site that was made: its index page and the pages in order."""

    index: Path
    pages: list[Page]

    @property
    def failed(self) -> list[str]:
        """The notebooks that stopped before their end."""
        return [page.entry.name for page in self.pages if page.failure]


def build(
    out: Path | None = None,
    asked: Iterable[str] | None = None,
    *,
    execute: bool = True,
    fast: bool = True,
    root: Path | None = None,
    on_result: Callable[[RunResult], None] | None = None,
    **options: Any,
) -> Site:
    """Make the site of the notebooks named (default: all of them) in the folder `out`.

    With `execute=False` the notebooks are shown as they are: words, code, and the outputs that
    they hold. `options` go to `engine.run`: engine, workers, timeout.

    Errors:
        UserError: no such notebook, or `out` holds something else than a site
    """
    root = root or shipped()
    known = names(root)
    chosen = known if asked is None else sorted({resolve(name, known) for name in asked})
    place = folder.checked(out or default())
    course = entries(chosen, root)
    with tempfile.TemporaryDirectory(prefix="marslab-site-") as temporary:
        ran: dict[str, RunResult] = {}
        if execute:
            with _reader(Path(temporary, "home")):
                results = engine.run(
                    chosen,
                    fast=fast,
                    root=root,
                    output_dir=Path(temporary),
                    on_result=on_result,
                    **options,
                )
            ran = {result.name: result for result in results}
        pages = [_page(entry, chosen, root, ran.get(entry.name)) for entry in course]
    with folder.replacing(place) as fresh:
        _write(fresh, pages, _made(execute, fast))
    return Site(place / "index.html", pages)


def default() -> Path:
    """Return where a site goes when nobody says: site/ in a checkout, else ./marslab-site."""
    checkout = shipped().parent
    return checkout / "site" if (checkout / "pyproject.toml").is_file() else Path("marslab-site")


def _page(entry: Entry, chosen: list[str], root: Path, ran: RunResult | None) -> Page:
    source = root / f"{entry.name}.ipynb"
    if ran is not None and ran.output is not None:
        source = ran.output
    inside = body(json.loads(source.read_text("utf-8")), chosen, task)
    return Page(entry, inside, ran.failure if ran else None)


def task(id: str) -> Task | None:
    """Return the title and the hints of an exercise; None if there is none of that id."""
    from marslab.lab.course.registry import exercises

    found = exercises().get(id)
    return None if found is None else Task(found.id, found.title, tuple(found.hints))


def _write(fresh: Path, pages: list[Page], made: str) -> None:
    course = [page.entry for page in pages]
    for page in pages:
        html = notebook_page(page, course, made)
        (fresh / f"{page.entry.name}.html").write_text(html, "utf-8")
    (fresh / "index.html").write_text(index_page(pages, made), "utf-8")
    assets = fresh / "assets"
    assets.mkdir()
    (assets / "search-index.js").write_text(search_index(pages), "utf-8")
    ours = files("marslab.lab.site") / "static"
    for name in STATIC:
        (assets / name).write_text((ours / name).read_text("utf-8"), "utf-8")
    for source in (_plotly(), _katex()):
        shutil.copyfile(source, assets / source.name)


def _plotly() -> Path:
    return _beside("plotly") / "package_data" / "plotly.min.js"


def _katex() -> Path:
    """KaTeX as Panel brings it. Its fonts are not there, so the pages ask it for MathML."""
    return next((_beside("panel") / "dist" / "bundled" / "katex").glob("*/dist/katex.min.js"))


def _beside(package: str) -> Path:
    """The folder of an installed package, which is not imported for that."""
    found = find_spec(package)
    if found is None or found.origin is None:
        raise UserError(f"{package} is not installed: pip install marslab brings it")
    return Path(found.origin).parent


@contextmanager
def _reader(home: Path) -> Iterator[None]:
    """Run as somebody who has just come: no progress, no switches of this user's."""
    from marslab.lab.isolation import environment

    with environment(MARSLAB_HOME=str(home), MARSLAB_STRICT="", MARSLAB_SOLUTIONS=""):
        yield


def _made(execute: bool, fast: bool) -> str:
    today = datetime.now(UTC).date().isoformat()
    how = "the notebooks as they were found"
    if execute:
        sizes = "fast" if fast else "full"
        how = f"notebooks that ran in {sizes} sizes on {cores()} CPU cores ({platform.machine()})"
    return (
        f"Made on {today} by marslab {version('marslab')} from {how}, "
        f"with Python {platform.python_version()} and torch {version('torch')}."
    )
