"""Known wrong answers to the exercises of notebook 04, and what whoever gives one is told."""

import torch
from torch import Tensor

from marslab.lab.course.registry import Wrong

ADDED = "That is its old answer and the new one together: first take away what it answers already."
INNOCENT = "A key at right angles to k answers something else now: only what k answers may change."

WRITE = (
    Wrong("adding", lambda S, k, v, rate: S + rate * torch.outer(v, k), ADDED),
    Wrong(
        "everything fades",
        lambda S, k, v, rate: (1 - rate) * S + rate * torch.outer(v, k),
        INNOCENT,
    ),
    Wrong(
        "the wrong way round",
        lambda S, k, v, rate: S + rate * torch.outer(S @ k - v, k),
        "with S k - v in place of v - S k: the error grows.",
    ),
    Wrong(
        "transposed",
        lambda S, k, v, rate: S + rate * torch.outer(k, v - S @ k),
        "when key and value are exchanged: S has a row for each number of the value.",
    ),
    Wrong(
        "rate on the value only",
        lambda S, k, v, rate: S + torch.outer(rate * v - S @ k, k),
        "when the rate weighs v alone: it is the whole difference that goes in at that rate.",
    ),
    Wrong(
        "rate forgotten",
        lambda S, k, v, rate: S + torch.outer(v - S @ k, k),
        "without the rate: it goes all the way at once.",
    ),
)


def _step(S: Tensor, stays: Tensor, asked: Tensor, b: Tensor, written: Tensor) -> Tensor:
    return S * stays + torch.outer(asked, b) + written


STEP = (
    Wrong(
        "asked after the decay",
        lambda S, w, k, v, a, b: _step(S, w.exp(), (S * w.exp()) @ a, b, torch.outer(v, k)),
        "when a asks the faded memory: it asks the one before the step.",
    ),
    Wrong(
        "asked after the write",
        lambda S, w, k, v, a, b: _step(
            S, w.exp(), (S + torch.outer(v, k)) @ a, b, torch.outer(v, k)
        ),
        "when a asks the memory that holds the new pair already: ask first, then write.",
    ),
    Wrong(
        "growing",
        lambda S, w, k, v, a, b: _step(S, (-w).exp(), S @ a, b, torch.outer(v, k)),
        "with exp(-w): w is at most 0, so the memory would grow.",
    ),
    Wrong(
        "log as decay",
        lambda S, w, k, v, a, b: _step(S, w, S @ a, b, torch.outer(v, k)),
        "with w as the decay itself: it is its log, and 0 keeps everything.",
    ),
    Wrong(
        "nothing taken away",
        lambda S, w, k, v, a, b: _step(S, w.exp(), S @ a, 0 * b, torch.outer(v, k)),
        "without (S a) b^T: that is the eraser.",
    ),
    Wrong(
        "a and b exchanged",
        lambda S, w, k, v, a, b: _step(S, w.exp(), S @ b, a, torch.outer(v, k)),
        "when a and b are exchanged: a asks, b says where the answer goes.",
    ),
    Wrong(
        "values fade",
        lambda S, w, k, v, a, b: _step(S, w.exp()[:, None], S @ a, b, torch.outer(v, k)),
        "when rows fade in place of columns: w belongs to the numbers of the key.",
    ),
)

JOIN = (
    Wrong(
        "second step first",
        lambda G1, U1, G2, U2: (G2 @ G1, U1 @ G2 + U2),
        "when G2 stands left of G1: S meets G1 first, and matrices do not change places.",
    ),
    Wrong(
        "wrong order of both",
        lambda G1, U1, G2, U2: (G2 @ G1, U2 @ G1 + U1),
        "when the second step is done first: what U1 wrote still passes through step 2.",
    ),
    Wrong(
        "nothing passes through",
        lambda G1, U1, G2, U2: (G1 @ G2, U1 + U2),
        "when U1 does not pass through G2: the second step fades and erases what U1 wrote.",
    ),
    Wrong(
        "entry by entry",
        lambda G1, U1, G2, U2: (G1 * G2, U1 @ G2 + U2),
        "when the matrices are multiplied entry by entry: two in a row are their product, @.",
    ),
    Wrong(
        "from the left",
        lambda G1, U1, G2, U2: (G1 @ G2, G2 @ U1 + U2),
        "shapes cannot be multiplied",
    ),
)
