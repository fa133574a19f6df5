"""ONNX files: onnxruntime answers as torch does, in whole numbers where it should."""

import sys
from collections import Counter
from pathlib import Path

import pytest
import torch
from torch import nn

from marslab.compress.executorch_file import MissingExecutorch, to_executorch
from marslab.compress.onnx_file import OnnxModel, to_onnx
from marslab.compress.pt2e import to_static_int8
from marslab.errors import MissingExtra, UserError
from marslab.systems.registry import build, load
from marslab.tasks import load_digits_sequences

onnx = pytest.importorskip("onnx", reason="needs onnx: pip install 'marslab[edge]'")
for _name in ("onnxruntime", "onnxscript", "torchao"):
    pytest.importorskip(_name, reason=f"needs {_name}: pip install 'marslab[edge]'")
EXAMPLE = torch.zeros(1, 8, 8)


def nodes(path: Path) -> Counter:
    return Counter(node.op_type for node in onnx.load(path).graph.node)


@torch.no_grad()
@pytest.mark.slow
@pytest.mark.parametrize("op", ["selective_scan", "ssd", "min_gru", "linear_scan"])
def test_onnxruntime_answers_as_torch(op: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = build("digits-scan", {"ssm.op": op}).eval()
    run = OnnxModel(to_onnx(model, EXAMPLE, tmp_path / "model.onnx"))
    for batch in (1, 2, 5):
        x = torch.rand(batch, 8, 8)
        torch.testing.assert_close(run(x), model(x), rtol=0, atol=1e-4)


@torch.no_grad()
@pytest.mark.slow
def test_the_shipped_model_in_eight_bits(tmp_path: Path) -> None:
    split = load_digits_sequences()
    model = load("digits-scan")
    made = to_static_int8(model, EXAMPLE, split.train_x[:512].split(128))
    real = to_onnx(model, EXAMPLE, tmp_path / "real.onnx")
    small = to_onnx(made, EXAMPLE, tmp_path / "small.onnx", opset=19)
    assert small.stat().st_size < 0.7 * real.stat().st_size
    found = nodes(small)
    linear = sum(isinstance(m, nn.Linear) for m in model.modules())
    assert found["QuantizeLinear"] >= linear - 1 and found["DequantizeLinear"] >= 2 * linear - 1
    weights = [x for x in onnx.load(small).graph.initializer if x.data_type == 3 and x.dims[1:]]
    assert sum(torch.Size(x.dims).numel() for x in weights) == sum(
        m.weight.numel() for m in model.modules() if isinstance(m, nn.Linear)
    )
    answers = OnnxModel(small)(split.test_x).argmax(-1)
    assert (answers == model(split.test_x).argmax(-1)).float().mean() > 0.97
    assert (answers == split.test_y).float().mean() > 0.93
    opsets = [onnx.load(p).opset_import[0].version for p in (real, small)]
    assert opsets == [18, 19]


@torch.no_grad()
def test_large_whole_numbers_are_not_cut_off(tmp_path: Path) -> None:
    """255 * 127 * 2 is more than 16 bits hold; there an x86 CPU without VNNI adds unless told."""
    layers = [nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 2)]
    for at, layer in enumerate(layers[::2]):
        nn.init.constant_(torch.as_tensor(layer.weight), 0.5 - at / 10)
        torch.as_tensor(layer.weight).data[:, at] /= 2
    x = torch.cat([torch.ones(1, 8), torch.zeros(1, 8)])
    made = to_static_int8(nn.Sequential(*layers), x[:1], [x])
    run = OnnxModel(to_onnx(made, x[:1], tmp_path / "large.onnx"))
    torch.testing.assert_close(run(x), made(x), rtol=1e-5, atol=1e-5)
    assert run.exact


@torch.no_grad()
def test_where_layers_share_a_weight_the_fast_product_is_taken_and_said(tmp_path: Path) -> None:
    layer = nn.Linear(8, 8)
    model = nn.Sequential(layer, nn.ReLU(), layer, nn.ReLU(), nn.Linear(8, 2))
    x = torch.randn(64, 8)
    made = to_static_int8(model, x[:1], [x])
    run = OnnxModel(to_onnx(made, x[:1], tmp_path / "shared.onnx"))
    assert not run.exact
    off = (run(x) - made(x)).norm() / made(
        x
    ).norm()  # eight seeds: 0.004 to 0.13 on a CPU without VNNI
    assert off < 0.3


def test_the_file_says_nothing_of_where_it_was_made(tmp_path: Path) -> None:
    path = to_onnx(nn.Sequential(nn.Linear(3, 2)), torch.zeros(1, 3), tmp_path / "a.onnx")
    assert b".py" not in path.read_bytes()


def test_mistakes(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="opset must be at least 18, got 13"):
        to_onnx(nn.Linear(3, 2), torch.zeros(1, 3), tmp_path / "a.onnx", opset=13)
    with pytest.raises(UserError, match="no ONNX file at"):
        OnnxModel(tmp_path / "none.onnx")
    (tmp_path / "bad.onnx").write_bytes(b"no model")
    with pytest.raises(UserError, match="is no ONNX file that onnxruntime can run"):
        OnnxModel(tmp_path / "bad.onnx")


@pytest.mark.parametrize("name", ["onnx", "onnxscript"])
def test_a_missing_package_names_the_extra(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtra, match=rf"{name} is not installed: .*marslab\[edge\]"):
        to_onnx(nn.Linear(3, 2), torch.zeros(1, 3), tmp_path / "a.onnx")


def test_a_missing_runtime_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtra, match="onnxruntime is not installed"):
        OnnxModel("a.onnx")


def test_executorch_is_named_when_it_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "executorch", None)
    with pytest.raises(MissingExecutorch, match="executorch is not installed") as error:
        to_executorch(nn.Linear(3, 2), torch.zeros(1, 3), tmp_path / "a.pte")
    assert error.value.exit_code == 3 and not (tmp_path / "a.pte").exists()


@torch.no_grad()
def test_executorch_writes_a_file_that_answers(tmp_path: Path) -> None:
    pytest.importorskip("executorch", reason="needs executorch: pip install executorch")
    runtime = pytest.importorskip("executorch.runtime")
    model, x = nn.Sequential(nn.Linear(3, 2)), torch.rand(2, 3)
    path = to_executorch(model, x, tmp_path / "a.pte")
    method = runtime.Runtime.get().load_program(path).load_method("forward")
    torch.testing.assert_close(method.execute([x])[0], model(x), rtol=1e-4, atol=1e-4)
