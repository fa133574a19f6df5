"""The reference solutions of notebook 52 against the library's rounding, bytes and gradient."""

import random

import torch

from marslab.compress import TernaryLinear
from marslab.compress.ternary import ternary
from marslab.kernels import pack_ternary
from marslab.lab.course.content import ternary as solutions


def test_the_levels_are_those_of_the_library() -> None:
    torch.manual_seed(0)
    for shape in ((1, 1), (3, 5), (64, 17)):
        W = torch.randn(shape, dtype=torch.float64)
        mine, scale = solutions.three_levels(W)
        want, step = ternary(W)
        assert torch.equal(mine, want) and torch.equal(scale, step)


def test_the_bytes_are_those_of_the_library() -> None:
    draw = random.Random(0)
    for K in (1, 3, 4, 5, 13, 64):
        row = [draw.choice((-1, 0, 1)) for _ in range(K)]
        assert solutions.four_to_a_byte(row) == pack_ternary(torch.tensor([row]))[0].tolist()


def test_the_gradients_are_those_of_the_layer() -> None:
    torch.manual_seed(0)
    layer = TernaryLinear(6, 4, bias=False, dtype=torch.float64)
    x = torch.randint(-127, 128, (5, 6)).double()
    x[:, 0] = 127.0  # so that the step of each token is 1: its own rounding changes nothing
    x.requires_grad_()
    dy = torch.randn(5, 4, dtype=torch.float64)
    got = torch.autograd.grad(layer(x), (x, layer.weight), dy)
    W_q, scale = ternary(layer.weight.detach())
    torch.testing.assert_close(got, solutions.lent(dy, x.detach(), W_q, scale))
