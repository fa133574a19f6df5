"""Examples for the reflex: patterns with their slots filled, then written as people write."""

import random
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from marslab.systems.tars.reflex import COMPLEXITIES, INTENTS, TASK_TYPES, encode
from marslab.systems.tars.reflex_replies import language_of
from marslab.tasks.authored import PatternGroup, ReflexPatterns

QWERTY = "qwertyuiop[]asdfghjkl;'zxcvbnm,."
RUSSIAN = "йцукенгшщзхъфывапролджэячсмитьбю"
TO_QWERTY = str.maketrans(RUSSIAN, QWERTY)
NUMBERS = {"m": (1, 9), "n": (1, 99), "nn": (100, 999)}


class Example(NamedTuple):
    """A text with its labels."""

    text: str
    intent: str
    task: str
    complexity: str


class Labelled(NamedTuple):
    """Examples as tensors.

    Shapes (B batch, L length):
        ids, mask: [B, L]
        intent, task, complexity: [B] class numbers
    """

    ids: Tensor
    mask: Tensor
    intent: Tensor
    task: Tensor
    complexity: Tensor


def tensors(examples: Sequence[Example]) -> Labelled:
    """Return the examples as tensors.

    >>> tensors([Example("hi", "greeting", "chat", "trivial")]).intent.tolist()
    [0]
    """
    ids, mask = encode([example.text for example in examples])
    intent = torch.tensor([INTENTS.index(e.intent) for e in examples])
    task = torch.tensor([TASK_TYPES.index(e.task) for e in examples])
    complexity = torch.tensor([COMPLEXITIES.index(e.complexity) for e in examples])
    return Labelled(ids, mask, intent, task, complexity)


def held_out(patterns: ReflexPatterns) -> list[Example]:
    """Return the held-out phrasings, as they stand."""
    return [Example(text, *g[:3]) for g in patterns.groups for text in g.held_out]


def for_calibration(patterns: ReflexPatterns) -> list[Example]:
    """Return the phrasings that temperatures are set on, as they stand."""
    return [Example(text, *g[:3]) for g in patterns.groups for text in g.calibrate]


class Source:
    """Draws augmented examples of a set of patterns; the same seed draws the same ones.

    A group is drawn with a chance that grows with the square root of its size; intents weigh alike
    except "complex", which has more to tell apart.

    >>> from marslab.tasks.authored import reflex_patterns
    >>> source = Source(reflex_patterns(), seed=0)
    >>> len(source.draw(8))
    8
    """

    def __init__(self, patterns: ReflexPatterns, seed: int, noise: float = 1.0) -> None:
        self.patterns = patterns
        self.noise = noise
        self.random = random.Random(seed)
        self.groups = patterns.groups
        share = {intent: 3.0 if intent == "complex" else 1.0 for intent in INTENTS}
        size = {
            intent: sum(len(g.train) ** 0.5 for g in self.groups if g.intent == intent)
            for intent in INTENTS
        }
        self.weights = [share[g.intent] * len(g.train) ** 0.5 / size[g.intent] for g in self.groups]

    def draw(self, n: int) -> list[Example]:
        """Return `n` examples."""
        return [self.one(g) for g in self.random.choices(self.groups, self.weights, k=n)]

    def one(self, group: PatternGroup) -> Example:
        """Return an example of `group`; one in 50 of the complex ones is mere noise."""
        if group.intent == "complex" and self.random.random() < 0.02 * self.noise:
            return Example(self._babble(), "complex", "chat", "simple")
        text = self.filled(self.random.choice(group.train))
        return Example(self.written(text), *group[:3])

    def filled(self, phrase: str) -> str:
        """Return the phrase with a word in each of its slots."""
        pieces = phrase.split("{")
        out = [pieces[0]]
        for piece in pieces[1:]:
            name, _, rest = piece.partition("}")
            limits = NUMBERS.get(name)
            words = self.patterns.slots.get(name, ())
            word = str(self.random.randint(*limits)) if limits else self.random.choice(words)
            out += [word, rest]
        return "".join(out)

    def written(self, text: str) -> str:
        """Return the text as a person might type it: words around it, case, marks, typos."""
        chance, noise = self.random.random, self.noise
        text = self._around(text)
        if chance() < 0.5 * noise:
            text = text.rstrip("?!.") + self.random.choice(
                ("", "", "?", "!", ".", "...", " ?", ")")
            )
        if chance() < 0.25 * noise:
            text = text.replace(",", "")
        if chance() < 0.5 * noise:
            text = self.random.choice((str.capitalize, str.lower, str.upper))(text)
        for _ in range(2):
            if chance() < 0.15 * noise:
                text = self._typo(text)
        if chance() < 0.3 * noise:
            text = text.replace("ё", "е")
        if chance() < 0.03 * noise:
            text = text.lower().translate(TO_QWERTY)
        return text

    def _around(self, text: str) -> str:
        language = language_of(text)
        before, after = (
            [word for word in words if language_of(word) == language]
            for words in (self.patterns.before, self.patterns.after)
        )
        if before and self.random.random() < 0.2 * self.noise:
            text = f"{self.random.choice(before)} {text}"
        if after and self.random.random() < 0.15 * self.noise:
            text = f"{text.rstrip('?!.')}, {self.random.choice(after)}"
        return text

    def _typo(self, text: str) -> str:
        """One letter dropped, doubled, swapped with the next, or replaced by its neighbour."""
        if len(text) < 5:
            return text
        at = self.random.randrange(len(text) - 1)
        here, then = text[at], text[at + 1]
        rows = next((r for r in (QWERTY, RUSSIAN) if here.lower() in r), here)
        near = rows[(rows.find(here.lower()) + 1) % len(rows)]
        new = self.random.choice(("", here * 2 + then, then + here, near + then))
        return text[:at] + (new or then) + text[at + 2 :]

    def _babble(self) -> str:
        letters = self.random.choice((RUSSIAN, QWERTY))
        sizes = [self.random.randint(1, 9) for _ in range(self.random.randint(1, 6))]
        return " ".join("".join(self.random.choices(letters, k=size)) for size in sizes)
