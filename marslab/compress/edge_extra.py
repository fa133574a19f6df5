"""What the extra `edge` brings, loaded when it is used, and kept quiet while it works."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType

from marslab.errors import MissingExtra

EXTRA = "edge"
# torch.onnx names every operator of torchvision that is not there; torchao every kernel for a GPU.
LOGGERS = ("torch.onnx", "torch.utils._pytree", "torchao")
# Of torch's own code on its own code: nothing that a caller could do about them.
OWN_WARNINGS = (
    (r"`isinstance\(treespec, LeafSpec\)` is deprecated", FutureWarning),
    (r"erase_node\(.*\) on an already erased node", UserWarning),
    (r".*is deprecated.*", DeprecationWarning),
)


def edge_module(name: str) -> ModuleType:
    """Import a module of the extra `edge`.

    Errors:
        MissingExtra: its package is not installed

    >>> edge_module("onnx_of_nobody.part")
    Traceback (most recent call last):
    marslab.errors.MissingExtra: onnx_of_nobody is not installed: pip install 'marslab[edge]'
    """
    package = name.partition(".")[0]
    with quiet():
        try:
            import_module(package)
        except ModuleNotFoundError as error:
            raise MissingExtra(EXTRA, package) from error
        return import_module(name)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the notes to themselves that torch and torchao make about their own code."""
    before = {name: logging.getLogger(name).level for name in LOGGERS}
    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            for text, kind in OWN_WARNINGS:
                warnings.filterwarnings("ignore", text, kind)
            yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)
