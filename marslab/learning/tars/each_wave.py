"""What a TARS would have answered after each of its waves, in one pass over worked answers."""

from collections.abc import Sequence

import torch
from torch import Tensor

from marslab.systems.tars.lm import TarsLM
from marslab.systems.tars.objective import all_right, pooled, starts_of
from marslab.systems.tars.thought import Run
from marslab.tasks.corpus import Packed, Tokenizer, encode_example, row_of
from marslab.tasks.reasoning import Problem

TOGETHER = 256  # rows that the model reads side by side


def worked(tokenizer: Tokenizer, asked: Sequence[Problem]) -> Packed:
    """Problems with their worked answers, one in each row, as long as the longest of them.

    Shapes (B problems, L length):
        ids, targets: [B, L] int64; the answer and its end are the targets, all else is -100

    >>> from marslab.tasks.reasoning import problems
    >>> from marslab.text import Cp1251Tokenizer
    >>> rows = worked(Cp1251Tokenizer(), list(problems(0, 3, families=["add"])))
    >>> rows.ids.shape == rows.targets.shape, len(rows.ids)
    (True, 3)
    """
    coded = [encode_example(tokenizer, each.prompt, each.answer_text) for each in asked]
    longest = max(len(each.ids) for each in coded)
    rows = [row_of([each], longest, tokenizer.pad) for each in coded]
    return Packed(torch.tensor([ids for ids, _ in rows]), torch.tensor([goal for _, goal in rows]))


@torch.no_grad()
def flawless(lm: TarsLM, rows: Packed) -> Tensor:
    """Whether each answer would come out byte by byte, if the thought ended after each wave.

    The likeliest byte is compared at each position of the worked answer. So this is what greedy
    decoding gives, asked at all depths at once; another way to the right result counts as wrong.

    Shapes (W waves, B rows):
        returns: bool [W, B]

    >>> from marslab.systems.tars.config import TarsConfig
    >>> from marslab.tasks.corpus import IGNORED
    >>> lm = TarsLM(TarsConfig(d_model=32)).eval()
    >>> flawless(lm, Packed(torch.zeros(2, 5).long(), torch.full((2, 5), IGNORED))).all().item()
    True
    """
    parts = zip(rows.ids.split(TOGETHER), rows.targets.split(TOGETHER), strict=True)
    return torch.cat([_flawless(lm, ids, targets) for ids, targets in parts], 1)


@torch.no_grad()
def flawless_pooled(lm: TarsLM, rows: Packed, rounds: int) -> Tensor:
    """The same behind all waves and `rounds` of the matrix pool, unrolled as in the training.

    Shapes (B rows):
        returns: bool [B]

    >>> from marslab.systems.tars.config import TarsConfig
    >>> from marslab.tasks.corpus import IGNORED
    >>> lm = TarsLM(TarsConfig(d_model=32)).eval()
    >>> rows = Packed(torch.zeros(2, 5).long(), torch.full((2, 5), IGNORED))
    >>> flawless_pooled(lm, rows, rounds=2).tolist()
    [True, True]
    """
    place, found = lm.embed.weight.device, []
    for ids, targets in zip(rows.ids.split(TOGETHER), rows.targets.split(TOGETHER), strict=True):
        run, goal = Run(lm, ids.to(place)), targets.to(place)
        for _ in range(lm.config.waves.count):
            run.wave()
        logits, _ = pooled(lm, run.thought, starts_of(goal), rounds)
        found.append(all_right(logits, goal))
    return torch.cat(found)


def _flawless(lm: TarsLM, ids: Tensor, targets: Tensor) -> Tensor:
    place = lm.embed.weight.device
    goal, run, found = targets.to(place), Run(lm, ids.to(place)), []
    for _ in range(lm.config.waves.count):
        found.append(all_right(lm.logits(run.wave()), goal))
    return torch.stack(found)
