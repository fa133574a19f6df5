"""What a reader asked the Memory hub view for."""

from dataclasses import dataclass

from marslab.memory import TitansConfig
from marslab.memory.titans import PRINTED

STORES = ("facts", "mine")
RULES = {"delta": TitansConfig(), "printed": PRINTED}
MAX_TEXT, MAX_QUESTION = 1000, 300  # characters
KS = list(range(1, 11))
THRESHOLDS = [0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.92, 0.94, 0.96, 0.98, 1.0]
WRITES = [1, 2, 3, 5, 8, 12]


@dataclass(frozen=True)
class HubSetup:
    """One question to the Memory hub view; every field has the view's own default.

    Units:
        text: what to remember, one text a line; may be empty
        k: records; threshold: the cosine that Memo asks for
        strict: whether Memo wants the same numbers and signs in both questions
        store: "facts", a hub in memory with the course's facts, or "mine", a copy of the user's
        rule: how Titans writes; writes: how many times the last text is written into it

    Errors:
        ValueError: a value is out of its range

    >>> HubSetup(text="one\\n\\n two ").texts
    ['one', 'two']
    """

    text: str = "Most spiders have 8 eyes."
    question: str = "How many legs has a spider?"
    k: int = 5
    threshold: float = 0.92
    strict: bool = True
    store: str = "facts"
    rule: str = "delta"
    writes: int = 5

    def __post_init__(self) -> None:
        for name, most in (("text", MAX_TEXT), ("question", MAX_QUESTION)):
            if len(getattr(self, name)) > most:
                raise ValueError(f"the {name} must have at most {most:,} characters")
        if not self.question.strip():
            raise ValueError("The question is empty: type at least one visible character.")
        if not -1 <= self.threshold <= 1:
            raise ValueError(f"threshold must be a cosine from -1 to 1, got {self.threshold}")
        for name, low, high in (("k", KS[0], KS[-1]), ("writes", WRITES[0], WRITES[-1])):
            if not low <= getattr(self, name) <= high:
                got = getattr(self, name)
                raise ValueError(f"{name} must be in {low}..{high}, got {got}")
        for name, known in (("store", STORES), ("rule", tuple(RULES))):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}")

    @property
    def texts(self) -> list[str]:
        """The texts to remember, in their order."""
        return [line.strip() for line in self.text.splitlines() if line.strip()]
