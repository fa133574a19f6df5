import importlib
import os
from collections.abc import Iterator
from importlib.util import find_spec

import pytest
import torch

# Before anything imports triton: without a GPU its kernels run in the interpreter, on CPU tensors.
if find_spec("triton") is not None and not torch.cuda.is_available():
    os.environ.setdefault("TRITON_INTERPRET", "1")
    # Triton's first launch imports this, which only works while the switch is on: now, not in the
    # middle of a test that has it off.
    importlib.import_module("triton.experimental.gluon")
# The deterministic switch below asks this of every matrix product on a GPU.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _poison() -> Iterator[None]:
    """Memory that nobody wrote reads as NaN, so a kernel that skips an output cell fails."""
    torch.use_deterministic_algorithms(True)  # the switch under which torch fills what it allocates
    yield
    torch.use_deterministic_algorithms(False)


@pytest.fixture(autouse=True)
def _no_preference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MARSLAB_BACKEND", raising=False)
