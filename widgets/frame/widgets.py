"""Controls tied to a view's parameters, each with a label and reachable by keyboard."""

from html import escape
from typing import Any

import panel as pn

from marslab.widgets.frame.view import View


def slider(view: View, name: str, label: str) -> pn.widgets.DiscreteSlider:
    """A slider over the values that the parameter `name` allows; it acts when it is let go."""
    parameter = view.param[name]
    options = {f"{value:,g}": value for value in parameter.objects}
    widget = pn.widgets.DiscreteSlider(
        label=label, options=options, value=getattr(view, name), width=268, margin=(4, 8)
    )
    widget.param.watch(lambda event: view.param.update({name: event.new}), "value_throttled")
    view.param.watch(lambda event: widget.param.update(value=event.new), name)
    return widget


def control(view: View, name: str, label: str, kind: type[Any], **options: Any) -> Any:
    """A widget of `kind` for the parameter `name`, both following each other."""
    given = {"width": 268, "margin": (4, 8)} | options
    return kind.from_param(view.param[name], label=label, **given)


def group(label: str, widget: Any) -> pn.Column:
    """Put a label over a widget that has none of its own."""
    return pn.Column(pn.pane.HTML(f"<label>{escape(label)}</label>", margin=(2, 8, 0, 8)), widget)
