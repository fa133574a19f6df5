"""The Memory hub view, and the plain functions under it that need no page."""

from marslab.widgets.views.memory_hub.run import HubResult, run
from marslab.widgets.views.memory_hub.setup import HubSetup
from marslab.widgets.views.memory_hub.view import HubView

__all__ = ["HubResult", "HubSetup", "HubView", "run"]
