"""The frame on its own: work in a thread, the state in the address, cards, escaping."""

import threading

import param
import pytest

from marslab.widgets.frame import Cancelled, Say, Work, address, cards


class Point(param.Parameterized):
    x = param.Integer(1, bounds=(0, 9))
    scale = param.Number(1.0, bounds=(0, 2))
    kind = param.Selector(default="a", objects=["a", "b c"])
    size = param.Selector(default=8.0, objects=[8.0, 0.5])
    on = param.Boolean(False)
    text = param.String("hi", regex=r"(?s)^.{0,9}\Z")


NAMES = ("x", "scale", "kind", "size", "on", "text")


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"x": 3, "on": True},
        {"kind": "b c", "size": 0.5, "scale": 0.25},
        {"text": "12"},
        {"text": "&=é\n<b>"},
        {"text": ""},
    ],
)
def test_an_address_gives_the_state_again(state: dict[str, object]) -> None:
    there, back = Point(**state), Point()
    assert address.read(back, NAMES, address.write(there, NAMES)) == []
    assert {n: getattr(back, n) for n in NAMES} == {n: getattr(there, n) for n in NAMES}


def test_defaults_are_left_out_of_the_address() -> None:
    assert address.write(Point(), NAMES) == ""


@pytest.mark.parametrize(
    ("search", "sentence"),
    [
        ("?x=10", "x = '10' does not fit: it takes a whole number from 0 to 9. Shown with 1."),
        ("?x=one", "x = 'one' does not fit: it takes a whole number from 0 to 9. Shown with 1."),
        ("?scale=nan", "scale = 'nan' does not fit: it takes a number from 0 to 2. Shown with 1."),
        ("?kind=c", "kind = 'c' does not fit: it takes one of a, b c. Shown with a."),
        ("?size=7", "size = '7' does not fit: it takes one of 8, 0.5. Shown with 8."),
        ("?on=maybe", "on = 'maybe' does not fit: it takes true or false. Shown with false."),
        ("?text=0123456789", "text = '0123456789' does not fit: it takes a shorter text."),
        ("?z=1", "'z' is no control of this view; it knows x, scale, kind, size, on, text."),
    ],
)
def test_what_does_not_fit_is_said_and_changes_nothing(search: str, sentence: str) -> None:
    point = Point()
    (problem,) = address.read(point, NAMES, search + "&kind=b+c" * ("kind" not in search))
    assert problem.startswith(sentence)
    assert address.write(point, NAMES) == ("" if "kind" in search else "?kind=b+c")


def test_a_job_reports_in_order_and_then_delivers() -> None:
    told: list[object] = []
    work = Work(told.append, told.append, told.append)

    def job(say: Say) -> str:
        say("one")
        say("two")
        return "done"

    work.start(job)
    assert work.wait(30) and told == ["one", "two", "done"]


def test_a_job_that_fails_delivers_its_error() -> None:
    told: list[object] = []
    work = Work(told.append, told.append, told.append)
    error = ValueError("no")

    def job(say: Say) -> None:
        raise error

    work.start(job)
    assert work.wait(30) and told == [error]


def test_a_cancelled_job_stops_where_it_next_reports_and_delivers_nothing() -> None:
    told: list[object] = []
    begun, go_on, stopped = threading.Event(), threading.Event(), threading.Event()
    work = Work(told.append, told.append, told.append)

    def job(say: Say) -> str:
        begun.set()
        go_on.wait(30)
        try:
            say("never")
        except Cancelled:
            stopped.set()
            raise
        return "never"

    work.start(job)
    assert begun.wait(30)
    work.cancel()
    go_on.set()
    assert work.wait(30) and stopped.is_set() and told == []


def test_a_new_job_takes_the_place_of_the_old_one() -> None:
    told: list[object] = []
    go_on = threading.Event()
    work = Work(told.append, told.append, told.append)
    work.start(lambda say: go_on.wait(30))
    first = threading.enumerate()
    work.start(lambda say: "second")
    assert work.wait(30)
    go_on.set()
    for thread in first:
        if thread.name == "marslab-view":
            thread.join(30)
    assert told == ["second"]


def test_cards_escape_what_comes_in() -> None:
    evil = "<script>alert(1)</script>"
    made = [
        cards.problem(evil, evil),
        cards.note(evil),
        cards.code(evil),
        cards.facts([(evil, evil, evil)]),
    ]
    assert not any("<script>" in card for card in made)


def test_an_unforeseen_error_still_becomes_a_sentence() -> None:
    sentence = cards.sentence_of(ZeroDivisionError("division by zero"))
    assert sentence == "This view could not be worked out (ZeroDivisionError: division by zero)."
    assert cards.sentence_of(ValueError("L must\n be positive")) == "L must be positive"
