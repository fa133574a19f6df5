"""A Titans that lives with a store: it learns what the store learns, and outlives the process."""

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from marslab import files, home
from marslab.memory.fast_weights import TitansState
from marslab.memory.projection import Projection
from marslab.memory.store import Store
from marslab.memory.titans import Titans
from marslab.tracing import emit

KIND = "memory-titans"
# What a killed process had not saved is learned again from the store, but no more than this.
REPLAY = 256
FIELDS = ("up", "down", "up_momentum", "down_momentum")


class LivingTitans:
    """The fast weights of one Titans for one store, in a file beside it.

    Missing, damaged, or of another Titans or of other vectors: it starts fresh. Records that it
    has not seen (a killed process, another one) are learned before it is used, the newest
    REPLAY of them.
    """

    def __init__(self, titans: Titans, projection: Projection, path: Path | None) -> None:
        self.titans, self.projection, self.path = titans, projection, path
        self.state = titans.fresh()
        self._generation, self._last, self._changed = "", 0, False

    def follow(self, store: Store) -> None:
        """Learn what the store got since the last call."""
        version = store.version()
        if version.generation != self._generation:
            self._generation, self._last, self.state = version.generation, 0, self.titans.fresh()
            self._load(version.last_id)
        if version.last_id == self._last:
            return
        for _, rows in store.vectors(after=max(self._last, version.last_id - REPLAY)):
            for row in torch.tensor(rows):
                self.learn(self.projection.down(row))
        self._last = version.last_id

    @torch.no_grad()
    def learn(self, item: Tensor) -> bool:
        """Write one item [M] if it is surprising; whether it was."""
        surprise = self.titans.surprise(item, self.state)
        written = bool(surprise > self.titans.threshold)
        if written:
            self.state, _ = self.titans.write(item, self.state)
            self._changed = True
        emit("titans_learn", surprise=surprise, written=written)
        return written

    def reset(self) -> None:
        """Forget the fast weights; records that are in the store already are not learned again."""
        self.state, self._changed = self.titans.fresh(), True

    def save(self) -> None:
        """Write the fast weights beside the store, if they changed."""
        if self.path is None or not self._changed:
            return
        tensors = {name: getattr(self.state, name).detach().contiguous() for name in FIELDS}
        about: dict[str, Any] = home.stamp(KIND) | {
            "generation": self._generation,
            "last": self._last,
            "writes": self.state.writes,
            "titans": self._fingerprint(),
        }
        data = save(tensors)
        about["sha256"] = hashlib.sha256(data).hexdigest()
        files.write_bytes(self.path, json.dumps(about).encode() + b"\n" + data)
        self._changed = False

    def _load(self, last_id: int) -> None:
        if self.path is None or not self.path.is_file():
            return
        line, _, data = self.path.read_bytes().partition(b"\n")
        try:
            about = json.loads(line)
            home.check(KIND, about, self.path)
            mine = [self._generation, self._fingerprint(), hashlib.sha256(data).hexdigest()]
            if [about[name] for name in ("generation", "titans", "sha256")] != mine:
                return
            last, writes, tensors = int(about["last"]), int(about["writes"]), load(data)
        except (ValueError, KeyError, TypeError, RecursionError, SafetensorError):
            return
        if last <= last_id:
            self._last = last
            self.state = TitansState(*(tensors[name] for name in FIELDS), writes=writes)

    def _fingerprint(self) -> str:
        """Changes with anything that fast weights of another Titans would not fit."""
        digest = hashlib.sha256(repr(self.titans.config).encode())
        for name, value in self.titans.named_parameters():
            if not name.startswith("brain_proj"):
                digest.update(name.encode() + value.detach().float().cpu().numpy().tobytes())
        return digest.hexdigest()
