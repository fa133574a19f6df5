"""The HDC retrieval view, and the plain functions under it that need no page."""

from marslab.widgets.views.hdc.run import HdcResult, run
from marslab.widgets.views.hdc.setup import HdcSetup
from marslab.widgets.views.hdc.view import HdcView

__all__ = ["HdcResult", "HdcSetup", "HdcView", "run"]
