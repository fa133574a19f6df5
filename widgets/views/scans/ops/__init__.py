"""The operations that the Scans view can run, in the order in which it lists them."""

from marslab.widgets.views.scans.ops import (
    binding,
    codes,
    decays,
    gated,
    linear,
    selective,
    ternary,
    wkv,
)
from marslab.widgets.views.scans.registry import register

for module in (linear, selective, wkv, gated, decays, binding, codes, ternary):
    for op in module.OPERATIONS:
        register(op)
