"""The ledger: for each claim the newest run, its verdict, and whether that is still current.

Runs ship in data/ledger.json; a user's own stand in MARSLAB_HOME/claims, one file each, and none
is ever replaced. A verdict comes from a Run alone, and a Run cannot be made without its figures,
machine, date and seconds.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from marslab import home
from marslab.errors import UserError
from marslab.files import write_text
from marslab.lab.checkout import data_folder
from marslab.lab.claims.digest import code_of, terms_of
from marslab.lab.claims.rules import FAILS, HOLDS, PARTLY, UNMEASURED, UNTESTABLE, finite
from marslab.lab.claims.schema import Claim, claims

LEDGER, RUN = "ledger", "claim-run"
FOLDER = "claims"


@dataclass(frozen=True)
class Run:
    """One measurement of one claim.

    id: unique; figures: what was measured; says: a sentence about it; terms, code: digests
    machine, date: where and when the figures were measured; ran: when the run ended, which is
    later where the figures come from a shipped benchmark
    error: what stopped it; then it has neither verdict nor figures
    """

    id: str
    claim: str
    machine: str
    date: str
    ran: str
    seconds: float
    code: str
    terms: str
    verdict: str = ""
    says: str = ""
    error: str = ""
    figures: Mapping[str, float | int | str | bool] | None = None

    def __post_init__(self) -> None:
        for name in ("id", "claim", "machine", "code", "terms"):
            _demand(isinstance(getattr(self, name), str) and getattr(self, name), self, name)
        for name in ("date", "ran"):
            _demand(_is_date(getattr(self, name)), self, f"{name} with a time zone")
        _demand(
            isinstance(self.seconds, int | float) and finite(self.seconds) and self.seconds >= 0,
            self,
            "seconds",
        )
        if self.error:
            _demand(not self.verdict and not self.figures, self, "either an error or a verdict")
            return
        _demand(self.verdict in (HOLDS, PARTLY, FAILS, UNTESTABLE), self, "verdict")
        _demand(isinstance(self.says, str) and self.says, self, "sentence")
        if self.verdict == UNTESTABLE:
            return
        figures = self.figures
        _demand(isinstance(figures, Mapping) and figures, self, "figure")
        assert figures is not None
        _demand(all(finite(value) for value in figures.values()), self, "finite figure")


@dataclass(frozen=True)
class Standing:
    """One claim as it stands: what is promised, the newest verdict, what went wrong since."""

    claim: Claim
    run: Run | None = None
    failed: Run | None = None

    @property
    def verdict(self) -> str:
        """What the newest run found; without one there is none."""
        if self.claim.cannot:
            return UNTESTABLE
        return self.run.verdict if self.run is not None else UNMEASURED

    @property
    def stale(self) -> bool:
        """Whether code, rule or test are others than at the run."""
        if self.run is None or self.claim.cannot:
            return False
        return self.run.code != code_of(self.claim) or self.run.terms != terms_of(self.claim)

    @property
    def says(self) -> str:
        """The sentence about the verdict."""
        if self.claim.cannot:
            return self.claim.cannot
        return self.run.says if self.run is not None else ""

    @property
    def measured(self) -> str:
        """The figures that the rule looks at, as text; empty without a run that has them."""
        figures = self.run.figures if self.run is not None else None
        if not figures:
            return ""
        return ", ".join(f"{rule.metric} = {shown(figures[rule.metric])}"
                         for rule in self.claim.rule if rule.metric in figures)  # fmt: skip


def shown(value: object) -> str:
    """A figure in four digits, a large one to the unit.

    >>> shown(27893.2), shown(0.38131), shown(1.1e-15), shown(True)
    ('27,893', '0.3813', '1.1e-15', 'True')
    """
    if isinstance(value, bool | str):
        return str(value)
    if isinstance(value, int) or isinstance(value, float) and 1000 <= abs(value) < 1e9:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def standings(ids: Iterable[str] = ()) -> tuple[list[Standing], list[str]]:
    """Return every claim as it stands (or those of `ids`), and a sentence for each damaged file."""
    runs, problems = own_runs()
    every = [*shipped_runs(), *runs]
    chosen = list(ids) or list(claims())
    return [_standing(claims()[id], every) for id in chosen], problems


def shipped_runs(path: Path | None = None) -> list[Run]:
    """Return the runs that came with this marslab.

    Errors:
        UserError: the file is damaged
    """
    path = path or ledger_path()
    if not path.is_file():
        return []
    found = _json(path)
    home.check(LEDGER, found, path)
    return [_run(each, path) for each in found.get("runs", ())]


def own_runs() -> tuple[list[Run], list[str]]:
    """Return the user's runs, and a sentence for each file that cannot be read."""
    runs, problems = [], []
    for path in sorted((home.home() / FOLDER).glob("*/*.json")):
        try:
            found = _json(path)
            home.check(RUN, found, path)
            runs.append(_run(found.get("run"), path))
        except UserError as error:
            problems.append(str(error))
    return runs, problems


def keep(run: Run) -> Path:
    """Store a run in MARSLAB_HOME, beside those before it."""
    path = home.home() / FOLDER / run.claim / f"{run.id}.json"
    write_text(path, json.dumps({**home.stamp(RUN), "run": asdict(run)}, indent=1) + "\n")
    return path


def ship(found: Iterable[Standing], path: Path | None = None) -> Path:
    """Write data/ledger.json, in a checkout: the newest run with a verdict of each claim.

    Errors:
        UserError: this marslab is installed without a checkout
    """
    path = path or ledger_path()
    data_folder("the ledger", path.parent)
    runs = [asdict(each.run) for each in found if each.run is not None]
    write_text(path, json.dumps({**home.stamp(LEDGER), "runs": runs}, indent=1) + "\n")
    return path


def ledger_path() -> Path:
    """Where the shipped ledger stands."""
    return Path(str(files("marslab.data"))) / "ledger.json"


def _standing(claim: Claim, runs: Iterable[Run]) -> Standing:
    mine = sorted((run for run in runs if run.claim == claim.id), key=_when)
    run = next((run for run in reversed(mine) if run.verdict), None)
    failed = next((run for run in reversed(mine) if run.error), None)
    if run is not None and failed is not None and _when(failed) < _when(run):
        failed = None
    return Standing(claim, run, failed)


def _when(run: Run) -> datetime:
    return datetime.fromisoformat(run.ran)


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}): delete it, or restore it") from error


def _run(found: Any, path: Path) -> Run:
    try:
        return Run(**found)
    except (TypeError, ValueError) as error:
        raise UserError(f"{path} holds a damaged run: {error}") from error


def _is_date(text: object) -> bool:
    try:
        return datetime.fromisoformat(str(text)).tzinfo is not None
    except ValueError:
        return False


def _demand(there: object, run: Run, what: str) -> None:
    if not there:
        raise ValueError(f"a run of {run.claim!r} needs its {what}")
