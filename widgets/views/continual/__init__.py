"""The Continual learning view, and the plain functions under it that need no page."""

from marslab.widgets.views.continual.run import ContinualResult, Learned, run
from marslab.widgets.views.continual.setup import ContinualSetup
from marslab.widgets.views.continual.view import ContinualView

__all__ = ["ContinualResult", "ContinualSetup", "ContinualView", "Learned", "run"]
