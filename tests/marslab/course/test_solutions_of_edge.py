"""The reference solutions of notebooks 50 and 51 against the library, torch and torchao."""

import pytest
import torch
from torch import nn

from marslab.compress.pruning import prune
from marslab.lab.course.content import int8, pruning
from marslab.learning.losses import distillation


@pytest.mark.parametrize(("low", "high"), [(-1.0, 4.0), (0.5, 7.0), (-3.0, -0.5), (-0.013, 91.0)])
def test_the_step_and_the_zero_are_those_of_torchao(low: float, high: float) -> None:
    pt2e = pytest.importorskip(
        "torchao.quantization.pt2e", reason="needs torchao: pip install 'marslab[edge]'"
    )
    observer = pt2e.MinMaxObserver(dtype=torch.uint8, quant_min=0, quant_max=255)
    observer(torch.tensor([low, high]))
    scale, zero = observer.calculate_qparams()
    assert int8.scale_and_zero(low, high) == (pytest.approx(scale.item()), int(zero))


def test_the_rounding_and_its_gradient_are_those_of_torch() -> None:
    torch.manual_seed(0)
    for scale, zero, top in ((0.35, 2, 7), (0.55, 0, 15), (0.02, 100, 255)):
        x = torch.randn(2000, dtype=torch.float64).mul(2).requires_grad_()
        y = int8.through(x, scale, zero, top)
        y.sum().backward()
        mine = torch.as_tensor(x.grad).clone()
        x.grad = None
        want = torch.fake_quantize_per_tensor_affine(x, scale, zero, 0, top)
        want.sum().backward()
        torch.testing.assert_close(y, want)
        # torch lends its gradient half a step beyond the last level, to what is rounded onto it.
        low, high = -zero * scale, (top - zero) * scale
        near = ((x - low).abs() < scale / 2) | ((x - high).abs() < scale / 2)
        assert torch.equal(mine[~near], torch.as_tensor(x.grad)[~near])
        assert 0 < mine.mean() <= 1


def test_the_masks_are_those_of_prune() -> None:
    torch.manual_seed(0)
    for share in (0.0, 0.3, 0.5, 0.91):
        net = nn.Sequential(nn.Linear(7, 5), nn.ReLU(), nn.Linear(5, 3))
        first, second = (torch.as_tensor(net[at].weight).detach().clone() for at in (0, 2))
        prune(net, share, skip=())
        masks = pruning.masks(first, second, share)
        for at, mask, weight in zip((0, 2), masks, (first, second), strict=True):
            assert torch.equal(mask * weight, torch.as_tensor(net[at].weight))


def test_the_student_minimises_what_the_library_does() -> None:
    torch.manual_seed(0)
    for T, alpha in ((1.0, 1.0), (3.0, 0.5), (7.0, 0.2), (2.0, 0.0)):
        student, teacher, y = torch.randn(6, 5), torch.randn(6, 5), torch.randint(5, (6,))
        mine = pruning.taught(student, teacher, y, T, alpha)
        torch.testing.assert_close(mine, distillation(student, teacher, y, T, alpha))
