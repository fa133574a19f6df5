"""The Scans view, and the plain functions under it that need no page."""

from marslab.widgets.views.scans import ops
from marslab.widgets.views.scans.registry import OPS, Given, Picture, ScanOp, register
from marslab.widgets.views.scans.run import ScanResult, Timings, run, time_backends
from marslab.widgets.views.scans.setup import ScanSetup
from marslab.widgets.views.scans.view import Scans

__all__ = [
    "OPS",
    "Given",
    "Picture",
    "ScanOp",
    "ScanResult",
    "ScanSetup",
    "Scans",
    "Timings",
    "ops",
    "register",
    "run",
    "time_backends",
]
