"""The IDME view, and the plain functions under it that need no page."""

from marslab.widgets.views.idme.run import IdmeRun, run
from marslab.widgets.views.idme.setup import IdmeSetup
from marslab.widgets.views.idme.view import IdmeView

__all__ = ["IdmeRun", "IdmeSetup", "IdmeView", "run"]
