"""Label smoothing and distillation against the formulas, written out."""

import pytest
import torch
import torch.nn.functional as F

from marslab.errors import UserError
from marslab.learning.losses import distillation, smoothed_cross_entropy

B, L, V = 2, 5, 7


@pytest.fixture
def logits() -> torch.Tensor:
    return torch.randn(B, L, V, dtype=torch.float64, requires_grad=True)


@pytest.fixture
def targets() -> torch.Tensor:
    targets = torch.randint(0, V, (B, L))
    targets[0, :3] = -100
    return targets


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
def test_smoothing_is_that_of_torch(
    logits: torch.Tensor, targets: torch.Tensor, smoothing: float
) -> None:
    ours = smoothed_cross_entropy(logits, targets, smoothing)
    theirs = F.cross_entropy(logits.transpose(1, 2), targets, label_smoothing=smoothing)
    torch.testing.assert_close(ours, theirs)
    one, two = (torch.autograd.grad(x, logits)[0] for x in (ours, theirs))
    torch.testing.assert_close(one, two)


def test_nothing_to_learn_is_zero(logits: torch.Tensor) -> None:
    nothing = torch.full((B, L), -100)
    loss = smoothed_cross_entropy(logits, nothing)
    loss.backward()
    assert loss == 0 and logits.grad is not None and not logits.grad.any()


@pytest.mark.parametrize(("T", "alpha"), [(1.0, 1.0), (2.0, 0.3), (4.0, 0.0)])
def test_distillation_is_the_formula(
    logits: torch.Tensor, targets: torch.Tensor, T: float, alpha: float
) -> None:
    teacher = torch.randn_like(logits, requires_grad=True)
    loss = distillation(logits, teacher, targets, T, alpha)
    wanted, count = 0.0, 0
    for b in range(B):
        for t in range(L):
            if targets[b, t] == -100:
                continue
            p = torch.softmax(teacher[b, t] / T, -1)
            q = torch.softmax(logits[b, t] / T, -1)
            kl = sum(p[v] * torch.log(p[v] / q[v]) for v in range(V))
            ce = -torch.log_softmax(logits[b, t], -1)[targets[b, t]]
            wanted = wanted + alpha * T**2 * kl + (1 - alpha) * ce
            count += 1
    torch.testing.assert_close(loss, wanted / count)
    loss.backward()
    assert teacher.grad is None  # the teacher learns nothing
    assert logits.grad is not None and not logits.grad[targets == -100].any()


def test_t_squared_keeps_the_gradient_in_size() -> None:
    student, teacher = torch.randn(2, 50, V, dtype=torch.float64)
    norms = []
    for T in (20.0, 40.0):
        z = student.clone().requires_grad_()
        distillation(z, teacher, torch.zeros(50, dtype=torch.int64), T, 1.0).backward()
        assert z.grad is not None
        norms.append(z.grad.norm().item())
    assert norms[1] / norms[0] == pytest.approx(1, abs=0.05)


def test_bad_input(logits: torch.Tensor, targets: torch.Tensor) -> None:
    with pytest.raises(UserError, match="the teacher has 9 tokens and the student 7: take"):
        distillation(logits, torch.zeros(B, L, 9), targets)
    with pytest.raises(ValueError, match="must have one shape"):
        distillation(logits, logits[:1], targets)
    with pytest.raises(ValueError, match="T must be positive"):
        distillation(logits, logits, targets, T=0)
    with pytest.raises(ValueError, match=r"alpha must be in 0\.\.1, got 2"):
        distillation(logits, logits, targets, alpha=2)
    with pytest.raises(ValueError, match=r"smoothing must be in 0\.\.1"):
        smoothed_cross_entropy(logits, targets, 1.5)
    with pytest.raises(ValueError, match="less the last axis"):
        smoothed_cross_entropy(logits, targets[:1])
