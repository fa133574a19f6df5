"""How fast: our kernels beside what the machine allows and beside other people's code.

`cases` says what is measured, `peers` who else does it, `timing` how, `measure` does it, `report`
is what comes out. Needs torch, numpy, typer, rich and the compilers of the kernels, nothing else.
"""

from marslab.lab.bench.report import Report, from_json, read

__all__ = ["Report", "from_json", "read"]
