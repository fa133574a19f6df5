"""Where batches come from."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from marslab.learning.language.plan import Phase
from marslab.learning.language.schedule import step_seed

INTEGERS = (torch.int64, torch.int64)


class Batch(NamedTuple):
    """What one step learns from; `beside` is handed to the model's `losses` by name.

    Shapes (B rows, L length):
        ids, targets: int64 [B, L]; a target of -100 is not learned
        beside: [B, ...] each
    """

    ids: Tensor
    targets: Tensor
    beside: Mapping[str, Tensor] = MappingProxyType({})

    def pieces(self, count: int) -> list["Batch"]:
        """The batch in `count` parts, row by row."""
        ids, targets = (x.tensor_split(count) for x in self[:2])
        beside = {name: x.tensor_split(count) for name, x in self.beside.items()}
        return [
            Batch(ids[at], targets[at], {name: parts[at] for name, parts in beside.items()})
            for at in range(count)
        ]


def checked(batch: Sequence[Any]) -> Batch:
    """The batch that a source gave, as (ids, targets) or with what stands beside them.

    Errors:
        ValueError: ids and targets are not two int64 of one shape [B, L]
    """
    found = Batch(*batch)
    ids, targets = found.ids, found.targets
    if ids.ndim != 2 or ids.shape != targets.shape or (ids.dtype, targets.dtype) != INTEGERS:
        raise ValueError(
            "a source must give ids and targets of one shape [B, L], both int64, got "
            f"{list(ids.shape)} {ids.dtype} and {list(targets.shape)} {targets.dtype}"
        )
    return found


class BatchSource(Protocol):
    """Gives the batch of a step as a pure function of its arguments: no cursor, no state.

    So a training can be resumed at any step, and several processes can share a batch.
    """

    def batch(
        self, seed: int, step: int, length: int, rows: int, phase: Phase
    ) -> Batch | tuple[Tensor, Tensor]:
        """Return ids and targets of one step of the whole training, and what stands beside them."""
        ...


class TokenSource:
    """Random windows of token sequences in memory, one sequence per part of the mixture.

    A row is `length` tokens from a random place, its targets the tokens that follow each. Which
    part a row comes from is drawn by `phase.mixture` ({} means by their sizes).

    Errors:
        ValueError: there is no part, a part is not a sequence of at least two int64, or the
            mixture names no part

    >>> source = TokenSource({"count": torch.arange(100)})
    >>> ids, targets = source.batch(0, 0, 4, 2, Phase("one", 10, 1e-3))
    >>> ids.shape, bool((targets == ids + 1).all())
    (torch.Size([2, 4]), True)
    """

    def __init__(self, parts: dict[str, Tensor]) -> None:
        if not parts:
            raise ValueError("TokenSource: parts must name at least one sequence of tokens")
        for name, tokens in parts.items():
            if tokens.ndim != 1 or tokens.dtype != torch.int64 or len(tokens) < 2:
                raise ValueError(
                    f"TokenSource: {name!r} must be at least two int64 in a row, got "
                    f"{list(tokens.shape)} {tokens.dtype}"
                )
        self.parts = parts

    def batch(
        self, seed: int, step: int, length: int, rows: int, phase: Phase
    ) -> tuple[Tensor, Tensor]:
        """Return `rows` windows; those of a part shorter than `length` + 1 are filled with -100."""
        draw = torch.Generator().manual_seed(step_seed(seed, step))
        chosen = _chosen(self.parts, phase, rows, draw)
        places = torch.rand(rows, generator=draw, dtype=torch.float64)
        ids = torch.zeros(rows, length, dtype=torch.int64)
        targets = torch.full_like(ids, -100)
        for row, (part, place) in enumerate(zip(chosen, places.tolist(), strict=True)):
            tokens = self.parts[part]
            size = min(length, len(tokens) - 1)
            start = int(place * (len(tokens) - size))
            ids[row, :size] = tokens[start : start + size]
            targets[row, :size] = tokens[start + 1 : start + size + 1]
        return ids, targets


class Corpus(Protocol):
    """A part of a mixture that knows its own walk, such as marslab.tasks' MappedCorpus."""

    def __len__(self) -> int: ...

    def batch(self, seed: int, step: int, length: int, rows: int) -> tuple[Tensor, Tensor]:
        """Return batch number `step` as ids and targets [B, L], a pure function of all four."""
        ...


class MixedSource:
    """Draws every row from one of several corpora, by `phase.mixture` ({} means by their sizes).

    Row r of step s is number s * rows + r of its corpus's own walk, so that a corpus that visits
    its windows once an epoch still shows none of them twice in a stretch of one length.

    Errors:
        ValueError: there is no part, or the mixture names no part

    >>> class Ones:
    ...     def __len__(self): return 9
    ...     def batch(self, seed, step, length, rows): return (torch.ones(rows, length).long(),) * 2
    >>> MixedSource({"ones": Ones()}).batch(0, 0, 4, 3, Phase("one", 10, 1e-3))[0].shape
    torch.Size([3, 4])
    """

    def __init__(self, parts: Mapping[str, Corpus]) -> None:
        if not parts:
            raise ValueError("MixedSource: parts must name at least one corpus")
        self.parts = parts

    def batch(
        self, seed: int, step: int, length: int, rows: int, phase: Phase
    ) -> tuple[Tensor, Tensor]:
        """Return `rows` rows, each of the corpus that was drawn for it."""
        draw = torch.Generator().manual_seed(step_seed(seed, step))
        found = [
            self.parts[part].batch(seed, step * rows + row, length, 1)
            for row, part in enumerate(_chosen(self.parts, phase, rows, draw))
        ]
        return torch.cat([ids for ids, _ in found]), torch.cat([targets for _, targets in found])


def _chosen(
    parts: Mapping[str, Tensor] | Mapping[str, Corpus],
    phase: Phase,
    rows: int,
    draw: torch.Generator,
) -> list[str]:
    """The part that each row comes from."""
    weights = [phase.mixture.get(name, 0.0) for name in parts]
    if not phase.mixture:
        weights = [float(len(part)) for part in parts.values()]
    elif not phase.mixture.keys() <= parts.keys() or min(weights) < 0 or not sum(weights) > 0:
        raise ValueError(
            f"phase {phase.name!r}: mixture must weigh some of {', '.join(parts)}, "
            f"got {phase.mixture}"
        )
    odds = torch.tensor(weights, dtype=torch.float64)
    names = list(parts)
    return [names[i] for i in torch.multinomial(odds, rows, True, generator=draw).tolist()]
