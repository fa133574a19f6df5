"""What a running notebook shows, kept as the outputs that its file will hold."""

import io
import threading
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_output


class Recorder:
    """The outputs of a notebook in the order in which a kernel would have sent them."""

    def __init__(self) -> None:
        self.outputs: list[NotebookNode] = []
        self.displays: dict[str, list[NotebookNode]] = {}
        self.clear_next = False
        self.lock = threading.RLock()  # making an output may run a finaliser that warns on a stream

    def start(self) -> list[NotebookNode]:
        """Begin a cell; what it gives is added to the list returned."""
        self.outputs, self.clear_next = [], False
        return self.outputs

    def stream(self, name: str, text: str) -> None:
        """Add text; what follows on the same stream becomes one output."""
        with self.lock:
            self._clear_if_due()
            last = self.outputs[-1] if self.outputs else None
            if last is not None and last.output_type == "stream" and last.name == name:
                last.text += text
            else:
                self.outputs.append(new_output("stream", name=name, text=text))

    def add(self, kind: str, *, display_id: str | None = None, **content: object) -> None:
        """Add an output that is not a stream."""
        with self.lock:
            self._clear_if_due()
            self.outputs.append(new_output(kind, **content))
            if display_id is not None:
                self.displays.setdefault(display_id, []).append(self.outputs[-1])

    def update(self, display_id: str, data: dict[str, Any], metadata: dict[str, Any]) -> None:
        """Change every output shown under this id, in any cell."""
        for output in self.displays.get(display_id, []):
            output.data, output.metadata = data, metadata

    def clear(self, wait: bool) -> None:
        """Drop the cell's outputs now, or as soon as the next one comes."""
        self.clear_next = wait
        if not wait:
            self.outputs.clear()

    def _clear_if_due(self) -> None:
        if self.clear_next:
            self.outputs.clear()
            self.clear_next = False


class Stream(io.TextIOBase):
    """Stands for sys.stdout or sys.stderr while a cell runs."""

    encoding = "utf-8"

    def __init__(self, recorder: Recorder, name: str) -> None:
        super().__init__()
        self.recorder, self.name = recorder, name

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if text:
            self.recorder.stream(self.name, text)
        return len(text)
