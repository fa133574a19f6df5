"""`circular_conv`, beside the transforms alone."""

from marslab.kernels import circular_conv
from marslab.lab.bench.ops.circular import circular

OP = circular("circular_conv", circular_conv)
