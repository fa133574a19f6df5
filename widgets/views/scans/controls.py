"""The left column of the Scans view; it shows what the chosen input can use."""

from collections.abc import Callable
from html import escape
from typing import Any

import panel as pn
import torch

from marslab.widgets.frame import View, widgets
from marslab.widgets.views.scans.registry import OPS
from marslab.widgets.views.scans.setup import MAX_TEXT, ScanSetup, obstacles

Setup = Callable[[], ScanSetup]
HALF = 126  # pixels of a control that shares its line
DIRECTIONS = {"First step to last": False, "Last step to first": True}
SOURCE_NAMES = {"Random": "random", "Your text": "text", "Digits": "digit"}
WORDS = {
    "method": {"Step by step": "sequential", "All at once, in sweeps": "newton"},
    "discretisation": {"Zero-order hold": "zoh", "Euler (Mamba's own)": "euler"},
    "reduction": {"Mean": "mean", "Sum": "sum", "Last state of a decay": "decay"},
    "packing": {"4 weights a byte": "2bit", "5 weights a byte": "5trit"},
    "reverse": DIRECTIONS,
}
SLIDERS = ("tau", "dim", "flips", "radius")
NUMBERS = "B D H P N K V chunk step pairs items k rows columns".split()


def column(view: View, setup: Setup) -> list[Any]:
    """Every control of the view, top to bottom; those that the op does not use are hidden."""
    select = pn.widgets.Select
    device = widgets.control(view, "device", "Device", select)
    device.visible = torch.cuda.is_available()
    backend, why = _backend(view, setup)
    sliders = {name: widgets.slider(view, name, name) for name in SLIDERS}
    whole = pn.widgets.IntInput
    numbers = {name: widgets.control(view, name, name, whole, width=HALF) for name in NUMBERS}
    choices = {
        name: widgets.control(view, name, name, select, options=words)
        for name, words in WORDS.items()
    }
    dtype = widgets.control(view, "dtype", "Number type", select, width=HALF)
    _follow_op(view, {**sliders, **numbers, **choices}, dtype)
    return [
        widgets.control(view, "op", "Operation", select),
        *_guide(),
        *_inputs(view),
        *sliders.values(),
        pn.FlexBox(*numbers.values(), width=290, sizing_mode="fixed"),
        pn.Row(backend, dtype),
        why,
        device,
        *choices.values(),
    ]


def _guide() -> list[pn.pane.HTML]:
    """The way to the page of questions, where there is a server that has it."""
    if pn.state.curdoc is None:
        return []
    link = '<a href="./which-op">Which op do I need?</a>'
    return [pn.pane.HTML(link, margin=(0, 8, 4, 8))]


def _follow_op(view: Any, controls: dict[str, Any], dtype: Any) -> None:
    """Show of `controls` those that the op uses, each under the op's own name for it."""

    def adapt(*_: object) -> None:
        used = OPS[view.op].used(view)
        for name, control in controls.items():
            control.param.update(visible=name in used, label=used.get(name, name))
        dtype.visible = OPS[view.op].typed
        controls["D"].disabled = view.setup_input == "digit"  # then D is the image's 8 columns

    view.param.watch(adapt, ["op", "source", "reduction"])
    adapt()


def _inputs(view: Any) -> list[Any]:
    """The choice of an input, and the controls that only one kind of input has."""
    whole, radio = pn.widgets.IntInput, pn.widgets.RadioButtonGroup
    text = widgets.control(
        view, "text", "Text (UTF-8 bytes)", pn.widgets.TextAreaInput, max_length=MAX_TEXT
    )
    steps = widgets.slider(view, "L", "L (steps)")
    seed = widgets.control(view, "seed", "Seed", whole)
    digit = widgets.control(view, "digit", "First image (0 to 1796)", whole)
    source = radio(options=_sources(view), value=view.setup_input, width=268, margin=(4, 8))
    choice = widgets.group("Input", source)

    def choose(event: Any) -> None:
        if event.new != view.setup_input:  # else it only follows
            view.source = event.new

    def show(*_: object) -> None:
        offered = _sources(view)
        source.param.update(options=offered, value=view.setup_input)
        choice.visible = len(offered) > 1
        used, given = OPS[view.op].controls, view.setup_input
        text.visible, digit.visible = given == "text", given == "digit"
        steps.visible = given == "random" and "L" in used
        seed.visible = given == "random" or "seed" in used

    source.param.watch(choose, "value")
    view.param.watch(show, ["source", "op"])
    show()
    return [choice, text, digit, steps, seed]


def _sources(view: Any) -> dict[str, str]:
    return {n: kind for n, kind in SOURCE_NAMES.items() if kind in OPS[view.op].sources}


def _backend(view: Any, setup: Setup) -> tuple[pn.widgets.Select, pn.pane.HTML]:
    """The choice of a backend; one that cannot run is greyed out, with the reason below."""
    select = pn.widgets.Select(label="Backend", width=HALF, margin=(4, 8))
    why = pn.pane.HTML("", width=268, margin=(0, 8))

    def offer(*_: object) -> None:
        reasons = _reasons(setup)
        closed = [name for name in reasons if name != view.backend]
        has = ("auto", *OPS[view.op].backends)
        names = has if view.backend in has else (*has, view.backend)  # the card says why not
        select.param.update(disabled_options=[], options=list(names), value=view.backend)
        select.disabled_options = closed
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
