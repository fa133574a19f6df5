"""The Ablations view: run a study, watch it, compare its variants."""

from marslab.widgets.views.ablations.view import Ablations

__all__ = ["Ablations"]
