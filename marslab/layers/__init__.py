"""What a network is made of."""

from marslab.layers.linear_recurrence import LinearRecurrence
from marslab.layers.selective_ssm import SelectiveSSM

__all__ = ["LinearRecurrence", "SelectiveSSM"]
