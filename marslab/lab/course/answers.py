"""What the tutor says."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from marslab.lab.course.checking import Outcome


def lines(outcome: "Outcome") -> list[str]:
    """Return the message about an outcome, line by line."""
    head = f"{outcome.exercise} {outcome.name}: "
    if outcome.status == "passed":
        count = "the check passes" if outcome.checks == 1 else f"all {outcome.checks} checks pass"
        return [f"{head}{count} ({outcome.cases} cases)."]
    if outcome.status == "not started":
        return [
            f"{head}not started. Replace todo() with your code; "
            "until then the notebook goes on with the reference solution."
        ]
    if outcome.failed is None:
        return [f"{head}cannot be checked.", *(f"  {told}" for told in outcome.sentences)]
    number, name = outcome.failed
    told = [f"{head}check {number} of {outcome.checks} fails: {name}"]
    told += [f"  {label:<16}{text}" for label, text in outcome.example]
    return told + [f"  {sentence}" for sentence in outcome.sentences]


def one_line(text: object) -> str:
    """Return a text without line breaks and doubled spaces."""
    return " ".join(str(text).split())


def error(raised: BaseException) -> str:
    """Return an exception with its name, on one line.

    >>> error(KeyError("a")), error(RecursionError())
    ("KeyError: 'a'", 'RecursionError')
    """
    return one_line(f"{type(raised).__name__}: {raised}").removesuffix(":")


def hint(number: int, hints: tuple[str, ...]) -> str:
    """Return a hint with its number, from 1.

    >>> hint(1, ("write the loop first", "start from zero"))
    'hint 1 of 2: write the loop first'
    """
    return f"hint {number} of {len(hints)}: {hints[number - 1]}"
