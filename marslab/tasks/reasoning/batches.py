"""Batches of problems, made while a model trains: each a pure function of seed and step."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from marslab.tasks.corpus import Example, Packed, Tokenizer, encode_example, row_of
from marslab.tasks.reasoning.mixture import LEVELS, Weights, problem_at
from marslab.tasks.reasoning.problem import Split

_NUMBERS_PER_ROW = 256  # a row takes problems from this many numbers of its own


@dataclass(frozen=True)
class ProblemBatches:
    """Rows of problems that `problem_at` numbers, so that a run resumes at any step.

    With `share` a row is filled with whole problems (see `marslab.tasks.corpus.pack` for what
    that means), else it holds one. Problems longer than a row are passed over.

    >>> from marslab.text import ByteTokenizer
    >>> source = ProblemBatches(ByteTokenizer(), families=["add"])
    >>> source.batch(seed=0, step=3, length=64, rows=2).ids.shape
    torch.Size([2, 64])
    """

    tokenizer: Tokenizer
    split: Split = "train"
    families: Weights = None
    levels: Sequence[int] = LEVELS
    share: bool = True
    learn_prompt: bool = False

    def batch(self, seed: int, step: int, length: int, rows: int) -> Packed:
        """Return the rows of one step.

        Shapes (B rows, L length):
            ids, targets: [B, L] int64; targets of -100 are not counted

        Errors:
            UserError: no such family, split or level
            ValueError: `rows` is below one, or no problem fits into a row of `length`
        """
        if rows < 1:
            raise ValueError(f"ProblemBatches.batch: rows must be >= 1, got {rows}")
        numbers = range(step * rows, (step + 1) * rows)
        made = [row_of(self._row(seed, n, length), length, self.tokenizer.pad) for n in numbers]
        return Packed(torch.tensor([r[0] for r in made]), torch.tensor([r[1] for r in made]))

    def _row(self, seed: int, number: int, length: int) -> list[Example]:
        row, room = [], length
        for index in range(number * _NUMBERS_PER_ROW, (number + 1) * _NUMBERS_PER_ROW):
            problem = problem_at(seed, index, self.split, self.families, levels=self.levels)
            example = encode_example(
                self.tokenizer,
                problem.prompt,
                problem.answer_text,
                learn_prompt=self.learn_prompt,
            )
            if len(example.ids) > room:
                if row:
                    break
                continue
            row.append(example)
            room -= len(example.ids)
            if not self.share:
                break
        if not row:
            raise ValueError(f"ProblemBatches.batch: no problem fits into a row of {length}")
        return row
