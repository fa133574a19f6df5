"""Every dashboard: a page of `marslab dash`, and a viewer that shows in a notebook cell."""

from marslab.widgets.frame import View
from marslab.widgets.views.scans import Scans

VIEWS: tuple[type[View], ...] = (Scans,)

__all__ = ["VIEWS", "Scans"]
