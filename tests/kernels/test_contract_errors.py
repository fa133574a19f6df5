"""What every op says of bad input: one sentence with its own name and that of the argument."""

import pytest
import torch

from ops import OPS

NAMED = [(name, field) for name, op in OPS.items() for field in op.fields]


def refused(name: str, field: str, value: object, error: type[Exception]) -> str:
    op = OPS[name]
    operands = list(op.inputs(op.tiny))
    operands[op.index(field)] = value
    with pytest.raises(error) as caught:
        op.call("auto")(*operands)
    said = str(caught.value)
    assert said.startswith(f"{name}: ") and "\n" not in said
    return said


@pytest.mark.parametrize("name, field", NAMED)
def test_what_is_no_tensor_is_named(name: str, field: str) -> None:
    said = refused(name, field, [1.0], TypeError)
    assert field in said and "list" in said


@pytest.mark.parametrize("dtype", [torch.int64, torch.complex64], ids=str)
@pytest.mark.parametrize("name, field", NAMED)
def test_a_wrong_dtype_is_named(name: str, field: str, dtype: torch.dtype) -> None:
    given = OPS[name].inputs(OPS[name].tiny)[OPS[name].index(field)]
    said = refused(name, field, given.to(dtype), TypeError)
    assert str(dtype).removeprefix("torch.") in said


@pytest.mark.parametrize("name, field", NAMED)
def test_one_axis_too_many_is_named(name: str, field: str) -> None:
    given = OPS[name].inputs(OPS[name].tiny)[OPS[name].index(field)]
    said = refused(name, field, given[None], ValueError)
    assert str(list(given[None].shape)) in said


@pytest.mark.parametrize("name, field", NAMED)
def test_a_wrong_size_is_told_with_what_was_needed(name: str, field: str) -> None:
    given = OPS[name].inputs(OPS[name].tiny)[OPS[name].index(field)]
    wrong = torch.cat([given, given, given], -1)
    op = OPS[name]
    operands = [
        wrong if f == field else x for f, x in zip(op.fields, op.inputs(op.tiny), strict=True)
    ]
    with pytest.raises(ValueError, match=f"^{name}: .*got"):
        op.call("auto")(*operands)


@pytest.mark.parametrize("name, field", NAMED)
def test_two_devices_are_named(name: str, field: str) -> None:
    given = OPS[name].inputs(OPS[name].tiny)[OPS[name].index(field)]
    said = refused(name, field, given.to("meta"), ValueError)
    assert "one device" in said and f"{field} on meta" in said


@pytest.mark.parametrize("name", OPS)
def test_a_backend_that_is_not_there_is_named(name: str) -> None:
    op = OPS[name]
    with pytest.raises(ValueError, match=f"^{name}: unknown backend 'abacus'"):
        op.call("abacus")(*op.inputs(op.tiny))


@pytest.mark.parametrize("name", OPS)
def test_options_are_named_not_counted(name: str) -> None:
    op = OPS[name]
    with pytest.raises(TypeError, match="positional"):
        op.op(*op.inputs(op.tiny), True)
