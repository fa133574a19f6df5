"""The questions that lead to an operation, and the way through them."""

from typing import NamedTuple


class Answer(NamedTuple):
    """What a reader can say, and the question or the op that it leads to."""

    words: str
    leads: str


class Question(NamedTuple):
    """One question and the answers to choose from."""

    words: str
    answers: tuple[Answer, ...]


START = "start"
QUESTIONS = {
    START: Question(
        "What do you want to do?",
        (
            Answer("Carry a memory along a sequence, step by step", "memory"),
            Answer("Sum up a sequence, with no memory to carry on", "summary"),
            Answer("Bind symbols to each other in long vectors, or look one up", "symbols"),
            Answer("Multiply by weights that are only −1, 0 or +1", "ternary_matmul"),
        ),
    ),
    "memory": Question(
        "Does the next state depend linearly on the last one?",
        (
            Answer("Yes: old state times a factor, plus something new", "shape"),
            Answer("No: the old state goes through a sigmoid first", "gated_recurrence"),
        ),
    ),
    "shape": Question(
        "What is the memory?",
        (
            Answer("One number for each channel", "decay"),
            Answer("A short vector for each channel", "selective_scan"),
            Answer("A matrix for each head: values stored under keys", "matrix"),
        ),
    ),
    "decay": Question(
        "Where do the factor and the new part come from?",
        (
            Answer("I have both, for every step and channel", "linear_scan"),
            Answer("From one gate: what it lets in replaces what it lets go", "min_gru"),
        ),
    ),
    "matrix": Question(
        "Must a new value overwrite the one that is stored under the same key?",
        (
            Answer("Yes; or each key channel must fade at its own rate", "wkv7"),
            Answer("No: old values only fade, all of a head at one rate", "ssd"),
        ),
    ),
    "summary": Question(
        "What shall be left of it?",
        (
            Answer("For each step, what is left of the start", "decay_product"),
            Answer("One number for each chunk and channel", "chunk_reduce"),
        ),
    ),
    "symbols": Question(
        "What shall happen to the vectors?",
        (
            Answer("Bind a key and a value into one vector", "circular_conv"),
            Answer("Ask what is bound to a key", "circular_corr"),
            Answer("Find the nearest of many binary codes", "hamming_topk"),
        ),
    ),
}


def ways(question: str = START, before: str = "") -> list[str]:
    """Every way from the first question on: what each answer leads to, with dots between.

    >>> ways()[:3]
    ['memory', 'memory.shape', 'memory.shape.decay']
    """
    found = []
    for answer in QUESTIONS[question].answers:
        way = f"{before}.{answer.leads}" if before else answer.leads
        found.append(way)
        if answer.leads in QUESTIONS:
            found += ways(answer.leads, way)
    return found


def asked(way: str) -> list[tuple[str, str | None]]:
    """The questions on a way, each with what was answered; the last may be open.

    >>> asked("summary")
    [('start', 'summary'), ('summary', None)]
    """
    taken = way.split(".") if way else []
    questions = [START, *(step for step in taken if step in QUESTIONS)]
    return [(q, taken[i] if i < len(taken) else None) for i, q in enumerate(questions)]


def reached(way: str) -> str:
    """The op at the end of a way; empty while a question is open.

    >>> reached("memory.gated_recurrence"), reached("memory")
    ('gated_recurrence', '')
    """
    last = way.rpartition(".")[2]
    return "" if last in QUESTIONS else last
