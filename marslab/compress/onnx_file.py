"""A model as an ONNX file, and such a file as a model."""

from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from marslab import files
from marslab.compress.edge_extra import edge_module, quiet
from marslab.compress.lowering import lowered
from marslab.errors import UserError

OPSET = 18  # the least that torch's exporter writes without converting back
INPUT, OUTPUT = "x", "y"
OVERFLOW = "session.x64quantprecision"


def to_onnx(
    model: nn.Module, example: Tensor, path: str | PathLike[str], *, opset: int = OPSET
) -> Path:
    """Write `model` to `path`, for a batch of any size; return the path.

    The model may be rounded to 8 bits by `to_static_int8` or `convert`: its roundings become pairs
    of QuantizeLinear and DequantizeLinear, which onnxruntime joins to products of whole numbers.
    Where in the source each node comes from is left out: in a small model that is most of the file.

    Shapes (B batch):
        example: [B, ...], the sizes that the file will take, B aside

    Errors:
        MissingExtra: onnx or onnxscript is not installed
        ValueError: opset is below 18, or the example has no batch
        OSError: the file cannot be written; an old one is untouched

    Source:
        MARS v4, 5; erratum M38 (opset 13 has no Fourier transform and no complex numbers).
    """
    if opset < OPSET:
        raise ValueError(f"to_onnx: opset must be at least {OPSET}, got {opset}")
    edge_module("onnxscript")
    edge_module("onnx")
    program = lowered(model, example)
    with quiet(), torch.no_grad():
        made = torch.onnx.export(
            program,
            dynamo=True,
            opset_version=opset,
            input_names=[INPUT],
            output_names=[OUTPUT],
            verbose=False,
        )
    assert made is not None
    proto = made.model_proto
    for node in proto.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    del proto.graph.value_info[:], proto.graph.metadata_props[:]
    _own_zero_points(proto.graph)
    files.write_bytes(path, proto.SerializeToString())
    return Path(path)


def _own_zero_points(graph: Any) -> None:
    """Give each weight zero points of its own: onnxruntime replaces them, and fails at shared ones.

    It does so where `OVERFLOW` makes unsigned numbers of signed ones.
    """
    known = {x.name: x for x in graph.initializer if x.dims}
    met: set[str] = set()
    for node in graph.node:
        name = "".join(node.input[2:])
        if node.op_type != "DequantizeLinear" or name not in known:
            continue
        if name in met:
            own = graph.initializer.add()
            own.CopyFrom(known[name])
            own.name = node.input[2] = f"{name}_of_{node.input[0]}"
        met.add(name)


class OnnxModel(nn.Module):
    """An ONNX file that is called like a model, run by onnxruntime on the CPU; it cannot learn.

    An x86 CPU without VNNI adds the products of whole numbers in pairs of 16 bits, and cuts off
    what is more; there a slower product is taken, which is exact. onnxruntime cannot do that with a
    file in which layers share a weight: then `exact` is False.

    Shapes (B batch):
        x: [B, ...] as the file takes it
        returns: [B, ...] float32

    Units:
        threads: of one call

    Errors:
        MissingExtra: onnxruntime is not installed
        UserError: there is no such file, or it is no ONNX file
    """

    def __init__(self, path: str | PathLike[str], *, threads: int = 1) -> None:
        super().__init__()
        edge_module("onnxruntime")
        if not Path(path).is_file():
            raise UserError(f"there is no ONNX file at {path}: write one with to_onnx")
        self.exact = True
        try:
            self.session = _session(path, threads, exact=True)
        except Exception:  # onnxruntime's own kinds have no common base of their own
            self.exact = False
            try:
                self.session = _session(path, threads, exact=False)
            except Exception as error:
                raise UserError(
                    f"{path} is no ONNX file that onnxruntime can run: {error}"
                ) from error

    def forward(self, x: Tensor) -> Tensor:
        (y,) = self.session.run([OUTPUT], {INPUT: x.numpy()})
        return torch.from_numpy(y)


def _session(path: str | PathLike[str], threads: int, *, exact: bool) -> Any:
    runtime = edge_module("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = threads
    options.log_severity_level = 4  # nothing: what fails is raised
    options.add_session_config_entry(OVERFLOW, str(int(exact)))
    return runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
