"""The page "Which op do I need?": a few questions, an answer, and a table of all operations."""

from marslab.widgets.views.which_op.view import WhichOp

__all__ = ["WhichOp"]
