"""The trained TARS that ship, for every view that lets one think."""

from functools import lru_cache

from marslab.config import read_preset
from marslab.systems.registry import load, models
from marslab.systems.tars.system import Tars


def names() -> list[str]:
    """The shipped models that can be asked, the largest first.

    >>> "tars-nano" in names()
    True
    """
    shipped = [record for record in models() if record.system == "tars"]
    return [record.name for record in sorted(shipped, key=lambda one: -one.parameters)]


@lru_cache(maxsize=2)
def tars(name: str) -> Tars:
    """The model, read once for all pages: whoever uses it must not change it.

    Errors:
        UserError: no such model, or its file is damaged
    """
    model = load(name)
    assert isinstance(model, Tars)
    return model.requires_grad_(False)


def families(name: str) -> dict[str, float] | None:
    """The problems that the model was trained on, with their weights; None means all of them.

    >>> families("tars-nano")
    {'add': 1.0, 'sub': 1.0}
    """
    return read_preset(name).get("training", {}).get("data", {}).get("families") or None
