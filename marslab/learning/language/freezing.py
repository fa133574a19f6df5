"""Which parameters learn in a phase. The others do not move by a bit."""

from fnmatch import fnmatchcase

from torch import nn

from marslab.errors import UserError, nearest
from marslab.learning.language.plan import Phase


def trained(model: nn.Module, phase: Phase) -> set[str]:
    """Return the names of the parameters that `phase` trains, as `named_parameters` gives them.

    A tied parameter answers to all its names: to train or freeze one of them is to do so to all.

    Errors:
        UserError: a glob of the phase matches no parameter, or nothing is left to train

    >>> model = nn.ModuleDict({"ssd": nn.Linear(2, 2), "wkv": nn.Linear(2, 2, bias=False)})
    >>> sorted(trained(model, Phase("two", 10, 1e-4, freeze=("ssd.*",))))
    ['wkv.weight']
    """
    names: dict[int, list[str]] = {}
    for name, p in model.named_parameters(remove_duplicate=False):
        names.setdefault(id(p), []).append(name)
    known = [name for tied in names.values() for name in tied]
    for glob in (*phase.train, *phase.freeze):
        if not any(fnmatchcase(name, glob) for name in known):
            raise UserError(
                f"phase {phase.name!r}: no parameter is named like {glob!r}.{nearest(glob, known)}"
            )
    chosen = {
        tied[0]
        for tied in names.values()
        if _any(tied, phase.train) and not _any(tied, phase.freeze)
    }
    if not chosen:
        raise UserError(f"phase {phase.name!r} freezes everything: leave it something to train")
    return chosen


def _any(names: list[str], globs: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, glob) for name in names for glob in globs)
