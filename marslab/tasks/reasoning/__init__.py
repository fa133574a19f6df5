"""Problems made by a generator, each answer checked by an independent solver."""

from marslab.tasks.reasoning.batches import ProblemBatches
from marslab.tasks.reasoning.mixture import FAMILIES, Family, problem_at, problems
from marslab.tasks.reasoning.problem import Problem, facts, held_out
from marslab.tasks.reasoning.solver import Solution, check, solve

__all__ = [
    "FAMILIES",
    "Family",
    "Problem",
    "ProblemBatches",
    "Solution",
    "check",
    "facts",
    "held_out",
    "problem_at",
    "problems",
    "solve",
]
