"""How fast: our kernels beside what the machine allows and beside other people's code.

`ops` holds one module for each op: its sizes and goals, and who else does it. `variants` and
`forms` say how these are called, `timing` how long they took; `measure` does a row, `running` all
of them, and `report` is what comes out. Needs torch, numpy, typer, rich and the compilers of the
kernels, nothing else.
"""

from marslab.lab.bench.report import Report, from_json, read

__all__ = ["Report", "from_json", "read"]
