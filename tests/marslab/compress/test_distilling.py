"""A student under a teacher, beside one without."""

import torch
from torch import nn
from torch.nn import functional as F

from marslab.compress.distilling import taught_by
from marslab.learning.fit import fit
from marslab.tasks import Split


def data() -> Split:
    torch.manual_seed(0)
    x = torch.randn(600, 8)
    return Split(x[:400], torch.randint(4, (400,)), x[400:], torch.zeros(200, dtype=torch.int64))


def test_the_loss_is_the_formula() -> None:
    torch.manual_seed(0)
    teacher, student = nn.Linear(8, 4), nn.Linear(8, 4)
    x, y = torch.randn(6, 8), torch.randint(4, (6,))
    p, q = (F.softmax(net(x) / 3, -1) for net in (teacher, student))
    soft = (p * (p.log() - q.log())).sum(-1).mean() * 9
    want = 0.5 * soft + 0.5 * F.cross_entropy(student(x), y)
    torch.testing.assert_close(taught_by(teacher)(student, x, y), want)


def test_the_student_comes_to_the_teacher_where_targets_say_nothing() -> None:
    split = data()  # random targets: all that can be learned is what the teacher thinks
    last = nn.Linear(32, 4)
    teacher = nn.Sequential(nn.Linear(8, 32), nn.Tanh(), last)
    with torch.no_grad():
        last.weight.mul_(8)
    shares = []
    for objective in (taught_by(teacher, alpha=1.0), None):
        torch.manual_seed(1)
        student = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 4))
        fit(student, split, epochs=40, lr=1e-2, seed=0, objective=objective)
        same = student(split.test_x).argmax(-1) == teacher(split.test_x).argmax(-1)
        shares.append(same.float().mean().item())
    assert shares[0] > 0.75 > 0.5 > shares[1]
    assert all(p.grad is None for p in teacher.parameters())
