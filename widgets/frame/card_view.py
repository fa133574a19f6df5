"""A view that says in sentences, below its figure, what the result is and why."""

from typing import Any

import panel as pn
from panel.viewable import Viewable

from marslab.widgets.frame.view import View


class CardView(View):
    """As `View`, with a card below; a view gives its `card`, which is empty after an error."""

    def __init__(self, **params: Any) -> None:
        super().__init__(**params)
        self._card = pn.pane.HTML("", sizing_mode="stretch_width", min_width=320)

    def card(self) -> str:
        """HTML of the card for the result and the looks."""
        raise NotImplementedError

    def show_again(self) -> None:
        super().show_again()
        self._card.object = "" if self.result is None else self.card()

    def _failed(self, error: Exception) -> None:
        super()._failed(error)
        self._card.object = ""

    def _frame(self) -> Viewable:
        return pn.Column(super()._frame(), self._card, sizing_mode="stretch_width")
