"""What an exercise raises: a stub that nobody filled, and a check under MARSLAB_STRICT."""

from typing import NoReturn


class NotStarted(Exception):
    """The learner's function still calls `todo()`."""


class ExerciseUnsolved(Exception):
    """Under MARSLAB_STRICT=1 an exercise did not pass; the message is the tutor's answer."""


def todo() -> NoReturn:
    """Stand where the learner's code belongs.

    Errors:
        NotStarted: always

    >>> todo()
    Traceback (most recent call last):
    marslab.lab.course.signals.NotStarted: replace todo() with your code
    """
    raise NotStarted("replace todo() with your code")
