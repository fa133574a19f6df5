"""Remember the texts, ask the question, and keep what every part of the hub said."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

import marslab
from marslab.memory import MemoryHub, Recalled, Record, TitansState
from marslab.memory.exact_index import Found
from marslab.memory.memo import figures
from marslab.widgets.frame import Say
from marslab.widgets.views.memory_hub.hubs import opened
from marslab.widgets.views.memory_hub.setup import HubSetup

SHOWN = 1000  # records in the table and on the map: the newest, and those that were found
OTHERS = 64  # records whose surprise is averaged


class Kept(NamedTuple):
    """The question with an answer that is most like the one asked, and what Memo made of it.

    Units:
        score: cosine; among: how many are kept; hit: the answer that Memo gave, if any
    """

    question: str
    answer: str
    score: float
    among: int
    hit: str | None
    asked_figures: list[str]
    kept_figures: list[str]

    @property
    def alike(self) -> bool:
        """Whether both questions hold the same numbers and signs."""
        return self.asked_figures == self.kept_figures


class Learned(NamedTuple):
    """What Titans made of one text: its surprise before, and whether it wrote it.

    Units:
        before, after: surprise; threshold: above it a text is written
    """

    text: str
    before: float
    after: float
    written: bool
    threshold: float


class Writes(NamedTuple):
    """One text written again and again, from the state in which the hub met it.

    Shapes (R writes, S steps of each):
        text, question, others: R + 1 surprises, the first before any write; others is a mean
        losses: R rows of S + 1, before each step and after the last
    """

    name: str
    text: list[float]
    question: list[float]
    others: list[float]
    losses: list[list[float]]


class HubResult(NamedTuple):
    """All that the view shows.

    Shapes (N records shown, M width of the store):
        records, cosines, vectors: N, [N], [N, M]; asked: [M]
        near: the k nearest by id, best first; yours: ids of the texts that were typed
    """

    setup: HubSetup
    size: int
    recalled: list[Recalled]
    near: list[Found]
    kept: Kept | None
    records: list[Record]
    vectors: np.ndarray
    asked: np.ndarray
    yours: dict[int, Learned]
    writes: Writes

    @property
    def cosines(self) -> np.ndarray:
        """Cosine of each record with the question."""
        return self.vectors @ self.asked

    @property
    def last(self) -> Learned | None:
        """What Titans made of the last text."""
        return list(self.yours.values())[-1] if self.yours else None


def run(setup: HubSetup, say: Say = lambda line: None) -> HubResult:
    """Open the hub of `setup`, remember its texts, ask its question.

    Errors:
        UserError: the user's store cannot be read, or a text cannot be kept

    >>> found = run(HubSetup(question="How many legs does a spider have?", k=2))
    >>> [(each.text, each.source) for each in found.recalled]
    [('8', 'memo'), ('A spider has 8 legs.', 'store')]
    """
    say("Opening the memory")
    with opened(setup) as hub:
        living = hub.titans
        assert living is not None
        living.follow(hub.store)  # the state in which the texts are met
        yours: dict[int, Learned] = {}
        met = living.state
        for at, text in enumerate(setup.texts, 1):
            say(f"Remembering text {at} of {len(setup.texts)}")
            met = living.state
            id, learned = _remembered(hub, text)
            yours[id] = learned
        say("Asking")
        asked = hub.store.embedded([setup.question])[0]
        near = hub.leann.search(asked, setup.k)
        records, vectors = _shown(hub, [id for id, _ in near])
        others = vectors[[record.id not in yours for record in records]][-OTHERS:]
        say("Writing into Titans")
        return HubResult(
            setup,
            len(hub.store),
            hub.recall(setup.question, setup.k),
            near,
            _kept(hub, asked, setup.question),
            records,
            vectors,
            asked,
            yours,
            _writes(hub, setup, met, asked, others),
        )


def _remembered(hub: MemoryHub, text: str) -> tuple[int, Learned]:
    """Let the hub remember a text; what Titans did is in the trace."""
    living = hub.titans
    assert living is not None
    with marslab.trace() as seen:
        id = hub.remember(text)
    told = seen.frame("titans_learn").iloc[-1]
    after = float(living.titans.surprise(_item(hub, text), living.state))
    threshold = float(living.titans.threshold)
    return id, Learned(text, float(told.surprise), after, bool(told.written), threshold)


def _item(hub: MemoryHub, text: str) -> Tensor:
    return hub.projection.down(torch.from_numpy(hub.store.embedded([text])[0]))


def _shown(hub: MemoryHub, near: list[int]) -> tuple[list[Record], np.ndarray]:
    """The newest records and those of `near`, with their vectors, by id."""
    ids = sorted({*hub.store.ids()[-SHOWN:].tolist(), *near})
    there = hub.store.get(ids)
    found, vectors = hub.store.vectors_of(ids)
    return [there[int(id)] for id in found], vectors.astype(np.float32)


def _kept(hub: MemoryHub, asked: np.ndarray, question: str) -> Kept | None:
    """The nearest kept question, hit or not; Memo itself decides which it is."""
    rows = hub.store.database.rows("SELECT question, answer, vector FROM memo ORDER BY id")
    if not rows:
        return None
    scores = np.array([np.frombuffer(vector, "<f4") @ asked for _, _, vector in rows])
    hit = hub.answered(question)
    # The nearest may be refused for its figures where one a little farther is not.
    at = int(scores.argmax()) if hit is None else [seen for seen, *_ in rows].index(hit.question)
    seen, answer, _ = rows[at]
    given, score = None if hit is None else hit.answer, min(float(scores[at]), 1.0)
    return Kept(seen, answer, score, len(rows), given, figures(question), figures(seen))


def _writes(
    hub: MemoryHub, setup: HubSetup, state: TitansState, asked: np.ndarray, others: np.ndarray
) -> Writes:
    living, project = hub.titans, hub.projection.down
    assert living is not None
    titans = living.titans
    name = setup.texts[-1] if setup.texts else setup.question
    item, cue = _item(hub, name), project(torch.from_numpy(asked))
    rest = project(torch.from_numpy(others))
    found = Writes(name, [], [], [], [])

    def look() -> None:
        found.text.append(float(titans.surprise(item, state)))
        found.question.append(float(titans.surprise(cue, state)))
        if len(rest):
            found.others.append(float(titans.surprise(rest, state).mean()))

    look()
    for _ in range(setup.writes):
        state, losses = titans.write(item, state)
        found.losses.append([float(loss) for loss in losses])
        look()
    return found
