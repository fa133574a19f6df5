"""Known wrong answers to the exercises of notebook 34, and what whoever gives one is told."""

import torch
from torch import Tensor

from marslab.lab.course.registry import Wrong


def missed(x: Tensor, y: Tensor) -> float:
    """What the best straight line along x leaves over of y: the sum of squares."""
    dx, dy = x - x.mean(), y - y.mean()
    return (dy - (dx * dy).sum() / dx.square().sum() * dx).square().sum().item()


def _slope(x: Tensor, y: Tensor) -> float:
    dx, dy = x - x.mean(), y - y.mean()
    return ((dx * dy).sum() / dx.square().sum()).item()


def _t(f: Tensor, start: int = 1) -> Tensor:
    return torch.arange(start, start + len(f), dtype=f.dtype)


def _through_origin(x: Tensor, y: Tensor) -> float:
    return ((x * y).sum() / x.square().sum()).item()


def _missed_from_origin(x: Tensor, y: Tensor) -> float:
    return (y - _through_origin(x, y) * x).square().sum().item()


def _ends(f: Tensor, start: int) -> float:
    x, y = _t(f, start).log(), f.log()
    return -((y[-1] - y[0]) / (x[-1] - x[0])).item()


def _mixed(f: Tensor, start: int) -> float:
    x, y = _t(f, start).log(), f.log()
    return -(((x - x.mean()) * (y - y.mean())).mean() / x.var()).item()


def _explained(x: Tensor, y: Tensor) -> float:
    return 1 - missed(x, y) / (y - y.mean()).square().sum().item()


EXPONENT = (
    Wrong(
        "time begins with the window",
        lambda f, start: -_slope(_t(f).log(), f.log()),
        "when t is counted from the window: a step keeps the time that it had in its thought (T9).",
    ),
    Wrong(
        "the slope itself",
        lambda f, start: _slope(_t(f, start).log(), f.log()),
        "when the sign is forgotten: the line falls, and p is minus its slope.",
    ),
    Wrong(
        "along t",
        lambda f, start: -_slope(_t(f, start), f.log()),
        "when ln f is drawn along t: a power law is straight along ln t.",
    ),
    Wrong(
        "through the origin",
        lambda f, start: -_through_origin(_t(f, start).log(), f.log()),
        "when the line must pass through the origin: C is free, so take the means away first.",
    ),
    Wrong(
        "first and last",
        _ends,
        "when the line joins the first and the last step: all of them count.",
    ),
    Wrong(
        "two kinds of mean",
        _mixed,
        "when the covariance is divided by n and the variance by n - 1: the same for both.",
    ),
)

REST = (
    Wrong(
        "the way behind",
        lambda p, n: (1 - n ** (1 - p)) / (p - 1),
        "for the way from 1 to n: that is behind it. What is left goes from n to infinity.",
    ),
    Wrong(
        "the whole way",
        lambda p, n: 1 / (p - 1),
        "for the whole way, from time 1: begin at n.",
    ),
    Wrong(
        "the next step",
        lambda p, n: n**-p,
        "for one single step, the one at time n: add up all the later ones.",
    ),
    Wrong(
        "a negative way",
        lambda p, n: n ** (1 - p) / (p - 1) if p != 1 else float("inf"),
        "when the upper end is taken for 0 whatever p is: below 1 it grows without bound.",
    ),
)

MISSES = (
    Wrong(
        "the other order",
        lambda f: (missed(_t(f), f.log()), missed(_t(f).log(), f.log())),
        "when the two are swapped: the power of t comes first.",
    ),
    Wrong(
        "steps in place of logarithms",
        lambda f: (missed(_t(f).log(), f), missed(_t(f), f)),
        "when the lines go through f itself: both laws are straight in ln f.",
    ),
    Wrong(
        "a mean",
        lambda f: tuple(missed(x, f.log()) / len(f) for x in (_t(f).log(), _t(f))),
        "when the squares are averaged: add them up.",
    ),
    Wrong(
        "through the origin",
        lambda f: tuple(_missed_from_origin(x, f.log()) for x in (_t(f).log(), _t(f))),
        "when the lines must pass through the origin: C and c are free, so each has an intercept.",
    ),
    Wrong(
        "the share explained",
        lambda f: tuple(_explained(x, f.log()) for x in (_t(f).log(), _t(f))),
        "for R2, the share that a law explains: what it leaves over is asked for.",
    ),
)
