"""`circular_corr`, beside the transforms alone."""

from marslab.kernels import circular_corr
from marslab.lab.bench.ops.circular import circular

OP = circular("circular_corr", circular_corr)
