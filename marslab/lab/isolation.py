"""A notebook that ran in this process leaves the process as it found it.

What a fresh kernel would give for free is kept and put back by hand: streams, `__main__`, the
environment, warning filters, random states, torch's and plotly's settings. Modules that the
notebook imported stay imported: that is where the time is won.
"""

import builtins
import logging
import os
import random
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TextIO

STREAMS = ("stdin", "stdout", "stderr", "displayhook", "excepthook")
# plotly: figures as their own mime type, as in a real kernel, never a browser window.
# IPython, jupyter: connection files, history and startup scripts stay out of a run.
ENVIRONMENT = {"PLOTLY_RENDERER": "plotly_mimetype", "JUPYTER_PREFER_ENV_PATH": "1"}
# Panel's inline bundle makes 17 MB of a page that papermill keeps.
UNSET = ("PANEL_INLINE",)


@contextmanager
def environment(**extra: str) -> Iterator[None]:
    """Give a run its environment variables, and put back the old ones, whatever the run set."""
    before = dict(os.environ)
    os.environ.update(ENVIRONMENT | extra)
    for name in UNSET:
        os.environ.pop(name, None)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def isolated() -> Iterator[None]:
    """Put the state of this process back at the end of the block."""
    with ExitStack() as stack:
        for keeper in (_interpreter, _numbers, _torch, _plotly):
            stack.callback(keeper())
        stack.enter_context(warnings.catch_warnings())
        _kernel_warnings()
        yield


def _kernel_warnings() -> None:
    """The filters Python starts with: what a reader would see in JupyterLab."""
    warnings.resetwarnings()
    for category in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
        warnings.simplefilter("ignore", category)
    warnings.filterwarnings("default", category=DeprecationWarning, module="__main__")
    warnings.showwarning = _show_warning  # on the notebook's stderr, whoever collects them here


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    (file or sys.stderr).write(warnings.formatwarning(message, category, filename, lineno, line))


def _interpreter() -> Callable[[], None]:
    streams = {name: getattr(sys, name) for name in STREAMS}
    main, path, argv, cwd = sys.modules["__main__"], sys.path[:], sys.argv[:], os.getcwd()
    names, handlers = dict(builtins.__dict__), logging.root.handlers[:]

    def restore() -> None:
        for name, stream in streams.items():
            setattr(sys, name, stream)
        sys.modules["__main__"] = main
        sys.path[:], sys.argv[:] = path, argv
        logging.root.handlers[:] = handlers
        os.chdir(cwd)
        _replace(builtins.__dict__, names)

    return restore


def _numbers() -> Callable[[], None]:
    import numpy as np

    # Course code draws from generators of its own; a library in a notebook may not.
    drawn, legacy, errors = random.getstate(), np.random.get_state(), np.geterr()  # noqa: NPY002

    def restore() -> None:
        random.setstate(drawn)
        np.random.set_state(legacy)  # noqa: NPY002
        np.seterr(**errors)

    return restore


def _torch() -> Callable[[], None]:
    import torch

    threads, dtype, device = (
        torch.get_num_threads(),
        torch.get_default_dtype(),
        torch.get_default_device(),
    )
    generator, grad, strict = torch.get_rng_state(), torch.is_grad_enabled(), _strictness()

    def restore() -> None:
        torch.set_num_threads(threads)
        torch.set_default_dtype(dtype)
        if torch.get_default_device() != device:
            torch.set_default_device(device)
        torch.set_rng_state(generator)
        torch.set_grad_enabled(grad)
        if _strictness() != strict:  # this loads torch's compiler, so only where it must be
            torch.use_deterministic_algorithms(strict[0], warn_only=strict[1])

    return restore


def _strictness() -> tuple[bool, bool]:
    import torch

    return (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )


def _plotly() -> Callable[[], None]:
    import plotly.io as pio

    renderer, template = pio.renderers.default, pio.templates.default
    pio.renderers.default = ENVIRONMENT["PLOTLY_RENDERER"]

    def restore() -> None:
        pio.renderers.default = renderer
        pio.templates.default = template

    return restore


def _replace(target: dict[str, object], wanted: Mapping[str, object]) -> None:
    for name in set(target) - set(wanted):
        del target[name]
    target.update(wanted)
