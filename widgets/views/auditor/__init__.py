"""The Integral auditor view, and the plain functions under it that need no page."""

from marslab.widgets.views.auditor.run import AuditorResult, run
from marslab.widgets.views.auditor.setup import AuditorSetup
from marslab.widgets.views.auditor.view import AuditorView

__all__ = ["AuditorResult", "AuditorSetup", "AuditorView", "run"]
