"""When a promise counts as kept: bounds on measured figures, read as text and never evaluated."""

import math
import operator
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from marslab.errors import UserError, unknown

HOLDS, PARTLY, FAILS = "holds", "partly", "does not hold"
UNTESTABLE, UNMEASURED = "cannot be tested here", "not measured yet"
VERDICTS = (HOLDS, PARTLY, FAILS, UNTESTABLE, UNMEASURED)

OPERATORS = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
}
BOUND = re.compile(r"(<=|>=|==|<|>)\s*([-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)")
KEYS = ("metric", "holds", "partly")


@dataclass(frozen=True)
class Bound:
    """A comparison with a number, such as `<= 1.15`."""

    text: str

    def __post_init__(self) -> None:
        if not isinstance(self.text, str) or not BOUND.fullmatch(self.text):
            raise UserError(
                f"{self.text!r} is no bound: write one of {', '.join(OPERATORS)} and a number, "
                "such as '<= 1.15'"
            )

    def __call__(self, value: float) -> bool:
        """Whether `value` is within the bound; NaN never is.

        >>> Bound("<= 1.15")(1.15), Bound("< 2")(2), Bound(">= 0")(math.nan)
        (True, False, False)
        """
        return bool(OPERATORS[self.sign](value, self.limit))

    @property
    def sign(self) -> str:
        """The comparison, one of OPERATORS.

        >>> Bound("<= 1.15").sign
        '<='
        """
        return self._match[1]

    @property
    def limit(self) -> float:
        """The number compared with.

        >>> Bound("<= 1.15").limit
        1.15
        """
        return float(self._match[2])

    @property
    def _match(self) -> re.Match[str]:
        found = BOUND.fullmatch(self.text)
        assert found is not None  # __post_init__ saw to it
        return found


@dataclass(frozen=True)
class Rule:
    """Bounds on one figure: the promise holds within `holds`, partly within `partly`."""

    metric: str
    holds: Bound
    partly: Bound | None = None

    def verdict(self, figures: Mapping[str, Any]) -> str:
        """Judge the figure that this rule is about.

        >>> rule = Rule("exponent", Bound("<= 1.15"), Bound("<= 1.4"))
        >>> [rule.verdict({"exponent": x}) for x in (1.15, 1.2, 2)]
        ['holds', 'partly', 'does not hold']
        """
        value = figures[self.metric]
        if self.holds(value):
            return HOLDS
        return PARTLY if self.partly is not None and self.partly(value) else FAILS

    def __str__(self) -> str:
        partly = f", partly if {self.partly.text}" if self.partly else ""
        return f"{self.metric}: holds if {self.holds.text}{partly}"


def read_rules(found: object, where: str) -> tuple[Rule, ...]:
    """Return the rules of one claim: a mapping of KEYS, or a list of them.

    Errors:
        UserError: neither, an unknown or missing key, or a bound that is none
    """
    rules = [_read_rule(one, where) for one in (found if isinstance(found, list) else [found])]
    if not rules or len({rule.metric for rule in rules}) < len(rules):
        raise UserError(f"{where}: rule needs at least one entry, and one for each metric")
    return tuple(rules)


def judge(rules: Sequence[Rule], figures: Mapping[str, Any]) -> str:
    """Return the verdict of all rules: of several, some kept is `partly`.

    >>> sure, open_ = Rule("a", Bound("< 1")), Rule("b", Bound("< 1"))
    >>> judge([sure, open_], {"a": 0, "b": 2}), judge([sure], {"a": 0})
    ('partly', 'holds')
    """
    verdicts = {rule.verdict(figures) for rule in rules}
    return verdicts.pop() if len(verdicts) == 1 else PARTLY


def _read_rule(found: object, where: str) -> Rule:
    if not isinstance(found, Mapping):
        raise UserError(f"{where}: a rule is written {{metric: ..., holds: '<= 1'}}, got {found!r}")
    for key in found:
        if key not in KEYS:
            raise UserError(f"{where}: {unknown('key of a rule', str(key), KEYS)}")
    if not isinstance(found.get("metric"), str) or "holds" not in found:
        raise UserError(f"{where}: a rule needs `metric` and `holds`")
    try:
        partly = Bound(found["partly"]) if "partly" in found else None
        return Rule(found["metric"], Bound(found["holds"]), partly)
    except UserError as error:
        raise UserError(f"{where}: {error}") from None


def finite(value: object) -> bool:
    """Whether a figure can be judged and written: a finite number, True, False or a text.

    >>> finite(1.5), finite(math.inf), finite(None)
    (True, False, False)
    """
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int | str)
