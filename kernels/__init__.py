"""Ground floor: sequence kernels. One public function per operation, several backends each.

Read `<operation>/naive.py` first: it is the definition. Every other backend must agree with it.
"""

if __name__ != "marslab.kernels":  # imported from the repo root as `kernels`: a second copy
    raise ImportError("this folder is the package marslab.kernels; run `pip install -e .` once")

from marslab.kernels.backends import Backend, available, use
from marslab.kernels.chunk_reduce import chunk_reduce
from marslab.kernels.circular import circular_conv, circular_corr
from marslab.kernels.decay_product import decay_product
from marslab.kernels.gated_recurrence import ConvergenceWarning, SolveInfo, gated_recurrence
from marslab.kernels.hamming_topk import TopK, hamming_topk, pack_bits, unpack_bits
from marslab.kernels.linear_scan import linear_scan
from marslab.kernels.min_gru import min_gru
from marslab.kernels.selective_scan import selective_scan
from marslab.kernels.ssd import ssd, ssd_quadratic
from marslab.kernels.ternary_matmul import pack_ternary, ternary_matmul, unpack_ternary
from marslab.kernels.wkv7 import wkv7

__all__ = [
    "Backend",
    "ConvergenceWarning",
    "SolveInfo",
    "TopK",
    "available",
    "chunk_reduce",
    "circular_conv",
    "circular_corr",
    "decay_product",
    "gated_recurrence",
    "hamming_topk",
    "linear_scan",
    "min_gru",
    "pack_bits",
    "pack_ternary",
    "selective_scan",
    "ssd",
    "ssd_quadratic",
    "ternary_matmul",
    "unpack_bits",
    "unpack_ternary",
    "use",
    "wkv7",
]
