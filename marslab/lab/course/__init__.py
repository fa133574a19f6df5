"""The exercises of the course: `exercise("scan.1").check(my_scan)` answers like a good tutor."""

from marslab.lab.course.overview import progress
from marslab.lab.course.registry import Check, Exercise, Wrong, exercises, find
from marslab.lab.course.signals import ExerciseUnsolved, NotStarted, todo
from marslab.lab.course.tutor import Tutor, exercise

__all__ = [
    "Check",
    "Exercise",
    "ExerciseUnsolved",
    "NotStarted",
    "Tutor",
    "Wrong",
    "exercise",
    "exercises",
    "find",
    "progress",
    "todo",
]
