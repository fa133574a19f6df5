"""The other methods, each against a figure that is known another way."""

from copy import deepcopy

import pytest
import torch
from torch import nn

from marslab.learning.continual import (
    Combined,
    ExperienceReplay,
    Joint,
    LearningWithoutForgetting,
    MemoryMlp,
    Method,
    Reptile,
    SlotUpdate,
    SparseUpdate,
    SynapticIntelligence,
    make_method,
    mlp,
)
from marslab.learning.continual.batch import Batch, loss, training_rows
from marslab.learning.continual.lwf import distance
from marslab.learning.continual.methods import METHODS
from marslab.learning.continual.replay import Reservoir
from marslab.learning.continual.slots import tf_idf
from marslab.learning.continual.sparse import largest, mean_gradient
from marslab.tasks.continual import ContinualTask, Scenario, split_digits


def begin(kind: str = "class") -> tuple[nn.Module, Scenario]:
    torch.manual_seed(0)
    scenario = split_digits(kind)  # pyright: ignore[reportArgumentType]
    return mlp(scenario, 16), scenario


def steps(
    model: nn.Module, method: Method, task: ContinualTask, n: int, optimizer: torch.optim.Optimizer
) -> Batch:
    """Train for n steps on all examples of a task; return them."""
    rows = method.before_task(model, task)
    for _ in range(n):
        optimizer.zero_grad()
        loss(model, rows).backward()
        added = method.penalty(model, rows)
        if added is not None:
            added.backward()
        optimizer.step()
        method.after_step(model, optimizer)
    return rows


def test_the_work_of_the_weights_is_the_decrease_of_the_loss() -> None:
    """SI's w sums -gradient * change: along a fine path that is what the loss lost."""
    model, scenario = begin()
    model, si = model.double(), SynapticIntelligence()
    task = scenario.tasks[0]
    split = task.split._replace(train_x=task.split.train_x.double())
    task = task._replace(split=split)
    before = loss(model, training_rows(task)).item()
    rows = steps(model, si, task, 400, torch.optim.SGD(model.parameters(), lr=1e-3))
    lost = before - loss(model, rows).item()
    work = sum(x.sum().item() for x in si.work.values())
    assert lost > 0.02 and work == pytest.approx(lost, rel=1e-2)


def test_the_work_counts_the_loss_without_the_penalty() -> None:
    model, scenario = begin()
    si = SynapticIntelligence(strength=1e3)
    adam = torch.optim.Adam(model.parameters(), lr=1e-2)
    steps(model, si, scenario.tasks[0], 5, adam)
    si.after_task(model, scenario.tasks[0])
    sgd = torch.optim.SGD(model.parameters(), lr=1e-3)
    rows = si.before_task(model, scenario.tasks[1])
    with torch.no_grad():  # away from the anchor, so that the penalty pulls
        for p in model.parameters():
            p += 0.1
    si._before = {name: p.detach().clone() for name, p in model.named_parameters()}
    plain = torch.autograd.grad(loss(model, rows), list(model.parameters()))
    sgd.zero_grad()
    loss(model, rows).backward()
    added = si.penalty(model, rows)
    assert added is not None
    added.backward()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    sgd.step()
    si.after_step(model, sgd)
    for (name, p), gradient in zip(model.named_parameters(), plain, strict=True):
        torch.testing.assert_close(si.work[name], -gradient * (p.detach() - before[name]))


def test_a_student_like_its_teacher_pays_nothing() -> None:
    model, scenario = begin()
    lwf = LearningWithoutForgetting(temperature=2.0)
    rows = training_rows(scenario.tasks[1])
    assert lwf.penalty(model, rows) is None
    lwf.after_task(model, scenario.tasks[0])
    found = lwf.penalty(model, rows)
    assert found is not None and found.item() == pytest.approx(0, abs=1e-6)
    assert lwf.heads[0].tolist() == [True, True] + [False] * 8
    lwf.after_task(model, scenario.tasks[1])
    assert len(lwf.heads) == 1 and lwf.heads[0].sum() == 4


def test_the_distance_is_kl() -> None:
    old, new = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))
    p, q = old.softmax(-1), new.softmax(-1)
    expected = torch.distributions.kl_divergence(
        torch.distributions.Categorical(p), torch.distributions.Categorical(q)
    ).mean()
    torch.testing.assert_close(distance(old, new), expected)


def test_the_teacher_does_not_learn() -> None:
    model, scenario = begin("task")
    lwf = LearningWithoutForgetting()
    lwf.after_task(model, scenario.tasks[0])
    assert lwf.teacher is not None
    kept = deepcopy(lwf.teacher.state_dict())
    steps(model, lwf, scenario.tasks[1], 3, torch.optim.Adam(model.parameters(), lr=1e-2))
    assert all(torch.equal(kept[k], v) for k, v in lwf.teacher.state_dict().items())
    lwf.after_task(model, scenario.tasks[1])
    assert [head.nonzero().flatten().tolist() for head in lwf.heads] == [[0, 1], [2, 3]]


def test_every_example_of_a_stream_has_the_same_chance_to_stay() -> None:
    stream, capacity, runs = 30, 6, 3000
    count = torch.zeros(stream)
    for seed in range(runs):
        reservoir, kept = Reservoir(capacity, seed), [0] * capacity
        for item in range(stream):
            place = reservoir.place()
            if place is not None:
                kept[place] = item
        count[kept] += 1
    expected = runs * capacity / stream
    chi_square = ((count - expected).square() / expected).sum().item()
    assert chi_square < 56.9  # 99.9 % of chi-square with 29 degrees, above what sampling without
    assert count.sum() == runs * capacity  # replacement gives


def test_replay_keeps_as_many_as_it_may_from_every_task() -> None:
    model, scenario = begin()
    replay = ExperienceReplay(capacity=100)
    for task in scenario.tasks:
        replay.after_task(model, task)
    assert replay.buffer is not None and len(replay.buffer.y) == 100
    assert replay.buffer.y.unique().tolist() == list(range(10))
    found = replay.penalty(model, training_rows(scenario.tasks[0]))
    assert found is not None and found.item() > 0
    assert replay.memory_bytes() == 100 * (64 * 4 + 8 + 10)


def test_joint_trains_on_all_so_far() -> None:
    model, scenario = begin("task")
    joint = Joint()
    first, second = (len(task.split.train_y) for task in scenario.tasks[:2])
    assert len(joint.before_task(model, scenario.tasks[0]).y) == first
    joint.after_task(model, scenario.tasks[0])
    rows = joint.before_task(model, scenario.tasks[1])
    assert len(rows.y) == first + second
    assert rows.allowed[0].tolist() != rows.allowed[-1].tolist()


def test_a_sparse_update_moves_the_chosen_weights_alone() -> None:
    """M29-M32: one weight at least, and neither decay nor momentum moves another."""
    model, scenario = begin()
    sparse = SparseUpdate(share=1e-4)
    adam = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.5)
    steps(model, sparse, scenario.tasks[0], 3, adam)  # leaves momentum behind, on purpose
    sparse.after_task(model, scenario.tasks[0])
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    rows = training_rows(scenario.tasks[1])
    gradients = mean_gradient(model, rows)
    steps(model, sparse, scenario.tasks[1], 5, adam)
    changed = {name: p.detach() != before[name] for name, p in model.named_parameters()}
    assert sum(int(x.sum()) for x in changed.values()) == 1
    best = max(gradients.values(), key=lambda g: g.max().item()).max()
    name = next(name for name, x in changed.items() if x.any())
    assert gradients[name][changed[name]] == best
    for key, p in model.named_parameters():
        assert (adam.state[p]["exp_avg"][~changed[key]] == 0).all()


def test_pretraining_moves_all() -> None:
    model, scenario = begin()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    steps(model, SparseUpdate(), scenario.tasks[0], 2, optimizer)
    moved = sum(int((p.detach() != before[n]).sum()) for n, p in model.named_parameters())
    assert moved > 1000


def test_the_largest_are_chosen_among_all_tensors_together() -> None:
    values = {"a": torch.tensor([[1.0, 9.0]]), "b": torch.tensor([8.0, 2.0])}
    assert largest(values, 0.5)["a"].tolist() == [[False, True]]
    assert largest(values, 0.5)["b"].tolist() == [True, False]
    assert sum(int(x.sum()) for x in largest(values, 1e-9).values()) == 1
    equal = {"a": torch.ones(4)}
    assert largest(equal, 0.5)["a"].sum() == 2  # a threshold would take all four


def test_a_mean_gradient_is_of_each_batch_alone() -> None:
    """M31: two equal batches have the mean of one."""
    model, scenario = begin()
    rows = training_rows(scenario.tasks[0]).at(torch.arange(32))
    twice = rows.at(torch.arange(32).repeat(2))
    one, two = mean_gradient(model, rows, 32), mean_gradient(model, twice, 32)
    torch.testing.assert_close(one, two)


def test_a_parameter_that_the_loss_does_not_use_has_the_mean_gradient_0() -> None:
    """M24."""
    model, scenario = begin()
    model.register_parameter("idle", torch.nn.Parameter(torch.ones(2)))
    rows = training_rows(scenario.tasks[0]).at(torch.arange(32))
    assert mean_gradient(model, rows)["idle"].tolist() == [0, 0]


def test_only_values_of_chosen_slots_move() -> None:
    scenario = split_digits()
    torch.manual_seed(0)
    model, method = MemoryMlp(scenario, 16), SlotUpdate(slots=4)
    adam = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.5)
    steps(model, method, scenario.tasks[0], 3, adam)
    method.after_task(model, scenario.tasks[0])
    assert method.in_batches is not None and method.batches == 10
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    steps(model, method, scenario.tasks[1], 1, adam)
    rows = training_rows(scenario.tasks[1])
    read = model.memory.slots(model.encode(rows.x))
    score = tf_idf(torch.bincount(read.flatten(), minlength=256), method.in_batches, 10)
    moved = {name: p.detach() != before[name] for name, p in model.named_parameters()}
    assert [name for name, x in moved.items() if x.any()] == ["memory.values"]
    slots = moved["memory.values"].any(1).nonzero().flatten()
    assert set(slots.tolist()) == set(score.topk(4).indices.tolist())


def test_a_slot_that_old_tasks_read_always_is_never_chosen() -> None:
    found = tf_idf(torch.tensor([50, 1]), torch.tensor([20, 3]), 20)
    assert found[0] == 0 and found[1] > 0


def test_slots_need_a_memory() -> None:
    model, scenario = begin()
    with pytest.raises(ValueError, match="one SlotMemory layer, this one has 0"):
        SlotUpdate().before_task(model, scenario.tasks[0])


class Costs(Method):
    """A penalty of a known size."""

    def __init__(self, cost: float) -> None:
        self.cost = cost

    def penalty(self, model: nn.Module, batch: Batch) -> torch.Tensor | None:
        return torch.tensor(self.cost) if self.cost else None

    def memory_bytes(self) -> int:
        return int(self.cost)


def test_methods_add_up() -> None:
    model, scenario = begin()
    rows = training_rows(scenario.tasks[0])
    found = Combined(Costs(1), Costs(0), Costs(2)).penalty(model, rows)
    assert found is not None and found.item() == 3
    assert Combined(Costs(0)).penalty(model, rows) is None
    assert Combined(Costs(1), Costs(2)).memory_bytes() == 3
    with pytest.raises(ValueError, match="at least one method"):
        Combined()


@pytest.mark.parametrize("name", sorted(METHODS))
def test_each_name_makes_a_method(name: str) -> None:
    assert make_method(name).memory_bytes() == 0
    assert make_method(name).needs_task_id is False


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: SynapticIntelligence(-1), "strength must be at least 0"),
        (lambda: LearningWithoutForgetting(temperature=0), "temperature positive"),
        (lambda: ExperienceReplay(0), "capacity must be at least 1"),
        (lambda: SparseUpdate(0), r"share must be in \(0, 1\]"),
        (lambda: SlotUpdate(0), "slots must be at least 1"),
        (lambda: make_method("ewd"), "Did you mean 'ewc'"),
    ],
)
def test_what_cannot_be_is_refused(make, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make()


def test_reptile_goes_a_part_of_the_way_of_each_stretch() -> None:
    """By hand: plain steps from the slow weights, then epsilon of the way; the rest counts too."""
    model, scenario = begin()
    hand, task = deepcopy(model), scenario.tasks[0]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    method = Reptile(0.25, inner=3)
    method.before_task(model, task)
    steps(model, method, task, 5, optimizer)
    method.after_task(model, task)
    by_hand, slow = torch.optim.SGD(hand.parameters(), lr=0.5), deepcopy(hand)
    for stretch in (3, 2):
        steps(hand, Method(), task, stretch, by_hand)
        with torch.no_grad():
            for fast, start in zip(hand.parameters(), slow.parameters(), strict=True):
                fast.copy_(start + 0.25 * (fast - start))
        slow = deepcopy(hand)
    for got, want in zip(model.parameters(), hand.parameters(), strict=True):
        torch.testing.assert_close(got, want)
    weights = sum(p.numel() for p in model.parameters())
    assert method.memory_bytes() == 4 * weights


def test_reptile_with_all_of_the_way_is_fine_tuning() -> None:
    model, scenario = begin()
    plain, task = deepcopy(model), scenario.tasks[0]
    for net, method in ((model, Reptile(1.0, inner=2)), (plain, Method())):
        method.before_task(net, task)
        steps(net, method, task, 4, torch.optim.SGD(net.parameters(), lr=0.5))
        method.after_task(net, task)
    for got, want in zip(model.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(got, want)


@pytest.mark.parametrize("wrong", [{"epsilon": 0.0}, {"epsilon": 1.5}, {"inner": 0}])
def test_reptile_refuses_what_makes_no_sense(wrong: dict) -> None:
    with pytest.raises(ValueError, match="Reptile: epsilon must be in"):
        Reptile(**wrong)
