"""The left column of the Scans view; it shows what the chosen input can use."""

from collections.abc import Callable
from html import escape
from typing import Any

import panel as pn
import torch

from marslab.widgets.frame import View, widgets
from marslab.widgets.views.scans.ops import OPS
from marslab.widgets.views.scans.setup import MAX_TEXT, ScanSetup, obstacles

Setup = Callable[[], ScanSetup]
HALF = 126  # pixels of a control that shares its line
DIRECTIONS = {"First step to last": False, "Last step to first": True}
SOURCE_NAMES = {"Random": "random", "Your text": "text", "Digits": "digit"}


def column(view: View, setup: Setup) -> list[Any]:
    """Every control of the view, top to bottom."""
    select, whole = pn.widgets.Select, pn.widgets.IntInput
    source = widgets.control(view, "source", "", pn.widgets.RadioButtonGroup, options=SOURCE_NAMES)
    device = widgets.control(view, "device", "Device", select)
    device.visible = torch.cuda.is_available()
    width = widgets.control(view, "D", "D, channels", whole, width=HALF)
    _disable_on_digits(view, width)
    backend, why = _backend(view, setup)
    return [
        widgets.control(view, "op", "Operation", select),
        widgets.group("Input", source),
        *_of_source(view),
        widgets.slider(view, "tau", "Time constant τ (steps)"),
        pn.Row(widgets.control(view, "B", "B, sequences", whole, width=HALF), width),
        pn.Row(backend, widgets.control(view, "dtype", "Number type", select, width=HALF)),
        why,
        device,
        widgets.control(view, "reverse", "Direction", select, options=DIRECTIONS),
    ]


def _of_source(view: Any) -> list[Any]:
    """Controls that only one kind of input has, each shown with it."""
    whole = pn.widgets.IntInput
    kinds = {
        "text": [
            widgets.control(
                view, "text", "Text (UTF-8 bytes)", pn.widgets.TextAreaInput, max_length=MAX_TEXT
            )
        ],
        "digit": [widgets.control(view, "digit", "First image (0 to 1796)", whole)],
        "random": [
            widgets.slider(view, "L", "L (steps)"),
            widgets.control(view, "seed", "Seed", whole),
        ],
    }

    def show(*_: object) -> None:
        for kind, controls in kinds.items():
            for control in controls:
                control.visible = view.source == kind

    view.param.watch(show, "source")
    show()
    return [control for controls in kinds.values() for control in controls]


def _disable_on_digits(view: Any, width: pn.widgets.IntInput) -> None:
    def adapt(*_: object) -> None:
        width.disabled = view.source == "digit"  # its D is the image's 8 columns

    view.param.watch(adapt, "source")
    adapt()


def _backend(view: Any, setup: Setup) -> tuple[pn.widgets.Select, pn.pane.HTML]:
    """The choice of a backend; one that cannot run is greyed out, with the reason below."""
    names = list(view.param.backend.objects)
    select = pn.widgets.Select(label="Backend", options=names, width=HALF, margin=(4, 8))
    why = pn.pane.HTML("", width=268, margin=(0, 8))

    def offer(*_: object) -> None:
        reasons = _reasons(setup)
        closed = [name for name in reasons if name != view.backend]
        select.param.update(disabled_options=closed, value=view.backend)
        lines = (f"{escape(name)}: {escape(reason)}" for name, reason in reasons.items())
        why.object = f'<div class="ml-why">{"<br>".join(lines)}</div>'
        why.visible = bool(reasons)

    select.param.watch(lambda event: view.param.update(backend=event.new), "value")
    view.param.watch(offer, list(view.inputs))
    offer()
    return select, why


def _reasons(setup: Setup) -> dict[str, str]:
    """Why backends cannot run; none while the setup itself is impossible and says so."""
    try:
        asked = setup()
        reasons = obstacles(asked, OPS[asked.op].backends)
    except ValueError:
        return {}
    return {name: reason for name, reason in reasons.items() if reason}
