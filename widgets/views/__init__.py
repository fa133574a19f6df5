"""Every dashboard: a page of `marslab dash`, and a viewer that shows in a notebook cell."""

from marslab.widgets.frame import Served, View
from marslab.widgets.views.ablations import Ablations
from marslab.widgets.views.claims import Claims
from marslab.widgets.views.memory_hub import HubView
from marslab.widgets.views.scans import Scans
from marslab.widgets.views.which_op import WhichOp

VIEWS: tuple[type[View], ...] = (Scans, HubView, Claims, Ablations)
PAGES: tuple[type[Served], ...] = (*VIEWS, WhichOp)

__all__ = ["PAGES", "VIEWS", "Ablations", "Claims", "HubView", "Scans", "WhichOp"]
