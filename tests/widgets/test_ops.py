"""Every operation of the Scans view: what it is fed, what is drawn, what its controls do."""

from dataclasses import fields, replace
from typing import Any

import panel as pn
import pytest
import torch

from marslab.kernels import circular_conv, linear_scan, roofline
from marslab.widgets.frame import address
from marslab.widgets.views import Scans
from marslab.widgets.views.scans import OPS, ScanResult, ScanSetup, run, time_backends
from marslab.widgets.views.scans.answers import used
from marslab.widgets.views.scans.setup import DTYPES

# torch everywhere: the other backends are compiled and tried in tests/kernels
SMALL: dict[str, Any] = {
    "backend": "torch",
    "L": 16,
    "D": 2,
    "K": 4,
    "V": 3,
    "step": 9,
    "dim": 64,
    "items": 9,
}
SMALL |= {"rows": 6, "columns": 10, "chunk": 5, "N": 4}
LOOK: dict[str, Any] = {"title": "a title", "dark": True, "height": 300}
OTHER: dict[str, Any] = {"tau": 3.0, "reverse": True, "discretisation": "euler", "reduction": "sum"}
OTHER |= {"method": "newton", "radius": 0.5, "dim": 128, "flips": 45, "packing": "5trit"}


def small(op: str, **more: Any) -> ScanSetup:
    return ScanSetup(op=op, **{**SMALL, **more})


def shown(**state: Any) -> Scans:
    view = Scans(**{**SMALL, **state})
    view.__panel__()
    assert not view._alert.visible, view._alert.object
    return view


def all_inputs() -> list[tuple[str, str]]:
    return [(name, source) for name, op in OPS.items() for source in op.sources]


@pytest.mark.parametrize(("name", "source"), all_inputs())
def test_every_op_runs_on_every_input_and_agrees_with_its_definition(
    name: str, source: str
) -> None:
    result = run(small(name, source=source, text="aé"))
    assert result.error is not None and result.error < 1e-5
    _drawn(result)


def _drawn(result: ScanResult) -> None:
    for picture in result.op.pictures.values():
        layout = picture.draw(result, LOOK).to_plotly_json()["layout"]
        assert layout["title"]["text"] == "a title" and layout["height"] == 300
        assert layout["xaxis"]["title"]["text"] and layout["yaxis"]["title"]["text"]
        assert len(picture.table(result).columns) >= 2


@pytest.mark.parametrize("name", [name for name, op in OPS.items() if op.typed])
def test_every_number_type_is_taken(name: str) -> None:
    for dtype in DTYPES:
        assert run(small(name, dtype=dtype)).h.dtype == DTYPES[dtype]


@pytest.mark.parametrize("name", OPS)
def test_no_control_is_dead(name: str) -> None:
    op, before = OPS[name], small(name)
    for control in op.used(before):
        now = getattr(before, control)
        other = OTHER.get(control, now + 1 if isinstance(now, int) else None)
        after = replace(before, **{control: other})
        assert _told(before) != _told(after), control
        assert control in used(before)


def _told(setup: ScanSetup) -> str:
    """All that a page shows of a setup."""
    result = run(setup)
    return str((result.op.source(setup), setup.sizes, result.h.tolist(), result.more))


def test_every_control_is_a_field_and_every_field_is_used() -> None:
    known = {field.name for field in fields(ScanSetup)}
    controls = {name for op in OPS.values() for name in op.controls}
    assert controls <= known
    assert known - controls == {"op", "source", "text", "digit", "dtype", "device", "backend"}


def test_controls_of_other_ops_are_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    view = shown()
    monkeypatch.setattr(Scans, "refresh", lambda _view: None)  # the controls follow at once
    kinds = (pn.widgets.IntInput, pn.widgets.DiscreteSlider, pn.widgets.Select)
    controls: list[Any] = [w for kind in kinds for w in view.__panel__().select(kind)]
    usual = {"Operation", "Backend", "Number type", "Seed", "Device"}
    for name, op in OPS.items():
        view.op = name
        seen = {widget.label for widget in controls if widget.visible}
        labels = {label for field, label in op.used(view).items() if field != "seed"}
        assert seen - usual == labels, name
        assert ("Number type" in seen) == op.typed


@pytest.mark.parametrize("name", OPS)
def test_the_python_of_every_op_gives_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pn, "extension", lambda *_: None)
    reduction = "decay" if name == "chunk_reduce" else "mean"
    view = Scans(**{**SMALL, "op": name, "reduction": reduction})
    scope: dict[str, Any] = {}
    exec(view.code(), scope)
    got = OPS[name].main(scope[OPS[name].result])
    torch.testing.assert_close(got, run(view.setup()).h, rtol=0, atol=0)
    assert scope["setup"].sizes == view.setup().sizes


@pytest.mark.parametrize("name", OPS)
def test_every_op_is_timed_beside_the_floor(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roofline, "stream", lambda _device: 1e10)
    monkeypatch.setattr(roofline, "matmul_rate", lambda _device: 1e11)
    monkeypatch.setitem(OPS, name, OPS[name]._replace(backends=("naive", "torch")))
    timings = time_backends(small(name), runs=2)
    assert set(timings.runs) == {"naive", "torch"} and timings.floor > 0


def test_a_figure_that_the_op_has_not_gives_way_to_its_first() -> None:
    view = shown(op="ssd", figure="dual")
    assert view.drawn == "dual"
    view.op = "hamming_topk"
    assert view.wait(60) and view.drawn == "distances" and view.figure == "dual"
    assert view._plot.object == view.draw()


def test_a_link_may_name_its_parts_in_any_order() -> None:
    for link in ("?figure=matrix&op=wkv7&H=3", "?H=3&op=wkv7&figure=matrix"):
        view = Scans()
        assert address.read(view, view.state, link) == []
        assert view.drawn == "matrix" and view.setup().H == 3
        assert address.write(view, view.state) == "?op=wkv7&H=3&figure=matrix"


def test_an_input_that_the_op_does_not_take_gives_way_to_random_numbers() -> None:
    setup = small("hamming_topk", source="text", text="")
    assert setup.input == "random" and "source" not in used(setup)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"op": "attention"}, r"unknown op 'attention'; choose from \['linear_scan'"),
        ({"op": "ssd", "H": 0}, "Scans: H must be positive, got 0"),
        ({"op": "ssd", "L": 65536, "H": 64}, "B × L × H × P × N = 268,435,456 elements"),
    ],
)
def test_an_impossible_question_is_refused_in_one_sentence(asked: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ScanSetup(**asked)


def test_what_an_op_refuses_is_a_card() -> None:
    view = shown(op="hamming_topk")
    view.k = 20
    assert view.wait(60) and view._alert.visible
    assert "k must be from 0 to the 9 codes there are, got 20" in str(view._alert.object)


def test_the_dual_of_ssd_gives_its_output() -> None:
    result = run(small("ssd", dtype="float64"))
    x = result.operands.x[0, :, -1]
    torch.testing.assert_close(result.more @ x, result.h[0, :, -1], rtol=1e-9, atol=1e-9)


def test_the_memory_of_wkv7_holds_what_followed_what() -> None:
    result = run(small("wkv7", source="text", text="abcd", K=64, tau=4096.0, step=4, H=1))
    value, key = result.operands.v[0, 3, 0], result.operands.k[0, 3, 0]
    assert torch.equal(key, result.operands.r[0, 2, 0])  # what the step before is read with
    assert torch.cosine_similarity(result.more @ key.double(), value.double(), dim=0) > 0.99


def test_sweeps_end_below_their_tolerance_and_giving_up_is_told() -> None:
    result = run(small("gated_recurrence", dtype="float64"))
    assert result.more.sweeps[-1] == result.more.info.iterations
    assert result.more.residuals[-1] <= result.more.tol < result.more.residuals[0]
    given_up = result.more.info._replace(converged=False)
    facts = result.op.facts(result._replace(more=result.more._replace(info=given_up)))
    assert "gave up" in facts[0][1]


def test_a_bound_pair_is_recalled_and_a_full_memory_fails() -> None:
    right = run(small("circular_conv", dim=1024, pairs=4)).more.diagonal()
    crowded = run(small("circular_conv", dim=64, pairs=64)).more.diagonal()
    assert right.min() > 0.3 and crowded.min() < 0.2
    again = run(small("circular_corr", dim=1024, pairs=4)).more
    torch.testing.assert_close(again.diagonal(), right, atol=1e-5, rtol=0)
    keys, memory = run(small("circular_corr", pairs=2)).operands
    values = run(small("circular_conv", pairs=2)).operands.b
    torch.testing.assert_close(memory[0], circular_conv(keys, values).sum(0))


def test_the_flipped_code_is_the_nearest() -> None:
    found = run(small("hamming_topk", dim=1024, flips=10)).more
    assert found.nearest[0] == 0 and 50 < found.distances[0] < 160
    assert min(found.distances[1:]) > 400


def test_every_packing_gives_the_same_product() -> None:
    one, other = (run(small("ternary_matmul", packing=p)) for p in ("2bit", "5trit"))
    torch.testing.assert_close(one.h, other.h)
    assert set(one.more.weights.unique().tolist()) == {-1.0, 0.0, 1.0}


def test_min_gru_at_rest_forgets_as_its_time_constant_says() -> None:
    z, x, h0 = run(small("min_gru", dtype="float64", D=2, tau=8.0)).operands
    mean = x.mean((1, 2), keepdim=True)
    kept = 1 - torch.sigmoid(z - 4 * (x - mean))
    assert torch.allclose(-1 / kept[0, 0].log(), torch.tensor([1.0, 8.0], dtype=torch.float64))
    a = 1 - torch.sigmoid(z)
    expected = linear_scan(a, (1 - a) * x, h0, backend="naive")
    torch.testing.assert_close(run(small("min_gru", dtype="float64", D=2, tau=8.0)).h, expected)
