"""How a model learns."""

from marslab.learning.fit import EpochRecord, accuracy, fit

__all__ = ["EpochRecord", "accuracy", "fit"]
