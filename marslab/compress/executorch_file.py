"""A model as an ExecuTorch file, for phones."""

from importlib import import_module
from os import PathLike
from pathlib import Path

from torch import Tensor, nn

from marslab import files
from marslab.compress.edge_extra import quiet
from marslab.compress.lowering import lowered
from marslab.errors import UserError


class MissingExecutorch(UserError):
    """ExecuTorch is no part of an extra: it brings a torch of its own version."""

    exit_code = 3


def to_executorch(model: nn.Module, example: Tensor, path: str | PathLike[str]) -> Path:
    """Write `model` to `path` as a .pte file, its products by XNNPACK; return the path.

    It stands in the place of torch.jit, the mobile optimizer and .ptl files, which PyTorch has
    given up.

    Shapes (B batch):
        example: [B, ...], the sizes that the file will take, B aside

    Errors:
        MissingExecutorch: executorch is not installed
        OSError: the file cannot be written; an old one is untouched

    Source:
        MARS v4, 5; erratum M38.
    """
    try:
        exir = import_module("executorch.exir")
        xnnpack = import_module("executorch.backends.xnnpack.partition.xnnpack_partitioner")
    except ModuleNotFoundError as error:
        raise MissingExecutorch(
            "executorch is not installed: pip install executorch, in an environment whose torch "
            "it fits"
        ) from error
    with quiet():
        edge = exir.to_edge_transform_and_lower(
            lowered(model, example), partitioner=[xnnpack.XnnpackPartitioner()]
        )
        files.write_bytes(path, edge.to_executorch().buffer)
    return Path(path)
