"""`ssd`: beside Mamba-2's Triton kernels and simple gated linear attention, which is the same."""

from functools import partial

import torch
from torch import Tensor

from marslab.kernels.ssd import ssd, work
from marslab.lab.bench.cases import BOTH, FORWARD, Case, Size, beside, on_h200
from marslab.lab.bench.forms import Form, Tensors
from marslab.lab.bench.ops import Op, drawn
from marslab.lab.bench.ops.mamba import mamba
from marslab.lab.bench.variants import Function, attribute, ours, peer

OWN = ("BLHP", "BLH", "H", "BLGN", "BLGN")
NAIVE_GOAL = {way: beside("naive", 20.0, of="numba") for way in (FORWARD, BOTH)}
ON_H200 = {FORWARD: on_h200(0.30), BOTH: on_h200(1.8)}
MOST_STATES = 2**28  # numbers that the plain loop may keep for its gradient


def _to_gla(x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor) -> Tensors:
    """Queries C, keys B, values dt x and log decays dt A, for each head its own."""
    heads = x.shape[2] // B.shape[2]
    k, q = (t.repeat_interleave(heads, 2) for t in (B, C))
    return q, k, (x * dt[..., None]).to(x.dtype), dt.float() * A.float()


def _from_gla(q: Tensor, k: Tensor, v: Tensor, g: Tensor) -> Tensors:
    return v / -g[..., None], -g, -torch.ones_like(g[0, 0]), k, q


GLA = Form(_to_gla, _from_gla, ("BLHN", "BLHN", "BLHP", "BLH"), "BLHP")


def _gla() -> Function:
    attend = attribute("fla.ops.simple_gla", "chunk_simple_gla")
    return lambda q, k, v, g: attend(q, k, v, g, scale=1.0)[0]


def _mamba() -> Function:
    scan = mamba("ops.triton.ssd_combined", "mamba_chunk_scan_combined")
    return partial(scan, chunk_size=256)


def _keeps_too_much(case: Case) -> str:
    B, L, H, P, _, N = case.sizes.values()
    fits = case.direction == FORWARD or B * L * H * P * N <= MOST_STATES
    return "" if fits else "its gradient keeps the states of all steps: too many at this size"


OP = Op(
    name="ssd",
    letters=work.LETTERS,
    operands=OWN,
    result="BLHP",
    draw=drawn(work.draw, ("x", "dt", "A", "B", "C"), float32=("A",)),
    cost=work.cost,
    truth=partial(ssd, backend="torch"),
    sizes={
        "cpu": (
            Size((1, 2048, 2, 16, 1, 16), goals=NAIVE_GOAL),
            Size((2, 2048, 8, 64, 1, 64)),
        ),
        "cuda": (
            Size((8, 4096, 32, 64, 1, 128), "bfloat16", ON_H200),
            Size((8, 4096, 32, 64, 1, 128)),
        ),
        "quick": (Size((1, 256, 2, 16, 1, 8)), Size((1, 256, 2, 16, 1, 8), "bfloat16")),
    },
    few={"B": 1},
    variants=(
        *ours(ssd, "numba", "triton", "torch"),
        *ours(ssd, "naive", unfit=_keeps_too_much),
        peer(
            "mamba_chunk_scan_combined",
            "mamba-ssm",
            "cuda",
            _mamba,
            install="mamba-ssm==2.3.2.post1",
            note="Triton, chunks of 256",
        ),
        peer(
            "fla chunk_simple_gla",
            "fla-core",
            "cuda",
            _gla,
            install="fla-core==0.6.0 einops",
            form=GLA,
            note="dt x, dt A and a B and C for each head are worked out before the clock starts",
        ),
    ),
    inputs="dt in (1e-3, 1e-1), A in (-16, -1e-4) and float32, the others normal; no D, no h0",
)
