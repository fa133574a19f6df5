"""What a model is asked to do: data, and what counts as right."""

from marslab.tasks.digits import Split, load_digits_sequences

__all__ = ["Split", "load_digits_sequences"]
