"""Propose new reflex patterns from a log of what people wrote; a person decides what to add."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import NamedTuple

from marslab.errors import UserError
from marslab.systems.tars.reflex import ReflexCore
from marslab.tasks.authored import ReflexPatterns, reflex_patterns

NEAR = 0.7  # trigrams that two phrases share, of those that either has
MAX_BYTES = 16 << 20
LONGEST = 100  # characters: longer lines are no reflexes


class Proposal(NamedTuple):
    """A phrase, how often it was written, and what the reflex thinks that it is."""

    text: str
    times: int
    intent: str
    confidence: float


def trigrams(text: str) -> frozenset[str]:
    """Return the groups of three characters, without case, end marks and the value of numbers.

    >>> sorted(trigrams("On 7!"))
    [' 0 ', ' on', 'n 0', 'on ']
    """
    plain = re.sub(r"\{\w+\}|\d+", "0", text.lower().replace("ё", "е").strip(" .!?,"))
    plain = f" {plain} "
    return frozenset(plain[at : at + 3] for at in range(len(plain) - 2))


def near(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether two phrases are near-duplicates: they share at least 70 % of their trigrams.

    >>> near(trigrams("включи свет"), trigrams("Включи свет!"))
    True
    """
    fewer, more = sorted((len(one), len(other)))
    return fewer >= NEAR * more and len(one & other) >= NEAR * len(one | other)


def mine(
    path: str | PathLike[str], core: ReflexCore, patterns: ReflexPatterns | None = None
) -> list[Proposal]:
    """Return the phrases of a log, one a line, that could become patterns, the most frequent first.

    Left out: what is near a pattern, near a held-out phrasing (which would spoil the scores), near
    a phrase proposed already, without a letter, or longer than 100 characters.

    Errors:
        UserError: the file cannot be read, is no UTF-8 text, or is larger than 16 MiB
    """
    patterns = patterns or reflex_patterns()
    known = [phrase for g in patterns.groups for phrase in (*g.train, *g.held_out)]
    fresh = _fresh(_lines(path), [trigrams(phrase) for phrase in known])
    readings = core.read([text for text, _ in fresh])
    return [
        Proposal(text, count, reading.intent, reading.confidence)
        for (text, count), reading in zip(fresh, readings, strict=True)
    ]


def _lines(path: str | PathLike[str]) -> list[str]:
    try:
        if Path(path).stat().st_size > MAX_BYTES:
            raise UserError(f"{fspath(path)} is larger than {MAX_BYTES:,} bytes: cut it")
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"{fspath(path)} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{fspath(path)} is no UTF-8 text: save it as UTF-8") from error
    return [line.strip() for line in text.splitlines()]


def _fresh(lines: Iterable[str], seen: Sequence[frozenset[str]]) -> list[tuple[str, int]]:
    taken, found = list(seen), []
    for text, count in Counter(line.lower() for line in lines).most_common():
        if len(text) > LONGEST or not any(c.isalpha() for c in text):
            continue
        here = trigrams(text)
        if not any(near(here, other) for other in taken):
            taken.append(here)
            found.append((text, count))
    return found
