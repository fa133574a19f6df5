"""The frame that every view uses: page, address, error card, busy line with cancel, exports."""

from marslab.widgets.frame.card_view import CardView
from marslab.widgets.frame.page import Served, page, serve_view
from marslab.widgets.frame.view import HEIGHT, View
from marslab.widgets.frame.work import Cancelled, Job, Say, Work

__all__ = [
    "HEIGHT",
    "Cancelled",
    "CardView",
    "Job",
    "Say",
    "Served",
    "View",
    "Work",
    "page",
    "serve_view",
]
