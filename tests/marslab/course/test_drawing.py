"""What cases are made of: bounds that hold, and the simplest choice first."""

from random import Random

import pytest
import torch

from marslab.lab.course.drawing import Dice, Draw, nice_numbers
from marslab.lab.course.searching import search


def draws(most: int = 1000, limits: tuple[int, ...] = ()) -> list[Draw]:
    dice = Dice(Random(0))
    return [Draw(dice, most, limits) for _ in range(300)]


def test_the_simplest_case() -> None:
    draw = Draw(Dice(None), 1000)
    assert (draw.size(5), draw.size(9, low=3), draw.integer(-4, 4)) == (1, 3, 0)
    assert (draw.integer(2, 9), draw.integer(-9, -2), draw.number()) == (2, -2, 0.0)
    assert (draw.flag(), draw.choice("xyz"), draw.permutation(3)) == (False, "x", [0, 1, 2])
    assert (draw.text(), draw.text(low=2), draw.byte_string(low=1)) == ("", "aa", b"\0")
    assert torch.equal(draw.tensor(2, 1), torch.zeros(2, 1, dtype=torch.float64))
    assert torch.equal(draw.integers(3, low=1, high=4), torch.ones(3, dtype=torch.int64))
    assert torch.equal(draw.mask(2), torch.tensor([False, False]))


@pytest.mark.parametrize(("low", "high"), [(-3, 7), (-7, 3), (-2, 2), (0, 5), (-5, 0), (3, 6)])
def test_integers_reach_all_of_their_range(low: int, high: int) -> None:
    found = {draw.integer(low, high) for draw in draws()}
    assert found == set(range(low, high + 1))


def test_tensors_have_their_shape_range_and_dtype() -> None:
    seen = set()
    for draw in draws():
        shape = draw.size(3), draw.size(5, low=2)
        drawn = draw.tensor(*shape, low=-1, high=1.5, step=0.5, dtype=torch.float32)
        assert drawn.shape == shape and drawn.dtype == torch.float32 and drawn.is_contiguous()
        seen |= set(drawn.flatten().tolist())
    assert seen == {-1.0, -0.5, 0.0, 0.5, 1.0, 1.5}
    assert Draw(Dice(Random(0)), 9).tensor(0, 3).shape == (0, 3)
    assert Draw(Dice(Random(0)), 9).tensor().shape == ()


def test_sizes_obey_their_limits() -> None:
    for draw in draws(most=3, limits=(2,)):
        assert draw.size(9) <= 2 and draw.size(9) <= 3 and draw.size(9, low=5) == 5
    assert {draw.size(3) for draw in draws()} == {1, 2, 3}


def test_the_rest_is_what_was_asked_for() -> None:
    for draw in draws():
        assert sorted(draw.permutation(4)) == [0, 1, 2, 3]
        assert 1 <= len(draw.text(3, 1, "ab")) <= 3
        assert len(draw.byte_string(2)) <= 2
        assert draw.number(0, 1, 0.25) in nice_numbers(0, 1, 0.25)
        assert set(draw.mask(5).tolist()) <= {False, True}
    assert len({tuple(draw.permutation(4)) for draw in draws()}) == 24


def test_nice_numbers_come_simplest_first() -> None:
    assert nice_numbers(-2, 2, 0.5) == (0, 1, -1, 2, -2, 0.5, -0.5, 1.5, -1.5)
    assert nice_numbers(0.3, 0.9, 0.25) == (0.5, 0.75)
    with pytest.raises(ValueError, match="are 0 numbers, take 1 to 256"):
        nice_numbers(0.3, 0.4, 0.25)
    with pytest.raises(ValueError, match="are 2001 numbers, take 1 to 256"):
        nice_numbers(-1000, 1000, 1)


def test_hypothesis_makes_every_kind_of_choice_simple() -> None:
    def cases(draw: Draw) -> tuple[object, ...]:
        return (
            draw.size(6),
            draw.integer(-50, 50),
            draw.permutation(3),
            draw.text(5, letters="abc"),
            draw.choice((0.5, 1.5, 2.5)),
            draw.tensor(2),
        )

    def large(args: tuple[object, ...]) -> tuple[object, ...] | None:
        size, number, order, text, _, tensor = args
        assert isinstance(size, int) and isinstance(number, int) and isinstance(text, str)
        assert isinstance(tensor, torch.Tensor)
        fails = size > 2 and abs(number) > 6 and order != [0, 1, 2] and text and tensor.any()
        return args if fails else None

    smallest = search(cases, large).failure
    assert smallest is not None
    *found, tensor = smallest
    assert found == [3, 7, [0, 2, 1], "a", 0.5]
    assert isinstance(tensor, torch.Tensor) and tensor.tolist() == [1.0, 0.0]
