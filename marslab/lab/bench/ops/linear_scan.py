"""`linear_scan`: beside torch.add, which moves as many bytes, and beside who else scans."""

from typing import Any

import torch
from torch import Tensor

from marslab.kernels import linear_scan
from marslab.kernels.linear_scan import work
from marslab.lab.bench.cases import BOTH, FORWARD, Case, Size, beside, on_h200
from marslab.lab.bench.forms import Form, laid
from marslab.lab.bench.ops import Op, drawn
from marslab.lab.bench.variants import Function, attribute, ours, peer, yardstick

DECAYS = (0.9, 0.999)  # logarithms exist for the peers that want them, states stay small
CONSTANT = sum(DECAYS) / 2
OWN = ("BLD", "BLD")
CHANNELS_FIRST = laid(OWN, ("BDL", "BDL"), "BDL")
LOG_DECAY = Form(
    lambda a, b: (a.float().log().to(a.dtype), b), lambda log_a, b: (log_a.exp(), b), OWN, "BLD"
)
ONE_DECAY = Form(lambda a, b: (torch.full_like(a, CONSTANT), b), operands=OWN, result="BLD")


def _torch_associative_scan() -> Function:
    from torch._higher_order_ops import associative_scan

    def combine(left, right):
        return left[0] * right[0], right[0] * left[1] + right[1]

    return lambda a, b: associative_scan(combine, (a, b), dim=1, combine_mode="generic")[1]


def _numpy_loop() -> Function:
    import numpy as np

    def scan(a: Tensor, b: Tensor) -> Tensor:
        decay, push = a.numpy(), b.numpy()
        out = np.empty_like(push)
        h = np.zeros_like(push[:, 0])
        for t in range(push.shape[1]):
            h = decay[:, t] * h + push[:, t]
            out[:, t] = h
        return torch.from_numpy(out)

    return scan


def _lfilter() -> Function:
    from scipy import signal

    def scan(a: Tensor, b: Tensor) -> Tensor:
        push = b.numpy()
        numerator = push.dtype.type([1.0])
        denominator = push.dtype.type([1.0, -a[0, 0, 0].item()])
        h: Any = signal.lfilter(numerator, denominator, push, axis=1)
        return torch.from_numpy(h)

    return scan


def _hgrn(name: str) -> Function:
    scan = attribute("fla.ops.hgrn", name)
    return lambda log_decay, b: scan(b, log_decay)[0]


def _short(case: Case) -> str:
    return "" if case.sizes["L"] <= 2048 else "slow beyond a few thousand steps"


def float32_forward(case: Case) -> str:
    """Why something of numpy does not do a row."""
    if case.direction == BOTH:
        return "it has no gradient"
    return "" if case.dtype == "float32" else f"numpy has no {case.dtype}"


def _power_of_two(case: Case) -> str:
    L = case.sizes["L"]
    fits = 32 <= L <= 65536 and L & (L - 1) == 0
    return "" if fits else "it takes lengths that are powers of two from 32 to 65536"


_WARP = {"install": "accelerated-scan==0.3.1", "form": CHANNELS_FIRST}
_WARP["note"] = "channels first [B, D, L]: the transposition is not timed"
_FLA = {"install": "fla-core==0.6.0 einops", "form": LOG_DECAY}
_FLA["note"] = (
    "takes log decays: the logarithm is not timed, and its gradient is that of the logarithm"
)

OP = Op(
    name="linear_scan",
    letters=work.LETTERS,
    operands=OWN,
    result="BLD",
    draw=drawn(work.draw, ("a", "b"), decay=DECAYS),
    cost=work.cost,
    truth=lambda a, b: linear_scan(a, b, backend="torch"),
    sizes={
        "cpu": (
            Size((4, 4096, 1024), "float32", {FORWARD: beside("torch.add", 0.9)}),
            Size((4, 4096, 1024), "bfloat16"),
            Size((1, 2048, 32)),
            Size((1, 65536, 16)),
        ),
        "cuda": (
            Size((8, 4096, 2048), "float32", {FORWARD: on_h200(0.196), BOTH: on_h200(0.545)}),
            Size((8, 4096, 2048), "bfloat16", {FORWARD: on_h200(0.108), BOTH: on_h200(0.30)}),
            Size((1, 65536, 2048), "float32", {FORWARD: on_h200(0.41), BOTH: on_h200(1.10)}),
            Size((1, 65536, 2048), "bfloat16", {FORWARD: on_h200(0.21), BOTH: on_h200(0.60)}),
        ),
        "quick": (Size((2, 512, 64)), Size((2, 512, 64), "bfloat16")),
    },
    few={"B": 1, "D": 16},
    variants=(
        *ours(linear_scan, "numba", "triton", "torch", "naive"),
        yardstick("torch.add", torch.add, note="reads two arrays, writes one"),
        peer(
            "torch associative_scan",
            "torch",
            "cpu",
            _torch_associative_scan,
            note="not public in torch",
            unfit=_short,
        ),
        peer("numpy loop", "numpy", "cpu", _numpy_loop, unfit=float32_forward),
        peer(
            "scipy lfilter",
            "scipy",
            "cpu",
            _lfilter,
            form=ONE_DECAY,
            note="one constant decay for all: an easier job, it reads no a",
            unfit=float32_forward,
        ),
        peer(
            "accelerated-scan scalar",
            "accelerated-scan",
            "cuda",
            lambda: attribute("accelerated_scan.scalar", "scan"),
            **_WARP,
        ),
        peer("fla chunk_hgrn", "fla-core", "cuda", lambda: _hgrn("chunk_hgrn"), **_FLA),
        peer(
            "fla fused_recurrent_hgrn",
            "fla-core",
            "cuda",
            lambda: _hgrn("fused_recurrent_hgrn"),
            **_FLA,
        ),
        peer(
            "accelerated-scan warp",
            "accelerated-scan",
            "cuda",
            lambda: attribute("accelerated_scan.warp", "scan"),
            unfit=_power_of_two,
            risky=True,
            **_WARP,
        ),
    ),
    inputs=f"b and the gradient of h normal, a uniform in {DECAYS}; no h0",
)
