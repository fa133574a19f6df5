"""What a measurement hands back; the verdict is the rule's, not the measurement's."""

from collections.abc import Mapping
from dataclasses import dataclass

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Outcome:
    """The figures of one run, by the names that the claim lists, and a sentence about them.

    machine, date: where and when they were measured, if not here and now (a shipped benchmark)
    code: UNKNOWN if other code than today's gave them (a shipped benchmark); else empty
    """

    figures: Mapping[str, float | int | str | bool]
    says: str
    machine: str = ""
    date: str = ""
    code: str = ""


class CannotTest(Exception):
    """Raised by a run that finds nothing here to measure with; its text is the reason."""
