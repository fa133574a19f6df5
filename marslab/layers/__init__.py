"""What a network is made of."""

from marslab.layers.linear_recurrence import LinearRecurrence

__all__ = ["LinearRecurrence"]
