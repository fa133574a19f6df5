"""Texts, presets, catalogue, checkpoints: read through `importlib.resources`."""
