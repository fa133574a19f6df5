"""Whole numbers of 8 bits for weights and inputs of linear layers, by torchao's PT2E.

PT2E works on the graph of a model, so it sees our ops as the plain torch operations that `lowered`
puts in their place. torchao's own quantizer for x86 was tried: it also rounds what stands between
linear layers, and stops at the scan, whose products of decays are float64. So the places are chosen
here: the input and the weight of each linear layer, and nothing else.
"""

import copy
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from marslab.compress.edge_extra import edge_module, quiet
from marslab.compress.lowering import lowered

PT2E = "torchao.quantization.pt2e"
LINEAR = torch.ops.aten.linear.default


class QatModel(nn.Module):
    """The graph of a model whose linear layers compute with rounded numbers, and still learn.

    The gradient passes each rounding as if it were not there. The ranges of the inputs are
    followed in training mode alone: held-out examples leave no mark on them.

    Shapes (B batch):
        x: [B, ...], all sizes but B those of the example
        returns: what the model returns
    """

    def __init__(self, graph: nn.Module) -> None:
        super().__init__()
        self.graph = graph

    def forward(self, x: Tensor) -> Tensor:
        return self.graph(x)

    def train(self, mode: bool = True) -> "QatModel":
        super().train(mode)
        kind = edge_module(PT2E).FakeQuantizeBase
        quantisers: list[Any] = [m for m in self.modules() if isinstance(m, kind)]
        for quantiser in quantisers:
            quantiser.enable_observer(mode)
        return self


def to_static_int8(model: nn.Module, example: Tensor, batches: Iterable[Tensor]) -> nn.Module:
    """Round a trained model: weights by their channels, inputs by the ranges seen in `batches`.

    The result is a graph that computes in float what whole numbers would give; `to_onnx` makes of
    it a file that is run in whole numbers. The model stays as it is.

    Shapes (B batch):
        example: [B, ...], the sizes that the graph will take
        batches: tensors like it

    Errors:
        MissingExtra: torchao is not installed
        ValueError: there is no batch, or no linear layer

    Source:
        MARS v4, 5; errata M34 and M35 (the printed class does not parse, the printed flow cannot
        run on float inputs).
    """
    graph = _prepared(model, example, training=False)
    seen = 0
    with torch.no_grad():
        for batch in batches:
            graph(batch)
            seen += 1
    if not seen:
        raise ValueError("to_static_int8: batches is empty; give some examples to find ranges by")
    return _converted(graph)


def prepare_qat(model: nn.Module, example: Tensor) -> QatModel:
    """Return a copy of a model to be trained through the rounding; `convert` ends it.

    Shapes (B batch):
        example: [B, ...], the sizes that the graph will take

    Errors:
        MissingExtra: torchao is not installed
        ValueError: the model has no linear layer

    Source:
        Jacob et al. 2018, "Quantization and training of neural networks for efficient
        integer-arithmetic-only inference", 3; MARS v4, 5; erratum M37 (prune, fine-tune, then
        this, then convert).
    """
    return QatModel(_prepared(model, example, training=True)).train()


def convert(model: QatModel) -> nn.Module:
    """Round a model that was trained by `prepare_qat`; it is used up. See `to_static_int8`."""
    return _converted(model.graph)


def _prepared(model: nn.Module, example: Tensor, training: bool) -> nn.Module:
    pt2e, steps = edge_module(PT2E), edge_module(f"{PT2E}.quantize_pt2e")
    program = lowered(copy.deepcopy(model), example)  # a graph holds the very parameters it is of
    if not any(node.target is LINEAR for node in program.graph.nodes):
        raise ValueError("the model has no linear layer: there is nothing to round here")
    prepare = steps.prepare_qat_pt2e if training else steps.prepare_pt2e
    with quiet():
        graph = prepare(program.module(), _quantizer(training))
    pt2e.allow_exported_model_train_eval(graph)
    return graph


def _converted(graph: nn.Module) -> nn.Module:
    pt2e, steps = edge_module(PT2E), edge_module(f"{PT2E}.quantize_pt2e")
    graph.eval()
    with quiet():
        made = steps.convert_pt2e(graph)
    pt2e.allow_exported_model_train_eval(made)
    _drop_unused(made)
    made.eval()  # returns nothing, unlike a module's own
    return made


def _drop_unused(graph: Any) -> None:
    """Remove the float weights that their rounded twins replaced: they would be stored too."""
    used = {node.target for node in graph.graph.nodes if node.op == "get_attr"}
    for name, _ in [*graph.named_parameters(), *graph.named_buffers()]:
        if name not in used:
            owner, _, last = name.rpartition(".")
            delattr(graph.get_submodule(owner), last)


def _quantizer(training: bool) -> Any:
    """What tells PT2E where to round, and how."""
    base = edge_module(f"{PT2E}.quantizer")
    inputs, weights = _specs(training)

    class LinearQuantizer(base.Quantizer):
        def annotate(self, model: Any) -> Any:
            for node in model.graph.nodes:
                if node.target is LINEAR:
                    node.meta["quantization_annotation"] = base.QuantizationAnnotation(
                        input_qspec_map={node.args[0]: inputs, node.args[1]: weights},
                        _annotated=True,
                    )
            return model

        def validate(self, model: Any) -> None:
            pass

    return LinearQuantizer()


def _specs(training: bool) -> tuple[Any, Any]:
    """Inputs: 0 to 255, one step size and zero point. Weights: -127 to 127, a step an output."""
    pt2e, spec = edge_module(PT2E), edge_module(f"{PT2E}.quantizer").QuantizationSpec
    rows = pt2e.PerChannelMinMaxObserver
    if training:
        fake = pt2e.FakeQuantize.with_args
        see, weigh = fake(observer=pt2e.MovingAverageMinMaxObserver), fake(observer=rows)
    else:
        see, weigh = pt2e.HistogramObserver, rows
    inputs = spec(torch.uint8, see, 0, 255, torch.per_tensor_affine)
    weights = spec(torch.int8, weigh, -127, 127, torch.per_channel_symmetric, ch_axis=0)
    return inputs, weights
