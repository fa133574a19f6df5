"""TARS v3: parallel waves, adaptive depth, a memory that learns while it thinks."""
