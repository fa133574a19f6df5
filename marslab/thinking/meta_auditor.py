"""How sure a thought must be, by the type of its task."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal

import torch
from torch import Tensor

from marslab.errors import UserError, unknown
from marslab.thinking.auditor import AuditTrail, IntegralAuditor, Verdicts

# Ours: no threshold at or below 1, where the sum of the steps is infinite (T6).
THRESHOLDS: Mapping[str, float] = MappingProxyType(
    {
        "chat": 1.05,
        "status": 1.05,
        "action": 1.05,
        "math": 1.3,
        "code": 1.2,
        "analysis": 1.4,
        "infinite": 2.0,
    }
)
PRINTED: Mapping[str, float] = MappingProxyType({**THRESHOLDS, "status": 0.7, "action": 1.0})
NO_TYPE = 1.1
ALIASES = {"deep": "analysis"}

# Least and most waves that the design's table expects, and whether the pool is expected too.
EXPECTED_WAVES: Mapping[str, tuple[int, int, bool]] = MappingProxyType(
    {
        "chat": (1, 2, False),
        "status": (1, 1, False),
        "action": (1, 3, False),
        "math": (4, 6, True),
        "code": (3, 5, False),
        "analysis": (5, 6, True),
        "infinite": (6, 6, True),
    }
)


class MetaAuditor:
    """Pick the threshold of p for a task type: a table, not an adaptation (T67).

    Before the auditor has points enough, a step at or below `tolerance` ends a thought by a rule
    of its own, named "small_step"; tolerance 0 turns that rule off.

    Units:
        thresholds: "ours", "printed" (the design's table), or a mapping from task type to p
        tolerance: relative size of a step

    Errors:
        UserError: a task type that the table does not have

    Source:
        design 3.4 (Meta-Auditor); repaired: T6, T7, T12

    >>> MetaAuditor().threshold("deep"), MetaAuditor(thresholds="printed").threshold("status")
    (1.4, 0.7)
    >>> MetaAuditor().threshold("maths")
    Traceback (most recent call last):
    marslab.errors.UserError: there is no task type 'maths'. Did you mean 'math'? Choose from: ...
    """

    def __init__(
        self,
        thresholds: Literal["ours", "printed"] | Mapping[str, float] = "ours",
        *,
        tolerance: float = 1e-3,
        auditor: IntegralAuditor | None = None,
    ) -> None:
        if isinstance(thresholds, str):
            tables = {"ours": THRESHOLDS, "printed": PRINTED}
            if thresholds not in tables:
                raise UserError(unknown("table of thresholds", thresholds, tables))
            thresholds = tables[thresholds]
        self.table = dict(thresholds)
        self.tolerance = tolerance
        self.auditor = auditor or IntegralAuditor()

    def threshold(self, task: str | None = None) -> float:
        """Return the p that a task of this type must exceed; 1.1 without a type."""
        if task is None:
            return NO_TYPE
        name = task if task in self.table else ALIASES.get(task, task)
        if name not in self.table:
            raise UserError(unknown("task type", task, [*self.table, *ALIASES]))
        return self.table[name]

    def trail(self, task: str | None = None) -> AuditTrail:
        """Return a fresh trail for one thought about a task of this type."""
        return AuditTrail(self.auditor, self.threshold(task), tolerance=self.tolerance)

    def judge(self, f: Tensor, tasks: str | None | Sequence[str | None] = None) -> Verdicts:
        """Judge a batch of thoughts, of one task type or of one a row. No early rule.

        Shapes (B batch, T steps):
            f: [B, T] relative sizes of the steps from the first on
        """
        if tasks is None or isinstance(tasks, str):
            return self.auditor(f, self.threshold(tasks))
        if len(tasks) != len(f):
            raise ValueError(f"tasks must name one type a row, {len(f)} in all, got {len(tasks)}")
        least = [self.threshold(task) for task in tasks]
        return self.auditor(f, torch.tensor(least, dtype=torch.float64, device=f.device))

    def early(self, f: Tensor) -> Tensor:
        """Return where the last step ends a thought that has too few points for a law, [B] bool.

        Shapes (B batch, T steps):
            f: [B, T] relative sizes of the steps from the first on
        """
        few = (f > self.auditor.floor).sum(1) < self.auditor.min_points
        return few & (f[:, -1] <= self.tolerance) & (self.tolerance > 0)
