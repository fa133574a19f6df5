"""Scenarios: which examples stand in which task, and what was done to them."""

import pytest
import torch

from marslab.errors import UserError
from marslab.tasks import load_digits_sequences
from marslab.tasks.continual import (
    SCENARIOS,
    find_scenario,
    permuted_digits,
    rotate,
    rotated_digits,
    split_by_class,
    split_digits,
    validation,
)


def test_a_split_holds_each_digit_once() -> None:
    data, scenario = load_digits_sequences(), split_digits()
    assert [sorted(t.split.test_y.unique().tolist()) for t in scenario.tasks] == [
        [0, 1], [2, 3], [4, 5], [6, 7], [8, 9]
    ]  # fmt: skip
    assert sum(len(t.split.train_y) for t in scenario.tasks) == len(data.train_y)
    assert sum(len(t.split.test_y) for t in scenario.tasks) == len(data.test_y)
    assert all(t.allowed.all() for t in scenario.tasks)
    told = split_digits("task").tasks
    assert [t.allowed.nonzero().flatten().tolist() for t in told] == [
        [0, 1], [2, 3], [4, 5], [6, 7], [8, 9]
    ]  # fmt: skip


def test_permuted_pixels_are_the_same_ones_elsewhere() -> None:
    data, tasks = load_digits_sequences(), permuted_digits(3).tasks
    assert torch.equal(tasks[0].split.train_x, data.train_x)
    for task in tasks[1:]:
        x = task.split.train_x
        assert x.shape == data.train_x.shape and not torch.equal(x, data.train_x)
        assert torch.equal(x.flatten(1).sort().values, data.train_x.flatten(1).sort().values)
    # One order for training and held-out examples: each place is a place of the originals in both.
    whole = torch.cat((data.train_x, data.test_x)).flatten(1)
    moved = torch.cat((tasks[1].split.train_x, tasks[1].split.test_x)).flatten(1)
    assert all((whole == moved[:, [j]]).all(0).any() for j in range(64))
    assert torch.equal(permuted_digits(3).tasks[2].split.test_x, tasks[2].split.test_x)


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_quarter_turns_are_those_of_rot90(quarters: int) -> None:
    x = torch.rand(5, 8, 8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(
        rotate(x, 90 * quarters), x.rot90(quarters, (1, 2)), atol=1e-5, rtol=0
    )


def test_rotated_digits_are_turned() -> None:
    data, tasks = load_digits_sequences(), rotated_digits((0, 90)).tasks
    torch.testing.assert_close(
        tasks[1].split.test_x, data.test_x.rot90(1, (1, 2)), atol=1e-5, rtol=0
    )


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_validation_holds_out_training_examples_alone(name: str) -> None:
    whole = find_scenario(name)
    for task, part in zip(whole.tasks, validation(whole).tasks, strict=True):
        n, held = len(part.split.train_y), len(part.split.test_y)
        assert n + held == len(task.split.train_y) and abs(held - n / 4) < 2
        rows = torch.cat((part.split.train_x, part.split.test_x)).flatten(1)
        expected = task.split.train_x.flatten(1)
        torch.testing.assert_close(rows.sum(0), expected.sum(0))


def test_what_cannot_be_is_refused() -> None:
    data = load_digits_sequences()
    with pytest.raises(ValueError, match="one group only"):
        split_by_class(data, [(0, 1), (1, 2)])
    with pytest.raises(ValueError, match=r"no examples of the group \[11\]"):
        split_by_class(data, [(0, 1), (11,)])
    with pytest.raises(UserError, match="Did you mean 'split-digits-task'"):
        find_scenario("split-digit-task")
