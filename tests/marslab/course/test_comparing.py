"""When two results are the same, and the texts that show them."""

import numpy as np
import pytest
import torch

from marslab.lab.course import showing
from marslab.lab.course.comparing import difference

x = torch.tensor([1.0, 2.0])


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        (x + 1e-7, x),
        (torch.tensor([torch.inf, torch.nan]), torch.tensor([torch.inf, torch.nan])),
        (1, 1.0),
        (torch.tensor([2.0]), 2.0),
        (np.float64(2.0), 2.0),
        (2.0, np.float64(2.0)),
        (float("nan"), float("nan")),
        (float("inf"), float("inf")),
        ([x, "a"], (x, "a")),
        ({"h": x}, {"h": x.clone()}),
        (b"ab", b"ab"),
        (x.bool(), x.bool()),
        (np.ones(2), np.ones(2)),
        (x.clone().requires_grad_(), x),
        (True, True),
    ],
)
def test_the_same(got: object, expected: object) -> None:
    assert difference(got, expected, tolerance=1e-6) is None


@pytest.mark.parametrize(
    ("got", "expected", "kind", "sentence"),
    [
        (x + 1e-5, x, "value", ""),
        (x * torch.inf, x, "value", ""),
        (x, x * torch.inf, "value", ""),
        (1.001, 1.0, "value", ""),
        (1_000_001, 1_000_000, "value", ""),
        ("a", "b", "value", ""),
        ("1", 1, "type", "It is a str, expected an int."),
        (True, 1, "type", "It is a bool, expected an int."),
        (1, True, "type", "It is an int, expected a bool."),
        (x, 1.0, "type", "It is a tensor of shape [2], expected a float."),
        (1.0, x, "type", "It is a float, expected a tensor."),
        (x.numpy(), x, "type", "It is a NumPy array of shape [2], expected a tensor."),
        (x, x.numpy(), "type", "It is a tensor of shape [2], expected a NumPy array."),
        (x.numpy().astype("f2"), x.numpy(), "dtype", "It has dtype float16, expected float32."),
        (b"a", "a", "type", "It is a bytes, expected a str."),
        (x, (x, x), "type", "It is a tensor of shape [2], expected 2 results."),
        ((x,), (x, x), "length", "It has 1 parts, expected 2."),
        ((x, x[:1]), (x, x), "shape", "Part 2 has shape [1], expected [2]."),
        (((x, 1.0),), ((x, "a"),), "type", "Part 1, part 2 is a float, expected a str."),
        ({"h": x}, {"y": x}, "length", "It has the keys ['h'], expected ['y']."),
        ({"h": 1.0 * x[0]}, {"h": x}, "shape", "Entry 'h' has shape [], expected [2]."),
        (1.0, {"h": x}, "type", "It is a float, expected a dict."),
        (float("nan"), 1.0, "nan", "It is NaN, expected a number."),
        (x.bool(), x.bool().logical_not(), "value", ""),
        (
            torch.arange(20.0).reshape(4, 5),
            torch.zeros(4, 5),
            "value",
            "It is wrong at 19 of 20 places, first at [0, 1].",
        ),
    ],
)
def test_not_the_same(got: object, expected: object, kind: str, sentence: str) -> None:
    assert difference(got, expected, tolerance=1e-6) == (kind, sentence)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (torch.tensor([[[0.5], [-0.0]]]), "[0.5, 0.0]"),
        (torch.tensor([[[1 / 3]]]), "[0.3333]"),
        (torch.tensor([[[1, 2]], [[3, 4]]]), "[[1, 2], [3, 4]]"),
        (torch.tensor(2.0), "2.0"),
        (torch.zeros(0, 2), "[]"),
        (torch.tensor([True]), "[True]"),
        (torch.tensor([1 + 2j]), "[1+2j]"),
        (torch.arange(30), f"[{', '.join(map(str, range(24)))}, ... 30 in all]"),
        (np.array([1.5]), "[1.5]"),
        ((1, 2.0, "a"), "(1, 2.0, 'a')"),
        ({"h": 0.125}, "{h: 0.125}"),
        (test_the_same, "test_the_same"),
        ("a" * 100, f"'{'a' * 76}..."),
        (1e-9, "1e-09"),
    ],
)
def test_texts(value: object, text: str) -> None:
    assert showing.text(value) == text


def test_as_many_digits_as_it_takes() -> None:
    assert showing.pair(torch.tensor([0.1]).double(), torch.tensor([0.1 + 1e-5]).double()) == (
        "[0.1]",
        "[0.10001]",
    )


def test_arguments_of_several_shapes_each_tell_theirs() -> None:
    line = showing.case(["q", "S", "n"], [torch.ones(1, 2), torch.zeros(2, 1, 1), 3])
    assert line == ["q = [1.0, 1.0] (shape [1, 2]), S = [0.0, 0.0] (shape [2, 1, 1]), n = 3"]


def test_a_long_case_takes_a_line_for_each_argument() -> None:
    lines = showing.case(["a", "b"], [torch.zeros(3, 5), torch.ones(3, 5)])
    assert [line[:7] for line in lines] == ["a = [[0", "b = [[1"]
    assert [line.endswith("(shape [3, 5])") for line in lines] == [True, True]
