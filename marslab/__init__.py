"""Understand the architectures after the Transformer by building, watching and breaking them."""

__version__ = "0.1.0"
