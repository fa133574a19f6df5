"""Train the reflex: `python -m marslab.learning.reflex --out FILE`.

Temperatures are set on phrasings written for that alone; the held-out ones are only scored.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from marslab import checkpoint
from marslab.errors import UserError, unknown
from marslab.learning.calibration import best_temperature
from marslab.learning.reflex_data import (
    Example,
    Labelled,
    Source,
    for_calibration,
    held_out,
    tensors,
)
from marslab.learning.reflex_scores import Scores, may_answer, scores
from marslab.seeding import seed_everything
from marslab.systems.tars.reflex import ReflexConfig, ReflexCore, ReflexOutput
from marslab.tasks.authored import ReflexPatterns, reflex_patterns

TOGETHER = 4  # batches that are drawn, sorted by length and parted at a time
HEADS = ("intent", "confidence", "task", "complexity")
DATA = "marslab's own reflex patterns (data/texts/reflex.yaml), augmented; held-out phrasings apart"


@dataclass(frozen=True)
class ReflexTraining:
    """How long and how fast.

    Units:
        batch: examples a step
        lr: learning rate at its largest

    >>> ReflexTraining(steps=0)
    Traceback (most recent call last):
    ValueError: steps must be positive, got 0
    """

    steps: int = 3600
    batch: int = 32
    lr: float = 4e-3
    weight_decay: float = 0.05
    smoothing: float = 0.05

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "lr"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")


def train(
    seed: int,
    training: ReflexTraining | None = None,
    config: ReflexConfig | None = None,
    *,
    patterns: ReflexPatterns | None = None,
    on_step: Callable[[int, float], None] | None = None,
) -> tuple[ReflexCore, Scores]:
    """Return a trained, calibrated reflex in eval mode, and its scores on held-out phrasings.

    Same seed, same machine, same result. Ctrl-C ends it with what was learned so far.

    Errors:
        ValueError: a setting that cannot be

    Source:
        The design's section 9 (AdamW here, and calibration, which it lacks).
    """
    training = training or ReflexTraining()
    patterns = patterns or reflex_patterns()
    seed_everything(seed)
    core = ReflexCore(config)
    _fit(core, Source(patterns, seed), training, HEADS, on_step)
    calibrate_on(core, for_calibration(patterns))
    return core, scores(core, held_out(patterns))


def train_head(
    core: ReflexCore,
    head: str,
    training: ReflexTraining | None = None,
    *,
    seed: int = 0,
    patterns: ReflexPatterns | None = None,
) -> ReflexCore:
    """Train one head of a trained reflex further; all other outputs stay bit-equal.

    Errors:
        UserError: there is no such head, or it is switched off
    """
    known = [name for name in HEADS if getattr(core, name) is not None]
    if head not in known:
        raise UserError(unknown("head", head, known))
    with _only(core, getattr(core, head)):
        source = Source(patterns or reflex_patterns(), seed)
        _fit(core, source, training or ReflexTraining(steps=200), (head,), None)
    return core


@torch.no_grad()
def calibrate_on(core: ReflexCore, examples: Sequence[Example]) -> None:
    """Set both temperatures so that the probabilities fit these examples best."""
    core.eval()
    core.temperatures.fill_(1.0)
    data = tensors(examples)
    out = core(data.ids, data.mask)
    first = best_temperature(out.intent, data.intent)
    second = best_temperature(out.confidence, may_answer(out.intent, data.intent))
    core.temperatures.copy_(torch.tensor([first, second]))


def _fit(
    core: ReflexCore,
    source: Source,
    training: ReflexTraining,
    heads: Sequence[str],
    on_step: Callable[[int, float], None] | None,
) -> None:
    weights = [p for p in core.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(weights, training.lr, weight_decay=training.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, training.lr, total_steps=training.steps, pct_start=0.1
    )
    core.train()
    try:
        for step, data in enumerate(_batches(source, training)):
            loss = _loss(core(data.ids, data.mask), data, heads, training.smoothing)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(weights, 1.0)
            optimizer.step()
            schedule.step()
            if on_step is not None:
                on_step(step, loss.item())
    except KeyboardInterrupt:
        pass
    core.eval()


def _batches(source: Source, training: ReflexTraining) -> Iterator[Labelled]:
    """Batches of texts of like length: little of a batch is padding."""
    left = training.steps
    while left > 0:
        drawn = sorted(source.draw(TOGETHER * training.batch), key=lambda e: len(e.text))
        order = list(range(TOGETHER))
        source.random.shuffle(order)
        for at in order[:left]:
            yield tensors(drawn[at * training.batch : (at + 1) * training.batch])
        left -= TOGETHER


def _loss(out: ReflexOutput, data: Labelled, heads: Sequence[str], smoothing: float) -> Tensor:
    """The sum of the losses of `heads`."""
    parts = []
    for name in heads:
        logits = getattr(out, name)
        if name == "confidence":
            target = may_answer(out.intent, data.intent).to(logits.dtype)
            parts.append(binary_cross_entropy_with_logits(logits, target))
        elif logits is not None:
            parts.append(cross_entropy(logits, getattr(data, name), label_smoothing=smoothing))
    return torch.stack(parts).sum()


@contextmanager
def _only(core: ReflexCore, head: nn.Module) -> Iterator[None]:
    """Let nothing but `head` learn."""
    before = {name: p.requires_grad for name, p in core.named_parameters()}
    chosen = {id(p) for p in head.parameters()}
    for p in core.parameters():
        p.requires_grad_(id(p) in chosen)
    try:
        yield
    finally:
        for name, p in core.named_parameters():
            p.requires_grad_(before[name])


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m marslab.learning.reflex", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the checkpoint to write")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=ReflexTraining.steps)
    given = parser.parse_args(arguments)
    training = ReflexTraining(steps=given.steps)
    trained = []
    for seed in given.seeds:
        trained.append(train(seed, training))
        told = ", ".join(f"{k} {v:.4f}" for k, v in trained[-1][1]._asdict().items())
        print(f"seed {seed}: {told}", file=sys.stderr)
    core, first = trained[0]
    worst = min(found.intent for _, found in trained)
    header = checkpoint.save(
        given.out,
        core,
        system="tars-reflex",
        preset="tars-reflex",
        config=core.config,
        extra={
            "seed": given.seeds[0],
            "training": {**asdict(training), "seeds": given.seeds},
            "data": DATA,
            "scores": {k: round(v, 4) for k, v in {**first._asdict(), "worst": worst}.items()},
            "licence": "MIT",
        },
    )
    print(f"{given.out}: {header['parameters']:,} parameters, {header['scores']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
