"""The Waves view, and the plain functions under it that need no page."""

from marslab.widgets.views.waves.run import Passed, WavesResult, run
from marslab.widgets.views.waves.setup import WavesSetup
from marslab.widgets.views.waves.view import WavesView

__all__ = ["Passed", "WavesResult", "WavesSetup", "WavesView", "run"]
