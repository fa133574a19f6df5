"""Complete models, assembled from layers and found by name."""

from marslab.systems.registry import ModelRecord, build, load, models, register

__all__ = ["ModelRecord", "build", "load", "models", "register"]
