"""TARS's WKV memory: what overwriting does to it, and how many pairs a fixed state holds."""

import torch
import torch.nn.functional as F
from torch import Tensor

from marslab.kernels import wkv7
from marslab.lab.claims.outcome import Outcome

WIDTH = 64  # K and V of one head, RWKV-7's own
COUNTS = (16, 32, 64, 128, 256, 1024)
TRIALS = 8


def overwritten() -> Outcome:
    """Write a pair, write its key again with another value, ask: printed rule and RWKV-7's."""
    torch.manual_seed(0)
    key = F.normalize(torch.randn(TRIALS, 1, WIDTH, dtype=torch.float64), dim=-1).expand(-1, 2, -1)
    values = torch.randn(TRIALS, 2, WIDTH, dtype=torch.float64)
    adding = _read(_written(key, values, erase=False), key[:, :1])
    fading = _read(_written(key, values, erase=False, keep=0.9), key[:, :1])
    delta = _read(_written(key, values, erase=True), key[:, :1])
    figures = {
        "cosine_printed": _cosine(adding, values[:, 1:]),
        "cosine_printed_keeps_0.9": _cosine(fading, values[:, 1:]),
        "cosine_rwkv7": _cosine(delta, values[:, 1:]),
    }
    says = (
        "The printed line is RWKV-5's and 6's: it adds, so an overwritten key answers a mixture "
        f"(cosine {figures['cosine_printed']:.2f} with the new value). RWKV-7's rule takes away "
        f"what stood there first: {figures['cosine_rwkv7']:.2f}."
    )
    return Outcome(figures, says)


def held() -> Outcome:
    """Write n random pairs into one head, ask for all: the share answered nearest to its value."""
    torch.manual_seed(0)
    share = {n: _recall(n) for n in COUNTS}
    most = max((n for n, right in share.items() if right >= 0.99), default=0)
    figures = {
        "recall_of_1024": share[1024],
        "recall_of_64": share[64],
        "most_pairs_recalled": most,
        "state_numbers": WIDTH * WIDTH,
    }
    says = (
        f"The state never grows: {WIDTH} x {WIDTH} numbers. Of {most} pairs it recalls 99 % or "
        f"more, of 1,024 pairs {share[1024]:.0%}. Reading goes on for ever; remembering does not."
    )
    return Outcome(figures, says)


def _recall(n: int) -> float:
    keys = F.normalize(torch.randn(TRIALS, n, WIDTH), dim=-1)
    values = torch.randn(TRIALS, n, WIDTH)
    answers = F.normalize(_read(_written(keys, values, erase=True), keys), dim=-1)
    nearest = (answers @ F.normalize(values, dim=-1).mT).argmax(-1)
    return (nearest == torch.arange(n)).double().mean().item()


def _written(keys: Tensor, values: Tensor, *, erase: bool, keep: float = 1.0) -> Tensor:
    """The state [trials, V, K] after all pairs [trials, n, K], [trials, n, V], in one head."""
    k, v = keys[:, :, None], values[:, :, None]
    w = torch.full_like(k, keep).log()
    a, b = (-k, k) if erase else (torch.zeros_like(k), torch.zeros_like(k))
    _, state = wkv7(k, w, k, v, a, b, return_state=True)
    return state[:, 0]


def _read(state: Tensor, keys: Tensor) -> Tensor:
    return keys @ state.mT


def _cosine(answers: Tensor, values: Tensor) -> float:
    return F.cosine_similarity(answers, values, dim=-1).mean().item()
