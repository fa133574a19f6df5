"""Ground floor: sequence kernels. One public function per operation, several backends each.

Read `<operation>/naive.py` first: it is the definition. Every other backend must agree with it.
"""

if __name__ != "marslab.kernels":  # imported from the repo root as `kernels`: a second copy
    raise ImportError("this folder is the package marslab.kernels; run `pip install -e .` once")

from marslab.kernels.backends import Backend, available, use
from marslab.kernels.linear_scan import linear_scan

__all__ = ["Backend", "available", "linear_scan", "use"]
