"""Which studies there are, and the part of one that a reader asked for; no page is needed."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from marslab.errors import UserError
from marslab.lab.ablation import Results, Study
from marslab.lab.ablation.metrics import Metric
from marslab.lab.ablation.plan import plan
from marslab.lab.ablation.results import VariantRow, described
from marslab.lab.ablation.shipping import measured
from marslab.lab.ablation.store import Store, studies
from marslab.lab.ablation.study import find_study, shipped

FIRST = "digits-scan-parts"  # shown to a reader who asked for none
SEPARATOR = "|"  # of names in one text; no variant and no seed has it


def known() -> list[str]:
    """Return the names of all studies: those that ship with marslab, then the reader's own."""
    names = sorted(shipped(), key=lambda name: name != FIRST)
    return [*names, *(name for name in studies() if name not in names)]


def load(name: str) -> Results:
    """Return what there is of a study: its results, those that ship, or its plan without a run.

    Errors:
        UserError: there is no such study, or it cannot be read
    """
    there = {*studies(), *measured()}
    return Results.load(name) if name in there else planned(find_study(name))


def planned(study: Study) -> Results:
    """Return the results of a study of which nothing has been run."""
    values: dict[str, Any] = described(plan(study))
    metrics = tuple(Metric(**metric) for metric in values["metrics"])
    return Results(
        folder=Store.named(study.study).folder,
        study=study,
        metrics=metrics,
        curve=next(metric for metric in metrics if metric.name == values["curve"]),
        variants=tuple(
            VariantRow(each["name"], each["changes"], tuple(each["runs"]))
            for each in values["variants"]
        ),
        runs=[],
        problems=[],
    )


def narrowed(
    results: Results,
    *,
    base: str = "",
    setting: str = "",
    variants: Collection[str] = (),
    seeds: Collection[int] = (),
) -> Results:
    """Return the part of the results that was asked for; what is empty asks for everything.

    The differences are those from `base`, which stays whatever else is left out.
    """
    first = next((v for v in results.variants if v.name == base), results.variants[0])
    others = [v for v in results.variants if v is not first]
    if setting:
        others = [v for v in others if setting in v.changes]
    if variants:
        others = [v for v in others if v.name in variants]
    left = {run for variant in (first, *others) for run in variant.runs}
    runs = [run for run in results.runs if run.id in left and (not seeds or run.seed in seeds)]
    return replace(results, variants=(first, *others), runs=runs)


def together(one: Results, other: Results) -> Results:
    """Return both studies as one, each variant with the name of its study before its own.

    Errors:
        UserError: they have no metric in common
    """
    shared = tuple(metric for metric in one.metrics if metric in other.metrics)
    if not shared:
        raise UserError(
            f"{one.study.study} and {other.study.study} measure different things: "
            "compare studies of the same task"
        )
    both = {run.id: run for run in (*other.runs, *one.runs)}
    return replace(
        one,
        metrics=shared,
        variants=(*_prefixed(one), *_prefixed(other)),
        runs=list(both.values()),
        problems=one.problems + other.problems,
    )


def split(text: str) -> list[str]:
    """Return the names that one text holds.

    >>> split("0|2")
    ['0', '2']
    """
    return [name for name in text.split(SEPARATOR) if name]


def _prefixed(results: Results) -> list[VariantRow]:
    name = results.study.study
    return [replace(variant, name=f"{name}: {variant.name}") for variant in results.variants]
