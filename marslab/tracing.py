"""See what happens inside a model: it emits events, and whoever wants to look records them.

An event is (name, step, fields). Nothing is kept, and nothing is computed, unless a `trace()` is
open. Traces nest: the innermost one records, the outer ones see nothing of that block. A Python
thread starts with no trace; run it in `contextvars.copy_context()` to record into the opener's.
Inside a compiled graph nothing is emitted, so that tracing never changes what is compiled.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from operator import index
from os import PathLike, fspath
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from marslab import files, trace_file
from marslab.errors import UserError, unknown
from marslab.kernels.backends import observer

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

Value = Tensor | bool | int | float | str | None
_recording: ContextVar["Trace | None"] = ContextVar("marslab_trace", default=None)


class Event(NamedTuple):
    """One thing that happened: what, at which step, with which values."""

    name: str
    step: int
    fields: dict[str, Value]


class Trace:
    """The events of one recording, in the order in which they happened.

    >>> with trace() as t:
    ...     emit("wave", step=3, alpha=torch.tensor([0.25]))
    >>> t
    Trace(1 event: wave)
    >>> t.frame("wave")
       step  alpha
    0     3   0.25
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._count: Counter[str] = Counter()
        self._lock = Lock()

    def __repr__(self) -> str:
        count = len(self.events)
        names = ", ".join(self.names()) or "none"
        return f"Trace({count} event{'s' * (count != 1)}: {names})"

    def names(self) -> list[str]:
        """The names of the recorded events, in order of first appearance."""
        return list(dict.fromkeys(event.name for event in self.events))

    def add(self, name: str, step: int | None, fields: Mapping[str, Any]) -> None:
        """Record one event; without a step it is numbered among those of its name.

        Errors:
            TypeError: a field is neither a tensor, an array, a number, a str, a bool nor None
        """
        kept = {field: _kept(name, field, value) for field, value in fields.items()}
        with self._lock:
            at = self._count[name] if step is None else index(step)
            self._count[name] += 1
            self.events.append(Event(name, at, kept))

    def frame(self, name: str) -> "pd.DataFrame":
        """Return the events of one name as a table: `step` and one column per field.

        A tensor with one element becomes a number, any other a numpy array (bfloat16 as float32).
        A field that an event lacks is missing (None or NaN).

        Errors:
            UserError: nothing of that name was recorded
        """
        import numpy as np
        import pandas as pd

        events = [event for event in self.events if event.name == name]
        if not events:
            raise UserError(unknown("event", name, self.names()))
        columns: dict[str, Any] = {"step": [event.step for event in events]}
        for field in dict.fromkeys(field for event in events for field in event.fields):
            cells = [_cell(event.fields.get(field)) for event in events]
            if any(isinstance(cell, np.ndarray) for cell in cells):
                columns[field] = pd.Series(cells, dtype=object)
            else:
                columns[field] = cells
        return pd.DataFrame(columns)

    def summary(self) -> "pd.DataFrame":
        """Return a table of what was recorded: one row per event name and field.

        >>> with trace() as t:
        ...     emit("wave", alpha=torch.zeros(2, 3))
        >>> t.summary()
          event  count steps  field   shape     type
        0  wave      1     0  alpha  [2, 3]  float32
        """
        import pandas as pd

        rows = []
        for name in self.names():
            events = [event for event in self.events if event.name == name]
            first, last = min(e.step for e in events), max(e.step for e in events)
            steps = str(first) if first == last else f"{first}..{last}"
            fields = dict.fromkeys(field for event in events for field in event.fields)
            for field in fields or [""]:
                values = [event.fields[field] for event in events if field in event.fields]
                rows.append((name, len(events), steps, field, *_described(values)))
        return pd.DataFrame(rows, columns=["event", "count", "steps", "field", "shape", "type"])

    def save(self, path: str | PathLike[str]) -> None:
        """Write the trace to one file: a zip of JSON (events) and safetensors (tensors).

        Errors:
            OSError: the file cannot be written; the old one is untouched
        """
        files.write_bytes(path, trace_file.pack(self.events))

    @staticmethod
    def load(path: str | PathLike[str], *, max_bytes: int = trace_file.MAX_BYTES) -> "Trace":
        """Read a saved trace. Nothing in the file is ever executed.

        Units:
            max_bytes: how much the file may unpack to

        Errors:
            UserError: no such file, not a trace, damaged, too large, or of another format
        """
        loaded = Trace()
        try:
            for name, step, fields in trace_file.unpack(path, max_bytes):
                loaded.add(name, step, fields)
        except TypeError as error:
            raise UserError(f"{fspath(path)} is damaged: its events cannot be read") from error
        return loaded


@contextmanager
def trace() -> Iterator[Trace]:
    """Record the events of the models that run inside the `with` block.

    Each choice of a kernel is recorded too, as an event "kernel" with the fields op and backend.

    >>> from marslab.kernels import linear_scan
    >>> with trace() as t:
    ...     _ = linear_scan(torch.ones(1, 3, 1), torch.ones(1, 3, 1), backend="naive")
    >>> t.events
    [Event(name='kernel', step=0, fields={'op': 'linear_scan', 'backend': 'naive'})]
    """
    recorder = Trace()
    here = _recording.set(recorder)
    seen = observer.set(lambda op, backend: emit("kernel", op=op, backend=backend))
    try:
        yield recorder
    finally:
        observer.reset(seen)
        _recording.reset(here)


def emit(name: str, /, step: int | None = None, **fields: Any) -> None:
    """Tell whoever records that something happened; one ContextVar read when nobody does.

    Tensors are detached and copied to the CPU.

    >>> emit("wave", step=0, alpha=0.5)  # nobody records: nothing happens
    """
    if torch.compiler.is_compiling():
        return
    recorder = _recording.get()
    if recorder is not None:
        recorder.add(name, step, fields)


def recording() -> bool:
    """Whether somebody records: ask before computing a value only to emit it.

    >>> recording()
    False
    """
    return not torch.compiler.is_compiling() and _recording.get() is not None


def _kept(name: str, field: str, value: Any) -> Value:
    """A copy of `value` that later changes to the model do not reach."""
    if isinstance(value, Tensor):
        return _copied(value)
    if type(value).__module__ == "numpy":
        return value.item() if value.ndim == 0 else torch.tensor(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(
        f"event {name!r}: field {field!r} must be a tensor, an array, a number, a str, a bool "
        f"or None, got {type(value).__name__}"
    )


def _copied(x: Tensor) -> Tensor:
    """A plain, contiguous copy on the CPU.

    Under torch.func a tensor is a wrapper that dies with its transform: what it holds is copied,
    with torch.func switched off so that the copy is not wrapped again.
    """
    functorch = torch._C._functorch  # pyright: ignore[reportAttributeAccessIssue]
    while functorch.is_functorch_wrapped_tensor(x):
        x = functorch.get_unwrapped(x)
    with torch._C._DisableFuncTorch():
        plain = x.detach().as_subclass(Tensor)
        plain = plain if plain.layout == torch.strided else plain.to_dense()
        return plain.to("cpu", copy=True, memory_format=torch.contiguous_format)


def _cell(value: Value) -> "np.ndarray | bool | int | float | complex | str | None":
    if not isinstance(value, Tensor):
        return value
    if value.numel() == 1:
        return value.item()
    return (value.float() if value.dtype == torch.bfloat16 else value).numpy()


def _described(values: list[Value]) -> tuple[str, str]:
    """The shape and type of a field's values, each "mixed" where they differ."""
    shapes = {str(list(v.shape)) if isinstance(v, Tensor) else "" for v in values}
    types = {
        str(v.dtype).removeprefix("torch.") if isinstance(v, Tensor) else type(v).__name__
        for v in values
    }
    return tuple((s.pop() if len(s) == 1 else "mixed") if s else "" for s in (shapes, types))  # pyright: ignore[reportReturnType]
