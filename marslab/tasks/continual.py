"""Tasks that come one after the other: split, permuted and rotated digits."""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from marslab.errors import UserError, unknown
from marslab.tasks.digits import Split, load_digits_sequences

Kind = Literal["class", "task", "domain"]
PAIRS = ((0, 1), (2, 3), (4, 5), (6, 7), (8, 9))
ANGLES = (0.0, 20.0, 40.0, 60.0, 80.0)


class ContinualTask(NamedTuple):
    """One task of a scenario.

    Shapes (C classes of the whole scenario):
        allowed: [C] bool, the classes that an answer is chosen from, in training and in scoring
    """

    name: str
    split: Split
    allowed: Tensor


class Scenario(NamedTuple):
    """Tasks in the order in which they are learned.

    "class": new classes with each task, and an answer is chosen from all of them; "task": the same,
    but it is told which task an example belongs to; "domain": the same classes, other inputs.

    Source:
        G. van de Ven & A. Tolias 2019, "Three scenarios for continual learning".
    """

    name: str
    kind: Kind
    tasks: tuple[ContinualTask, ...]
    classes: int

    @property
    def inputs(self) -> int:
        """Numbers in one example."""
        return self.tasks[0].split.train_x[0].numel()


def split_by_class(
    data: Split, groups: Sequence[Sequence[int]] = PAIRS, *, kind: Kind = "class", name: str = ""
) -> Scenario:
    """Return one task for each group of classes; classes keep their numbers.

    Errors:
        ValueError: a group without examples, or a class in two groups

    >>> scenario = split_by_class(load_digits_sequences(), [(0, 1), (2, 3)])
    >>> [task.split.train_y.unique().tolist() for task in scenario.tasks]
    [[0, 1], [2, 3]]
    """
    flat = [label for group in groups for label in group]
    if len(set(flat)) < len(flat):
        raise ValueError(f"split_by_class: a class stands in one group only, got {list(groups)}")
    classes = max(flat) + 1
    tasks = []
    for group in groups:
        of = torch.tensor(sorted(group))
        train, test = torch.isin(data.train_y, of), torch.isin(data.test_y, of)
        if not (train.any() and test.any()):
            raise ValueError(f"split_by_class: the data has no examples of the group {list(group)}")
        part = Split(data.train_x[train], data.train_y[train], data.test_x[test], data.test_y[test])
        allowed = torch.ones(classes, dtype=torch.bool)
        if kind == "task":
            allowed = torch.isin(torch.arange(classes), of)
        tasks.append(ContinualTask(", ".join(map(str, group)), part, allowed))
    return Scenario(name or f"split-{kind}", kind, tuple(tasks), classes)


def split_digits(kind: Kind = "class") -> Scenario:
    """Return five tasks of two digits each.

    >>> scenario = split_digits("task")
    >>> scenario.tasks[1].name, scenario.tasks[1].allowed.nonzero().flatten().tolist()
    ('2, 3', [2, 3])
    """
    return split_by_class(load_digits_sequences(), kind=kind, name=f"split-digits-{kind}")


def permuted_digits(n: int = 5, seed: int = 0) -> Scenario:
    """Return `n` tasks of ten digits; each but the first has its pixels in another fixed order.

    Source:
        I. Goodfellow et al. 2013, "An empirical investigation of catastrophic forgetting".

    >>> first, second = permuted_digits(2).tasks
    >>> bool(first.split.train_x.sum() == second.split.train_x.sum())
    True
    """
    order = torch.Generator().manual_seed(seed)

    def shuffled(at: int, x: Tensor) -> Tensor:
        return x.flatten(1)[:, places[at]].reshape(x.shape)

    places = [torch.arange(64), *(torch.randperm(64, generator=order) for _ in range(1, n))]
    return _domains("permuted-digits", [f"order {at}" for at in range(n)], shuffled)


def rotated_digits(angles: Sequence[float] = ANGLES) -> Scenario:
    """Return a task of ten digits for each angle that the images are turned by.

    Units:
        angles: degrees, against the clock

    >>> [task.name for task in rotated_digits((0, 90)).tasks]
    ['0 degrees', '90 degrees']
    """
    return _domains(
        "rotated-digits",
        [f"{angle:g} degrees" for angle in angles],
        lambda at, x: rotate(x, angles[at]),
    )


def rotate(images: Tensor, degrees: float) -> Tensor:
    """Turn images about their centre, against the clock; what comes from outside is 0.

    Shapes (n images, H rows, W columns):
        images: [n, H, W]

    >>> rotate(torch.tensor([[[1.0, 0.0], [0.0, 0.0]]]), 90).round().tolist()
    [[[0.0, 0.0], [1.0, 0.0]]]
    """
    angle = torch.tensor(degrees).deg2rad()
    cos, sin, zero = angle.cos(), angle.sin(), torch.tensor(0.0)
    turn = torch.stack((cos, -sin, zero, sin, cos, zero)).reshape(1, 2, 3).to(images)
    whole = images.unsqueeze(1)
    grid = F.affine_grid(turn.expand(len(images), 2, 3), list(whole.shape), align_corners=False)
    return F.grid_sample(whole, grid, align_corners=False).squeeze(1)


def _domains(name: str, names: list[str], change: Callable[[int, Tensor], Tensor]) -> Scenario:
    data, allowed = load_digits_sequences(), torch.ones(10, dtype=torch.bool)
    tasks = [
        ContinualTask(
            each,
            data._replace(train_x=change(at, data.train_x), test_x=change(at, data.test_x)),
            allowed,
        )
        for at, each in enumerate(names)
    ]
    return Scenario(name, "domain", tuple(tasks), 10)


def validation(scenario: Scenario) -> Scenario:
    """Return the scenario scored on every fifth of its training examples: to choose settings by.

    >>> whole, part = split_digits(), validation(split_digits())
    >>> [len(s.tasks[0].split.train_y) for s in (whole, part)], len(part.tasks[0].split.test_y)
    ([291, 232], 59)
    """
    tasks = []
    for task in scenario.tasks:
        x, y = task.split.train_x, task.split.train_y
        held = torch.arange(len(y)) % 5 == 0
        tasks.append(task._replace(split=Split(x[~held], y[~held], x[held], y[held])))
    return scenario._replace(tasks=tuple(tasks))


SCENARIOS: dict[str, Callable[[], Scenario]] = {
    "split-digits-class": lambda: split_digits("class"),
    "split-digits-task": lambda: split_digits("task"),
    "permuted-digits": permuted_digits,
    "rotated-digits": rotated_digits,
}


def find_scenario(name: str) -> Scenario:
    """Return the scenario of that name.

    Errors:
        UserError: no such scenario

    >>> find_scenario("rotated-digits").kind
    'domain'
    """
    if name not in SCENARIOS:
        raise UserError(unknown("scenario", name, SCENARIOS))
    return SCENARIOS[name]()
