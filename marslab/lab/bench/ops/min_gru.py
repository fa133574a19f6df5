"""`min_gru`: beside torch.add, which moves as many bytes, and a scan that is given the gates."""

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from marslab.kernels import linear_scan, min_gru
from marslab.kernels.min_gru import work
from marslab.lab.bench.cases import Size
from marslab.lab.bench.forms import Form, Tensors
from marslab.lab.bench.ops import Op, drawn
from marslab.lab.bench.variants import Function, attribute, ours, peer, yardstick

OWN = ("BLD", "BLD")


def _gates(z_logit: Tensor, h_tilde: Tensor) -> Tensors:
    """The logarithm of what is kept, and what is added."""
    z = z_logit.float()
    return F.logsigmoid(-z).to(z_logit.dtype), (torch.sigmoid(z) * h_tilde).to(h_tilde.dtype)


def _scan(log_decay: Tensor, x: Tensor) -> Tensor:
    return linear_scan(log_decay.exp(), x, backend="torch")


def _hgrn() -> Function:
    scan = attribute("fla.ops.hgrn", "chunk_hgrn")
    return lambda log_decay, x: scan(x, log_decay)[0]


OP = Op(
    name="min_gru",
    letters=work.LETTERS,
    operands=OWN,
    result="BLD",
    draw=drawn(work.draw, ("z_logit", "h_tilde")),
    cost=work.cost,
    truth=partial(min_gru, backend="torch"),
    sizes={
        "cpu": (Size((4, 4096, 1024)), Size((1, 2048, 32))),
        "cuda": (Size((8, 4096, 2048)), Size((8, 4096, 2048), "bfloat16")),
        "quick": (Size((2, 256, 16)), Size((2, 256, 16), "bfloat16")),
    },
    few={"B": 1, "D": 16},
    variants=(
        *ours(min_gru, "numba", "triton", "torch", "naive"),
        yardstick("torch.add", torch.add, note="reads two arrays, writes one"),
        peer(
            "fla chunk_hgrn",
            "fla-core",
            "cuda",
            _hgrn,
            install="fla-core==0.6.0 einops",
            form=Form(_gates, operands=OWN, result="BLD", truth=_scan),
            note="is given the gates, worked out before the clock starts: less work",
        ),
    ),
    inputs="z_logit normal around -1 with deviation 2, h_tilde normal; no h0",
)
