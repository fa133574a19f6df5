"""The first tier of TARS: a few ten thousand parameters that answer what needs no thought."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, silu

from marslab.kernels import min_gru
from marslab.kernels.checks import shaped
from marslab.systems.registry import register
from marslab.tracing import emit

INTENTS = ("greeting", "farewell", "status", "time", "quick_action", "complex")
TASK_TYPES = ("chat", "status", "action", "math", "code", "analysis", "infinite")
COMPLEXITIES = ("trivial", "simple", "complex", "deep")
PAD, LONGEST = 0, 160


@dataclass(frozen=True)
class ReflexConfig:
    """Form and heads of a ReflexCore.

    `form` "printed" is the design's: every byte alone drives the recurrence, and the last state
    is read. "ngram" lets each step see `reach` bytes and reads maximum, mean and last state.

    Units:
        threshold: confidence above which the reflex answers, 0..1

    >>> ReflexConfig(threshold=2)
    Traceback (most recent call last):
    ValueError: threshold must be in 0..1, got 2
    """

    form: Literal["ngram", "printed"] = "ngram"
    width: int = 64
    reach: int = 5
    dropout: float = 0.3
    task_head: bool = True
    complexity_head: bool = True
    threshold: float = 0.85

    def __post_init__(self) -> None:
        for name in ("width", "reach"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be at least 0 and below 1, got {self.dropout}")
        if not 0 <= self.threshold <= 1:
            raise ValueError(f"threshold must be in 0..1, got {self.threshold}")


class ReflexOutput(NamedTuple):
    """What ReflexCore says of each text; a head that is off says None.

    Shapes (B batch, H width):
        intent: [B, 6] logits, divided by the calibrated temperature
        confidence: [B] logit that the intent is right and a reflex may answer, calibrated
        task: [B, 7] logits
        complexity: [B, 4] logits
        hidden: [B, H]
    """

    intent: Tensor
    confidence: Tensor
    task: Tensor | None
    complexity: Tensor | None
    hidden: Tensor


class Reading(NamedTuple):
    """What the reflex makes of one text; probabilities from 0 to 1."""

    intent: str
    confidence: float
    task: str | None
    complexity: str | None


class ReflexBody(nn.Module):
    """Vectors in time to one vector: a causal convolution, a MinGRU, pooling over the real steps.

    Steps past the end of a row's mask change nothing.

    Shapes (B batch, L length, H width):
        x: [B, L, H] floating point
        mask: [B, L] bool, True where there is a step; True first, False behind
        returns: [B, H]; zeros pooled for a row without steps

    Source:
        Feng et al. 2024, "Were RNNs all we needed?", section 3.1; the design's section 9.

    >>> ReflexBody(8)(torch.zeros(2, 3, 8), torch.ones(2, 3, dtype=torch.bool)).shape
    torch.Size([2, 8])
    """

    def __init__(self, width: int, reach: int = 5, *, printed: bool = False) -> None:
        super().__init__()
        self.reach = reach
        self.conv = None if printed else nn.Conv1d(width, width, reach)
        self.to_z = nn.Linear(width, width)
        self.to_h = nn.Linear(width, width)
        self.pool = None if printed else nn.Linear(3 * width, width)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        shaped("ReflexBody", "mask", mask, "[B, L]", tuple(x.shape[:2]))
        if x.shape[1] == 0:
            x, mask = x.new_zeros(x.shape[0], 1, x.shape[2]), mask.new_zeros(x.shape[0], 1)
        if self.conv is not None:
            x = silu(self.conv(pad(x.transpose(1, 2), (self.reach - 1, 0))).transpose(1, 2))
        h = min_gru(self.to_z(x), self.to_h(x))
        last = self._last(h, mask)
        if self.pool is None:
            return last
        here = mask.unsqueeze(-1)
        count = here.sum(1)
        mean = (h * here).sum(1) / count.clamp(min=1)
        most = h.masked_fill(~here, -torch.inf).amax(1).masked_fill(count == 0, 0.0)
        return silu(self.pool(torch.cat((most, mean, last), -1)))

    @staticmethod
    def _last(h: Tensor, mask: Tensor) -> Tensor:
        at = (mask.sum(1) - 1).clamp(min=0)
        last = h[torch.arange(len(h), device=h.device), at]
        return last * mask.any(1, keepdim=True)


@register("tars-reflex", config=ReflexConfig)
class ReflexCore(nn.Module):
    """Bytes in; intent, confidence, task type and complexity out.

    Confidence is the probability that the predicted intent is right *and* a reflex may answer it:
    it is low for the intent "complex", whatever the text. Two temperatures, set after training on
    phrases that it did not see, keep both probabilities honest. No clock and no noise in here.

    Emits "reflex" with the probabilities of the intents and the confidence.

    Shapes (B batch, L length):
        ids: [B, L] integer bytes, 0 fills up
        mask: [B, L] bool, True where there is a byte; `ids != 0` if None
        returns: ReflexOutput

    Errors:
        ValueError: an id is no byte, or the shapes differ

    Source:
        The design's section 9. It counts "about 16 K" parameters; its own sizes make 25,159 (T16).

    >>> core = ReflexCore(ReflexConfig(form="printed", task_head=False, complexity_head=False))
    >>> sum(p.numel() for p in core.parameters())
    25159
    """

    temperatures: Tensor

    def __init__(self, config: ReflexConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or ReflexConfig()
        width = config.width
        self.embed = nn.Embedding(256, width)
        self.body = ReflexBody(width, config.reach, printed=config.form == "printed")
        self.dropout = nn.Dropout(config.dropout)
        self.intent = nn.Linear(width, len(INTENTS))
        self.confidence = nn.Linear(width, 1)
        self.task = nn.Linear(width, len(TASK_TYPES)) if config.task_head else None
        self.complexity = nn.Linear(width, len(COMPLEXITIES)) if config.complexity_head else None
        self.register_buffer("temperatures", torch.ones(2))  # of the intent, of the confidence

    def forward(self, ids: Tensor, mask: Tensor | None = None) -> ReflexOutput:
        shaped("ReflexCore", "ids", ids, "[B, L]", (None, None))
        if ids.numel() and not 0 <= int(ids.min()) <= int(ids.max()) < 256:
            raise ValueError(f"ReflexCore: ids must be bytes, got {ids.min()}..{ids.max()}")
        mask = ids != PAD if mask is None else mask
        hidden = self.dropout(self.body(self.embed(ids), mask))
        intent = self.intent(hidden) / self.temperatures[0]
        confidence = self.confidence(hidden).squeeze(-1) / self.temperatures[1]
        emit("reflex", intent=intent.softmax(-1), confidence=confidence.sigmoid())
        task = None if self.task is None else self.task(hidden)
        complexity = None if self.complexity is None else self.complexity(hidden)
        return ReflexOutput(intent, confidence, task, complexity, hidden)

    @torch.no_grad()
    def read(self, texts: Sequence[str]) -> list[Reading]:
        """Return what the reflex makes of each text.

        >>> [reading.intent in INTENTS for reading in ReflexCore().eval().read(["привет", ""])]
        [True, True]
        """
        device = self.embed.weight.device
        out = self(*(x.to(device) for x in encode(texts)))
        sure = out.confidence.sigmoid().tolist()
        intents = [INTENTS[at] for at in out.intent.argmax(-1).tolist()]
        tasks = _named(out.task, TASK_TYPES, len(intents))
        complexities = _named(out.complexity, COMPLEXITIES, len(intents))
        return [Reading(*told) for told in zip(intents, sure, tasks, complexities, strict=True)]


def _named(logits: Tensor | None, names: Sequence[str], rows: int) -> Sequence[str | None]:
    """The likeliest name of each row; None where there is no such head."""
    best: list[int] = [] if logits is None else logits.argmax(-1).tolist()
    return [None] * rows if logits is None else [names[at] for at in best]


def encode(texts: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Return the CP1251 bytes of `texts` and a mask that is True where there is one.

    What CP1251 lacks becomes "?", a zero byte becomes a space, and no more than 160 bytes are
    looked at: the reflex decides by the start of a text.

    Shapes (B batch, L the longest, at least 1):
        returns: ids [B, L] int64, mask [B, L] bool

    Errors:
        TypeError: a text is not a str

    >>> encode(["привет", "hi"])[0][1].tolist()
    [104, 105, 0, 0, 0, 0]
    """
    if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
        raise TypeError("encode: texts must be a sequence of str")
    coded = [text.encode("cp1251", "replace").replace(b"\0", b" ")[:LONGEST] for text in texts]
    length = max((len(code) for code in coded), default=1) or 1
    ids = torch.zeros(len(coded), length, dtype=torch.int64)
    for row, code in zip(ids, coded, strict=True):
        row[: len(code)] = torch.tensor(list(code), dtype=torch.int64)
    return ids, ids != PAD
