"""The Claims view: what the designs promise, and what was measured."""

from marslab.widgets.views.claims.view import Claims

__all__ = ["Claims"]
