"""The frame of every explorer: controls above, a drawing that follows them, one sentence below."""

import html
from collections.abc import Callable
from typing import Any

import ipywidgets
from plotly.graph_objects import Figure

from marslab.widgets.explorers.drawing import svg


class Explorer(ipywidgets.VBox):
    """A figure that is drawn again whenever one of its controls, ipywidgets with a value, moves.

    `draw` and `tell` are called with the values of the controls, by name: the first returns the
    figure, the second the sentence below it. The figure is shown as a plain drawing, so that it
    follows at once, takes the colours of the page, and stands in an exported page as it stood here.

    >>> slider = ipywidgets.IntSlider(value=1, max=3)
    >>> def bar(n: int) -> Figure:
    ...     return Figure({"data": [{"type": "bar", "x": [0], "y": [n]}]})
    >>> Explorer(bar, lambda n: f"{n} of 3", {"n": slider}).sentence.value
    '1 of 3'
    """

    def __init__(
        self,
        draw: Callable[..., Figure],
        tell: Callable[..., str],
        controls: dict[str, Any],
    ):
        self.draw, self.tell, self.controls = draw, tell, controls
        self.picture, self.sentence = ipywidgets.HTML(), ipywidgets.HTML()
        for control in controls.values():
            control.layout.width = "100%"
            control.observe(self._moved, names="value")
        super().__init__([*controls.values(), self.picture, self.sentence])
        self._moved()

    def values(self) -> dict:
        """The value of each control, by name."""
        return {name: control.value for name, control in self.controls.items()}

    def _moved(self, change: object = None) -> None:
        values = self.values()
        told = self.tell(**values)
        self.figure = self.draw(**values)
        self.picture.value = svg(self.figure, told)
        self.sentence.value = html.escape(told)

    def _repr_mimebundle_(self, **kwargs: object) -> dict[str, str]:
        """The live widget and, for pages without a kernel, its drawing and sentence."""
        live = super()._repr_mimebundle_(**kwargs) or {}
        return {**live, "text/html": f"{self.picture.value}<p>{self.sentence.value}</p>"}
