"""The state of a TARS model between two steps: everything that the past left behind."""

import json
from os import PathLike, fspath
from types import NoneType, UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints

import torch
from torch import Tensor

from marslab import files, home
from marslab.errors import UserError
from marslab.systems.tars.wave import WaveState

KEY = "marslab"


class TarsState(NamedTuple):
    """What `prefill` returns and `step` takes; nothing in it is ever changed in place.

    `depth` waves run at each step: those whose state stands in `waves`.

    Shapes (B batch, D width, M memory width, V vocabulary):
        logits: [B, V] float32, for the byte that comes next
        hidden: [B, D], the last step before the head
        embed_mean: [B, D], running mean of the embeddings
        memory: [B, M], what was known before the first wave; None in the language model alone
        hints: for each wave [B, M] that enters the memory after it, or None
        steer: [B, D], what the matrix pool adds before the head, or None
    """

    position: int
    depth: int
    logits: Tensor
    hidden: Tensor
    embed_mean: Tensor
    waves: tuple[WaveState, ...]
    memory: Tensor | None = None
    hints: tuple[Tensor | None, ...] = ()
    steer: Tensor | None = None

    @property
    def bytes(self) -> int:
        """Size of all tensors; the same however many steps went by."""
        return sum(x.numel() * x.element_size() for x in tensors_of(self).values())

    def save(self, path: str | PathLike[str], *, model: str) -> None:
        """Write the state to one file, atomically; `model` says whose it is."""
        from safetensors.torch import save

        told = home.stamp("tars-state") | {
            "model": model,
            "position": self.position,
            "depth": self.depth,
            "waves": len(self.waves),
        }
        tensors = {name: x.detach().cpu().contiguous() for name, x in tensors_of(self).items()}
        files.write_bytes(path, save(tensors, {KEY: json.dumps(told)}))

    @staticmethod
    def load(path: str | PathLike[str], *, model: str) -> "TarsState":
        """Read what `save` wrote.

        Errors:
            UserError: no such file, damaged, or the state of another model
        """
        told, tensors = _read(path)
        if told.get("model") != model:
            raise UserError(
                f"{fspath(path)} is the state of another model: make it again with this one"
            )
        counts = {"waves": told["waves"], "hints": told["waves"]}
        try:
            state = _rebuilt(TarsState, "", tensors, counts)
        except KeyError as error:
            raise UserError(f"{fspath(path)} is damaged: {error} is missing") from error
        return state._replace(position=told["position"], depth=told["depth"])


def tensors_of(state: Any, prefix: str = "") -> dict[str, Tensor]:
    """All tensors of nested tuples, by dotted name."""
    if isinstance(state, Tensor):
        return {prefix: state}
    if not isinstance(state, tuple):
        return {}
    names = getattr(state, "_fields", range(len(state)))
    found: dict[str, Tensor] = {}
    for name, value in zip(names, state, strict=True):
        found |= tensors_of(value, f"{prefix}.{name}".lstrip("."))
    return found


def mapped(function: Any, state: Any) -> Any:
    """The same nested tuples with `function` applied to every tensor."""
    if isinstance(state, Tensor):
        return function(state)
    if not isinstance(state, tuple):
        return state
    parts = [mapped(function, value) for value in state]
    return type(state)(*parts) if hasattr(state, "_fields") else tuple(parts)


def _read(path: str | PathLike[str]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(fspath(path), "pt") as file:
            told = json.loads((file.metadata() or {}).get(KEY, "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except FileNotFoundError as error:
        raise UserError(f"there is no state at {fspath(path)}") from error
    except (SafetensorError, ValueError, OSError) as error:
        raise UserError(f"{fspath(path)} is damaged: {error}") from error
    home.check("tars-state", told, path)
    return told, tensors


def _rebuilt(hint: Any, name: str, tensors: dict[str, Tensor], counts: dict[str, int]) -> Any:
    """The object of type `hint` whose tensors begin with `name`."""
    if hint is Tensor:
        return tensors[name]
    if get_origin(hint) in (Union, UnionType):
        inner = next(option for option in get_args(hint) if option is not NoneType)
        here = any(key == name or key.startswith(f"{name}.") for key in tensors)
        return _rebuilt(inner, name, tensors, counts) if here else None
    if get_origin(hint) is tuple:
        each = get_args(hint)[0]
        return tuple(
            _rebuilt(each, f"{name}.{at}", tensors, counts) for at in range(counts.get(name, 0))
        )
    if hasattr(hint, "_fields"):
        fields = get_type_hints(hint)
        return hint(
            **{
                field: _rebuilt(fields[field], f"{name}.{field}".lstrip("."), tensors, counts)
                for field in hint._fields
            }
        )
    return 0  # a number of TarsState, which the header holds


def same(one: Any, other: Any) -> bool:
    """Whether two states hold the same tensors, bit by bit."""
    a, b = tensors_of(one), tensors_of(other)
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)
