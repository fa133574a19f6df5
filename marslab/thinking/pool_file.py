"""A pool on disk, and the pools of several instances made into one."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from os import PathLike, fspath
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor

from marslab import checkpoint
from marslab.config import from_json
from marslab.errors import UserError

if TYPE_CHECKING:
    from marslab.thinking.pool import MatrixPool, PoolConfig

SYSTEM = "idme-pool"
Pool = TypeVar("Pool", bound="MatrixPool")


def save(path: str | PathLike[str], pool: "MatrixPool", blocks: int) -> None:
    """Write a pool as a checkpoint whose config says how many blocks it has by now.

    Errors:
        OSError: the file cannot be written; the old one is untouched
    """
    config = replace(pool.config, blocks=blocks)
    checkpoint.save(path, pool, system=SYSTEM, preset="", config=config, extra={})


def load(
    path: str | PathLike[str], make: "Callable[[PoolConfig], Pool]", config: "type[PoolConfig]"
) -> Pool:
    """Read a pool; nothing in the file is ever executed.

    Errors:
        UserError: no such file, not a pool, or damaged
    """
    header = checkpoint.read_header(path)
    if header.get("system") != SYSTEM:
        raise UserError(f"{fspath(path)} holds {header.get('system')!r}, not a pool of IDME")
    try:
        sizes = from_json(config, json.dumps(header["config"]))
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{fspath(path)} is damaged: its config cannot be read: {error}") from error
    with torch.random.fork_rng(devices=[]):
        pool = make(sizes)
    checkpoint.load_into(path, pool)
    return pool


@torch.no_grad()
def merge(pools: "Sequence[MatrixPool]") -> "MatrixPool":
    """Return a new pool: federated recirculation of what several instances have learned.

    Blocks of one identity become their mean, weighted by efficiency (alike where none has any),
    with the mean of their efficiencies; a block that only one pool has is taken as it is. Merging
    a pool with itself changes nothing.

    Errors:
        ValueError: no pool
        UserError: pools of different sizes or tasks

    Source:
        design, conclusion, outlook 5 (federated recirculation), which leaves the rule open

    >>> from marslab.thinking.pool import MatrixPool, PoolConfig
    >>> mine, theirs = (MatrixPool(PoolConfig(d_model=4, blocks=2, rank=1)) for _ in range(2))
    >>> len(merge([mine, mine])), len(merge([mine, theirs]))
    (2, 4)
    """
    if not pools:
        raise ValueError("merge needs one pool at least, got none")
    kinds = {_kind(pool.config) for pool in pools}
    if len(kinds) > 1:
        raise UserError(
            "only pools of one width, rank and list of tasks can be merged, got "
            + " and ".join(str(kind) for kind in sorted(kinds, key=str))
        )
    places: dict[int, list[tuple[int, int]]] = {}
    for at, pool in enumerate(pools):
        for block, identity in enumerate(pool.identity.tolist()):
            places.setdefault(identity, []).append((at, block))
    blocks = [[(pools[at], block) for at, block in found] for found in places.values()]
    limit = max(len(blocks), *(pool.config.max_blocks for pool in pools))
    made = type(pools[0])
    with torch.random.fork_rng(devices=[]):
        merged = made(replace(pools[0].config, blocks=len(blocks), max_blocks=limit))
    merged.to(pools[0].domain)
    for name, x in merged.weights().items():
        x.copy_(torch.stack([_mean(found, name) for found in blocks]))
    for name in ("efficiency", "task", "identity"):
        rows = [[getattr(pool, name)[block] for pool, block in found] for found in blocks]
        whole = [torch.stack(row).mean() if name == "efficiency" else row[0] for row in rows]
        getattr(merged, name).copy_(torch.stack(whole))
    return merged


def _kind(config: "PoolConfig") -> tuple[int, int | None, tuple[str, ...]]:
    return config.d_model, config.rank, tuple(config.tasks)


def _mean(found: "list[tuple[MatrixPool, int]]", name: str) -> Tensor:
    """The weight `name` of one block in several pools, weighted by its efficiency there."""
    own = torch.stack([getattr(pool, name)[block] for pool, block in found])
    earned = torch.stack([pool.efficiency[block] for pool, block in found]).clamp_min(0)
    share = earned / earned.sum() if earned.sum() > 0 else torch.full_like(earned, 1 / len(found))
    return torch.einsum("n,n...->...", share.to(own), own)
