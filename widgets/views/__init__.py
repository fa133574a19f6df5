"""Every dashboard: a page of `marslab dash`, and a viewer that shows in a notebook cell."""

from marslab.widgets.frame import Served, View
from marslab.widgets.views.ablations import Ablations
from marslab.widgets.views.auditor import AuditorView
from marslab.widgets.views.claims import Claims
from marslab.widgets.views.continual import ContinualView
from marslab.widgets.views.hdc import HdcView
from marslab.widgets.views.idme import IdmeView
from marslab.widgets.views.memory_hub import HubView
from marslab.widgets.views.scans import Scans
from marslab.widgets.views.waves import WavesView
from marslab.widgets.views.which_op import WhichOp

VIEWS: tuple[type[View], ...] = (
    Scans,
    HubView,
    HdcView,
    AuditorView,
    IdmeView,
    Claims,
    Ablations,
    WavesView,
    ContinualView,
)
PAGES: tuple[type[Served], ...] = (*VIEWS, WhichOp)

__all__ = [
    "PAGES",
    "VIEWS",
    "Ablations",
    "AuditorView",
    "Claims",
    "ContinualView",
    "HdcView",
    "HubView",
    "IdmeView",
    "Scans",
    "WavesView",
    "WhichOp",
]
