"""All training examples of TARS in one table of bytes, and batches drawn from it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from typing import NamedTuple

import torch
from torch import Tensor

from marslab import files
from marslab.errors import UserError
from marslab.learning.language.plan import Phase
from marslab.learning.language.schedule import step_seed
from marslab.learning.language.source import Batch
from marslab.systems.tars.reflex import TASK_TYPES
from marslab.tasks.corpus import IGNORED

RETRIEVED = 96  # bytes of a retrieved text that are kept


class Entry(NamedTuple):
    """One example: ids with begin and end, where the answer starts, what it belongs to.

    `fact` is the number of the text that retrieval would find for it, or -1.
    """

    ids: Sequence[int]
    start: int
    part: str
    task: str
    fact: int = -1


@dataclass(frozen=True)
class ExampleTable:
    """Examples as columns of tensors.

    Shapes (N examples, W widest, F facts, R retrieved bytes, M memory width):
        ids: uint8 [N, W], 0 fills up; start, size: int64 [N]
        part, task, fact: int64 [N], numbers of names, fact -1 for none
        facts: uint8 [F, R]; memory: [F, M], what the hub makes of each fact
    """

    parts: tuple[str, ...]
    ids: Tensor
    start: Tensor
    size: Tensor
    part: Tensor
    task: Tensor
    fact: Tensor
    facts: Tensor
    memory: Tensor

    def __len__(self) -> int:
        return len(self.ids)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the table to one file, atomically."""
        from safetensors.torch import save

        columns = {name: getattr(self, name).contiguous() for name in COLUMNS}
        files.write_bytes(path, save(columns, {"parts": " ".join(self.parts)}))

    @staticmethod
    def load(path: str | PathLike[str]) -> "ExampleTable":
        """Read what `save` wrote.

        Errors:
            UserError: no such file, or damaged
        """
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(fspath(path), "pt") as file:
                parts = tuple((file.metadata() or {})["parts"].split())
                return ExampleTable(parts, **{name: file.get_tensor(name) for name in COLUMNS})
        except FileNotFoundError as error:
            raise UserError(f"there is no table of examples at {fspath(path)}") from error
        except (SafetensorError, KeyError, OSError) as error:
            raise UserError(f"{fspath(path)} is damaged: {error}") from error


COLUMNS = ("ids", "start", "size", "part", "task", "fact", "facts", "memory")


def table_of(entries: Iterable[Entry], facts: Sequence[bytes], memory: Tensor) -> ExampleTable:
    """Put examples into a table; the names of the parts are those that occur, in their order.

    Errors:
        ValueError: there is no example, or ids that one byte does not hold

    >>> table = table_of([Entry([2, 50, 10, 52, 3], 3, "add", "math")], [], torch.zeros(0, 4))
    >>> table.ids.tolist(), table.parts
    ([[2, 50, 10, 52, 3]], ('add',))
    """
    kept = list(entries)
    if not kept:
        raise ValueError("table_of: there is no example")
    if any(max(entry.ids) > 255 for entry in kept):
        raise ValueError("table_of: ids must be bytes; only the CP1251 tokenizer gives such")
    ids = torch.zeros(len(kept), max(len(entry.ids) for entry in kept), dtype=torch.uint8)
    for row, entry in zip(ids, kept, strict=True):
        row[: len(entry.ids)] = torch.tensor(entry.ids, dtype=torch.uint8)
    parts = tuple(dict.fromkeys(entry.part for entry in kept))
    number = {name: at for at, name in enumerate(parts)}
    texts = torch.zeros(len(facts), RETRIEVED, dtype=torch.uint8)
    for row, text in zip(texts, facts, strict=True):
        row[: len(text)] = torch.tensor(list(text[:RETRIEVED]), dtype=torch.uint8)
    columns = [
        [entry.start for entry in kept],
        [len(entry.ids) for entry in kept],
        [number[entry.part] for entry in kept],
        [TASK_TYPES.index(entry.task) for entry in kept],
        [entry.fact for entry in kept],
    ]
    start, size, part, task, fact = (torch.tensor(column) for column in columns)
    return ExampleTable(parts, ids, start, size, part, task, fact, texts, memory)


class TableSource:
    """Batches of a table: each row is one example, drawn by `phase.mixture` and by what fits.

    A batch is a function of seed and step alone. Only the bytes of the answer are learned. Beside
    them stands the task type. In the phases of `facts_in`, about half of the rows that have a fact
    also get its bytes and its place in the memory; the others get zeros there.

    Errors:
        ValueError: the mixture names no part of the table, or nothing fits into a row

    >>> table = table_of([Entry([2, 50, 10, 52, 3], 3, "add", "math")], [], torch.zeros(0, 4))
    >>> batch = TableSource(table).batch(0, 0, 6, 2, Phase("one", 1, 1e-3))
    >>> batch.targets.tolist()[0]
    [-100, -100, 52, 3, -100, -100]
    """

    def __init__(self, table: ExampleTable, *, facts_in: Sequence[str] = ()) -> None:
        self.table, self.facts_in = table, facts_in
        # Examples of each part from the shortest on: those that fit into a row come first.
        order = torch.argsort(table.size, stable=True)
        self._of = [order[table.part[order] == at] for at in range(len(table.parts))]

    def batch(self, seed: int, step: int, length: int, rows: int, phase: Phase) -> Batch:
        """The batch of one step."""
        draw = torch.Generator().manual_seed(step_seed(seed, step))
        chosen = self._chosen(length, rows, phase, draw)
        table = self.table
        whole = torch.zeros(rows, length + 1, dtype=torch.int64)
        width = min(length + 1, table.ids.shape[1])
        whole[:, :width] = table.ids[chosen, :width].long()
        at = torch.arange(1, length + 1)
        start, size = table.start[chosen, None], table.size[chosen, None]
        targets = whole[:, 1:].masked_fill((at < start) | (at >= size), IGNORED)
        return Batch(whole[:, :-1], targets, self._beside(chosen, draw, phase))

    def _chosen(self, length: int, rows: int, phase: Phase, draw: torch.Generator) -> Tensor:
        """Numbers of the examples [rows]."""
        table = self.table
        fit = [int(torch.searchsorted(table.size[own], length + 1, right=True)) for own in self._of]
        sizes = dict(zip(table.parts, map(float, fit), strict=True))
        mixture = phase.mixture or sizes
        unknown = mixture.keys() - set(table.parts)
        if unknown:
            raise ValueError(
                f"phase {phase.name!r}: the table has no part {min(unknown)!r}, only "
                f"{', '.join(table.parts)}"
            )
        odds = torch.tensor([mixture.get(name, 0.0) * (n > 0) for name, n in sizes.items()])
        if not odds.sum() > 0:
            raise ValueError(f"phase {phase.name!r}: no example fits into {length} bytes")
        part = torch.multinomial(odds, rows, True, generator=draw)
        place = torch.rand(rows, generator=draw, dtype=torch.float64)
        within = (place * torch.tensor(fit)[part]).long()
        chosen = torch.empty(rows, dtype=torch.int64)
        for at in part.unique().tolist():
            mine = part == at
            chosen[mine] = self._of[at][within[mine]]
        return chosen

    def _beside(self, chosen: Tensor, draw: torch.Generator, phase: Phase) -> dict[str, Tensor]:
        table = self.table
        beside = {"task": table.task[chosen]}
        if phase.name not in self.facts_in or not len(table.facts):
            return beside
        fact = table.fact[chosen]
        shown = (fact >= 0) & (torch.rand(len(fact), generator=draw) < 0.5)
        given = table.facts[fact.clamp(min=0)].long() * shown[:, None]
        memory = table.memory[fact.clamp(min=0)] * shown[:, None]
        return beside | {"rag_ids": given, "rag_mask": given != 0, "memory": memory}
