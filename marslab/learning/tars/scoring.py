"""How well TARS answers problems that training never showed, at each depth."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from marslab.learning.tars.each_wave import TOGETHER, flawless, worked
from marslab.systems.tars.lm import TarsLM
from marslab.systems.tars.thought import Run
from marslab.tasks.corpus import Tokenizer
from marslab.tasks.reasoning import Problem, check, problems
from marslab.thinking.exits import Observation
from marslab.thinking.law import relative_step

MOST = 160  # bytes of an answer; the longest of 40,000 of the generator has 153


class Reply(NamedTuple):
    """An answer, and how many waves it took."""

    text: str
    waves: int


@torch.no_grad()
def replies(
    lm: TarsLM,
    tokenizer: Tokenizer,
    prompts: Sequence[str],
    waves: int | Sequence[int] | None = None,
) -> list[Reply]:
    """Answer prompts greedily, many side by side; `waves` is one depth for all, or one for each.

    >>> from marslab.systems.tars.config import TarsConfig
    >>> from marslab.text import Cp1251Tokenizer
    >>> lm = TarsLM(TarsConfig(d_model=32)).eval()
    >>> replies(lm, Cp1251Tokenizer(), ["2+2=?"], waves=2)[0].waves
    2
    """
    most = lm.config.waves.count
    depths = [waves or most] * len(prompts) if waves is None or isinstance(waves, int) else waves
    groups: dict[tuple[int, int], list[int]] = defaultdict(list)
    coded = [tokenizer.encode(f"{prompt}\n", bos=True) for prompt in prompts]
    for at, ids in enumerate(coded):
        groups[len(ids), depths[at]].append(at)
    found: list[Reply | None] = [None] * len(prompts)
    for (_, depth), members in groups.items():
        for start in range(0, len(members), TOGETHER):
            rows = members[start : start + TOGETHER]
            said = _decoded(lm, tokenizer, [coded[at] for at in rows], depth)
            for at, ids in zip(rows, said, strict=True):
                found[at] = Reply(tokenizer.decode(ids), depth)
    return [reply for reply in found if reply is not None]


def _decoded(
    lm: TarsLM, tokenizer: Tokenizer, prompts: list[list[int]], depth: int
) -> list[list[int]]:
    """Greedy bytes of prompts of one length, without the end."""
    device = lm.embed.weight.device
    state = lm.prefill(torch.tensor(prompts, device=device), waves=depth)
    said: list[Tensor] = []
    done = torch.zeros(len(prompts), dtype=torch.bool, device=device)
    logits = state.logits
    for _ in range(MOST):
        byte = logits.argmax(-1)
        done |= byte == tokenizer.eos
        said.append(byte.masked_fill(done, tokenizer.eos))
        if bool(done.all()):
            break
        logits, state = lm.step(byte, state)
    rows = torch.stack(said, 1).tolist()
    return [row[: row.index(tokenizer.eos)] if tokenizer.eos in row else row for row in rows]


@torch.no_grad()
def observations(
    lm: TarsLM, tokenizer: Tokenizer, prompts: Sequence[str]
) -> list[list[Observation]]:
    """What every exit rule may look at, after each wave at the end of each prompt.

    Prompts stand side by side, filled up behind their ends, where nothing is seen from an end.

    Shapes: for each prompt one observation a wave, with B = 1
    """
    parts = (prompts[at : at + TOGETHER] for at in range(0, len(prompts), TOGETHER))
    return [seen for part in parts for seen in _observations(lm, tokenizer, part)]


def _observations(
    lm: TarsLM, tokenizer: Tokenizer, prompts: Sequence[str]
) -> list[list[Observation]]:
    place = lm.embed.weight.device
    coded = [torch.tensor(tokenizer.encode(f"{each}\n", bos=True)) for each in prompts]
    ids = nn.utils.rnn.pad_sequence(coded, batch_first=True).to(place)
    ends = torch.tensor([len(each) - 1 for each in coded], device=place)
    every, run = torch.arange(len(coded), device=place), Run(lm, ids)
    waves = []
    for _ in range(lm.config.waves.count):
        before = run.thought.x[every, ends]
        thought = run.wave()
        step = relative_step(before, thought.x[every, ends])
        logits = lm.logits(thought)[every, ends]
        waves.append(Observation(step, thought.mean[every, ends], logits))
    return [
        [Observation(*(x[at : at + 1] for x in wave)) for wave in waves] for at in range(len(coded))
    ]


def exact(lm: TarsLM, tokenizer: Tokenizer, asked: Sequence[Problem]) -> list[float]:
    """The share of problems answered as the generator does, byte for byte, after each wave."""
    return flawless(lm, worked(tokenizer, asked)).double().mean(1).tolist()


def accuracy(asked: Sequence[Problem], given: Iterable[Reply]) -> dict[str, float]:
    """The share of right answers, 0..1: of each family, and of "all"."""
    right: dict[str, list[bool]] = defaultdict(list)
    for problem, reply in zip(asked, given, strict=True):
        right[problem.family].append(check(problem, reply.text))
    scores = {name: sum(found) / len(found) for name, found in sorted(right.items())}
    every = [each for found in right.values() for each in found]
    return scores | {"all": sum(every) / len(every)}


def held_out(
    count: int, families: Mapping[str, float] | None = None, seed: int = 1
) -> list[Problem]:
    """Problems whose content training never shows.

    >>> len(held_out(5))
    5
    """
    return list(problems(seed, count, "held_out", families))
