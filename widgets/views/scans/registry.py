"""What the Scans view has to know of an operation, and the list of those that it knows."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd
import plotly.graph_objects as go
from torch import Tensor

from marslab.kernels.roofline import Cost

if TYPE_CHECKING:
    from marslab.widgets.views.scans.run import ScanResult
    from marslab.widgets.views.scans.setup import ScanSetup


class Given(NamedTuple):
    """What goes into an op, and how to speak about it.

    Shapes (B batch, L length, D width):
        operands: the op's tensors by name, in the order of its arguments
        x: [L, D], the input of the first sequence before it is weighted; None where there is none
        labels: a name for each channel of the result; ticks: a name for each step, or None
    """

    operands: Any
    x: Tensor | None = None
    labels: list[str] = []
    ticks: list[str] | None = None


class Picture(NamedTuple):
    """One way to draw a result: its name on the page, the figure, and the numbers behind it.

    `draw` gets the result and the look: title, dark and height, as every figure takes them.
    """

    label: str
    draw: Callable[["ScanResult", dict[str, Any]], go.Figure]
    table: Callable[["ScanResult"], pd.DataFrame]


def nothing(_setup: "ScanSetup") -> dict[str, Any]:
    """The options of an op that has none."""
    return {}


class ScanOp(NamedTuple):
    """One operation: how it is written, fed, called, counted and drawn.

    name, function, formula: as it is imported, as it is called, as it is read
    backends: those it has
    letters, sizes: of its work, and the numbers for them
    volume: the letters whose product tells how much there is to work out
    loop: the letter over which the definition loops in Python
    controls: the fields of a setup that it uses, each with its label
    only: a control that counts with one value of another field alone: name -> (field, value)
    operands: makes its operands; `sources` are the inputs they can be made from
    options: its keyword arguments; arguments: what stands before `backend` in a call as written
    typed: whether its numbers have a dtype to choose
    result: its result in a formula, and the name of it in Python
    main: the tensor to draw and to compare, where a call gives more than one
    more: what its pictures need beside that tensor, worked out with the run
    facts: what to say about the result beside time and error
    pictures: by name; the first is shown first
    """

    name: str
    function: Callable[..., Any]
    formula: str
    backends: tuple[str, ...]
    letters: tuple[str, ...]
    sizes: Callable[["ScanSetup"], tuple[int, ...]]
    cost: Callable[["ScanSetup"], Cost]
    controls: Mapping[str, str]
    operands: Callable[["ScanSetup"], Given]
    pictures: Mapping[str, Picture]
    sources: tuple[str, ...] = ("random",)
    only: Mapping[str, tuple[str, Any]] = {}
    options: Callable[["ScanSetup"], dict[str, Any]] = nothing
    arguments: Callable[["ScanSetup"], str] | None = None
    typed: bool = True
    volume: str = "BLD"
    loop: str = "L"
    result: str = "h"
    main: Callable[[Any], Tensor] = lambda result: result
    more: Callable[["ScanSetup", Given, Tensor], Any] = lambda setup, given, result: None
    facts: Callable[["ScanResult"], list[tuple[str, str, str]]] = lambda result: []

    def used(self, setup: Any) -> dict[str, str]:
        """The controls that count for `setup`, a ScanSetup or a view with the same fields."""
        shut = {name for name, (field, v) in self.only.items() if getattr(setup, field) != v}
        return {name: label for name, label in self.controls.items() if name not in shut}

    def call(self, operands: Any, setup: "ScanSetup", backend: str) -> Tensor:
        """Run the op on `backend` and give its main result."""
        return self.main(self.function(*operands, **self.options(setup), backend=backend))

    def source(self, setup: "ScanSetup") -> str:
        """The same call in Python; `operands` stands for what `run(setup)` made."""
        options = (f"{name}={value!r}" for name, value in self.options(setup).items())
        plain = ", ".join(["*operands", *options])
        given = self.arguments(setup) if self.arguments else plain
        return f"{self.result} = {self.name}({given}, backend={setup.backend!r})"


OPS: dict[str, ScanOp] = {}


def register(op: ScanOp) -> None:
    """Offer `op` in the Scans view.

    Errors:
        ValueError: there is one of that name already
    """
    if op.name in OPS:
        raise ValueError(f"register: {op.name!r} is registered already")
    OPS[op.name] = op
