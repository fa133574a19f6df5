"""Problems of all families, mixed by weights: forty parts mathematics, 35 logic, 25 code."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from random import Random
from typing import NamedTuple, get_args

from marslab.errors import UserError, unknown
from marslab.tasks.reasoning import arithmetic, equations, logic, programs, syllogism
from marslab.tasks.reasoning.problem import Draft, Maker, Problem, Split, belongs, digest_of
from marslab.tasks.reasoning.solver import Solution, agrees, solve
from marslab.tasks.reasoning.wording import LANGUAGES

LEVELS = (1, 2, 3)
_TRIES = 200  # a level whose table always trains has nothing held out: then another is drawn


class Family(NamedTuple):
    """One kind of problem, the group it counts to, and its weight in the default mixture."""

    group: str
    weight: float
    make: Maker


FAMILIES: dict[str, Family] = {
    "add": Family("math", 0.08, arithmetic.add),
    "sub": Family("math", 0.06, arithmetic.sub),
    "mul": Family("math", 0.05, arithmetic.mul),
    "div": Family("math", 0.03, arithmetic.div),
    "linear": Family("math", 0.04, equations.linear),
    "quadratic": Family("math", 0.05, equations.quadratic),
    "roots": Family("math", 0.02, equations.roots),
    "mean": Family("math", 0.02, equations.mean),
    "compare": Family("math", 0.02, arithmetic.compare),
    "percent": Family("math", 0.03, arithmetic.percent),
    "order": Family("logic", 0.10, logic.order),
    "syllogism": Family("logic", 0.10, syllogism.syllogism),
    "implication": Family("logic", 0.08, logic.implication),
    "elimination": Family("logic", 0.07, logic.elimination),
    "expression": Family("code", 0.06, programs.expression),
    "trace": Family("code", 0.05, programs.trace),
    "list": Family("code", 0.05, programs.lists),
    "string": Family("code", 0.03, programs.strings),
    "loop": Family("code", 0.03, programs.loops),
    "condition": Family("code", 0.03, programs.conditions),
}

Weights = Mapping[str, float] | Sequence[str] | None


def problems(
    seed: int,
    n: int,
    split: Split = "train",
    families: Weights = None,
    *,
    levels: Sequence[int] = LEVELS,
) -> Iterator[Problem]:
    """Yield `n` problems with distinct prompts, each checked by the second solver.

    A family that has no more new prompts (one-digit sums are few) is left out from there on. The
    first k of `n` problems are the same for every n >= k.

    Units:
        families: names, or names with weights (any scale); None is the default mixture

    Errors:
        UserError: no such family, split or level, a weight below zero, or fewer problems than `n`

    >>> [p.prompt for p in problems(0, 2, families=["quadratic"])]
    ['...', '...']
    """
    weights = _weights(families)
    _check_split(split, levels)
    if n < 0:
        raise UserError(f"the number of problems must be zero or more, got {n}")
    return _distinct(Random(f"problems {seed} {split}"), n, split, weights, levels)


def problem_at(
    seed: int,
    index: int,
    split: Split = "train",
    families: Weights = None,
    *,
    levels: Sequence[int] = LEVELS,
) -> Problem:
    """Return the problem number `index` of an endless stream; prompts may repeat in it.

    A pure function of its arguments, for training that is resumed at any step.

    Errors:
        UserError: as in `problems`

    >>> problem_at(0, 7) == problem_at(0, 7), problem_at(0, 7) == problem_at(0, 8)
    (True, False)
    """
    weights = _weights(families)
    _check_split(split, levels)
    rng = Random(f"stream {seed} {index} {split}")
    while weights:
        name = _pick(rng, weights)
        problem = _fresh(rng, name, split, levels, ())
        if problem is not None:
            return problem
        del weights[name]
    raise UserError(f"no such problem is in the split {split!r}: ask for other families or levels")


def _distinct(
    rng: Random, n: int, split: Split, weights: dict[str, float], levels: Sequence[int]
) -> Iterator[Problem]:
    seen: set[str] = set()
    while len(seen) < n:
        if not weights:
            raise UserError(
                f"there are only about {len(seen)} such problems, not {n}: "
                "ask for fewer, or for more families or levels"
            )
        name = _pick(rng, weights)
        problem = _fresh(rng, name, split, levels, seen)
        if problem is None:
            del weights[name]
            continue
        seen.add(problem.prompt)
        yield problem


def _fresh(
    rng: Random, name: str, split: Split, levels: Sequence[int], seen: set[str] | tuple[()]
) -> Problem | None:
    make = FAMILIES[name].make
    for _ in range(_TRIES):
        level, language = rng.choice(levels), rng.choice(LANGUAGES)
        draft = make(rng, language, level)
        if draft.prompt not in seen and belongs(draft, split):
            return _checked(draft, name, language, level)
    return None


def _checked(draft: Draft, name: str, language: str, level: int) -> Problem:
    solution = solve(draft.prompt)
    if solution is None or not _same(solution, draft):
        raise RuntimeError(
            f"the two solvers differ on {draft.prompt!r}: {draft.result}, {solution}"
        )
    digest = digest_of(draft.key)
    return Problem(draft.prompt, draft.answer, draft.result, name, language, level, digest)


def _same(solution: Solution, draft: Draft) -> bool:
    return agrees(solution, draft.result) and agrees(solution, draft.answer)


def _pick(rng: Random, weights: dict[str, float]) -> str:
    return rng.choices(list(weights), cum_weights=list(accumulate(weights.values())))[0]


def _weights(families: Weights) -> dict[str, float]:
    if families is None:
        return {name: family.weight for name, family in FAMILIES.items()}
    if isinstance(families, str):
        families = [families]
    named = families if isinstance(families, Mapping) else dict.fromkeys(families, 1.0)
    for name, weight in named.items():
        if name not in FAMILIES:
            raise UserError(unknown("family of problems", name, FAMILIES))
        if not 0 <= weight < float("inf"):
            raise UserError(f"the weight of {name!r} must be zero or more, got {weight}")
    weights = {name: float(weight) for name, weight in named.items() if weight > 0}
    if not weights:
        raise UserError("no family of problems has a weight: name at least one")
    return weights


def _check_split(split: str, levels: Sequence[int]) -> None:
    if split not in get_args(Split):
        raise UserError(unknown("split", split, get_args(Split)))
    if not levels or not set(levels) <= set(LEVELS):
        raise UserError(f"levels must be some of 1, 2, 3, got {list(levels)}")
