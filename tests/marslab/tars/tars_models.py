"""Small TARS models for the tests: each part on and off, in float64."""

from typing import Any

import torch
from torch import Tensor

from marslab.config import override
from marslab.systems.tars.config import TarsConfig
from marslab.systems.tars.lm import TarsLM

SMALL: dict[str, Any] = {
    "d_model": 16,
    "block.core.heads": 2,
    "block.core.d_state": 4,
    "block.omega.n": 4,
    "block.omega.codes": 8,
    "block.omega.code_dim": 4,
    "block.mole.rank": 2,
    "waves.count": 3,
    "thought.memory_dim": 8,
    "idme.blocks": 6,
    "idme.rank": 2,
    "draft.hidden": 16,
}
VARIANTS: dict[str, dict[str, Any]] = {
    "all parts": {},
    "ssd alone": {"block.core.fusion": "ssd"},
    "wkv alone": {"block.core.fusion": "wkv"},
    "recurrent omega": {"block.omega.recurrent": True},
    "own parts in each block": {"block.omega.shared": False, "block.injection.shared": False},
    "static memory": {"block.injection.mode": "static"},
    "tied waves": {"waves.tied": True},
    "in sequence": {"waves.layout": "sequence"},
    "bare": {
        "block.omega.enabled": False,
        "block.mole.enabled": False,
        "block.novelty.enabled": False,
        "block.injection.mode": "none",
        "thought.spine": False,
        "thought.chain": False,
        "idme.enabled": False,
        "draft.enabled": False,
    },
    "without a core": {"block.core.enabled": False},
    "utf-8": {"tokenizer": "utf8"},
}


def small(**changes: Any) -> TarsLM:
    """A model in float64, in eval mode, with experts that do something."""
    lm = TarsLM(override(TarsConfig(), SMALL | changes)).double().eval()
    with torch.no_grad():
        for name, x in lm.named_parameters():
            if name.endswith("experts.up.weight") or not x.any():
                x.normal_(std=0.1)
    return lm


def bytes_of(rows: int = 2, length: int = 13, seed: int = 0) -> Tensor:
    return torch.randint(256, (rows, length), generator=torch.Generator().manual_seed(seed))
