"""The core against a loop written from its formulas, one step and one state after the other."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from marslab.kernels import ssd, wkv7
from marslab.layers.block_config import CoreConfig
from marslab.layers.wuneng import WuNengCore, WuNengState
from marslab.layers.wuneng_steps import ssd_step, wkv_step

D, H, N, TAPS = 8, 2, 3, 4
P = D // H
SETTINGS: list[dict[str, Any]] = [
    {},
    {"rope": False, "d_conv": 1},
    {"fusion": "ssd"},
    {"fusion": "wkv", "rope_base": 100.0},
]


def core(rag: bool = True, dtype: torch.dtype = torch.float64, **settings: Any) -> WuNengCore:
    layer = WuNengCore(D, CoreConfig(heads=H, d_state=N, **settings), rag)
    for p in layer.parameters():  # so that no factor stands at 0 or 1
        p.data += 0.1 * torch.randn_like(p)
    return layer.to(dtype)


def sigmoid(x: Tensor) -> Tensor:
    return 1 / (1 + torch.exp(-x))


def turned(x: Tensor, position: int, base: float) -> Tensor:
    """Pairs (i, i + K/2) of [B, H, K] as complex numbers, turned."""
    half = x.shape[-1] // 2
    angles = torch.tensor([position * base ** (-i / half) for i in range(half)], dtype=x.dtype)
    z = torch.complex(x[..., :half], x[..., half:]) * torch.polar(torch.ones_like(angles), angles)
    return torch.cat([z.real, z.imag], -1)


class Loop:
    """The docstrings' formulas for one core; `step` gives the result of each x [B, D]."""

    def __init__(self, layer: WuNengCore, config: CoreConfig, rows: int) -> None:
        self.layer, self.config, self.t = layer, config, 0
        self.inputs = [torch.zeros(rows, D + 2 * N, dtype=torch.float64)] * (config.d_conv - 1)
        self.h = torch.zeros(rows, H, P, N, dtype=torch.float64)
        self.S = torch.zeros(rows, H, P, P, dtype=torch.float64)
        self.u = torch.zeros(rows, D, dtype=torch.float64)

    def turn(self, x: Tensor) -> Tensor:
        return turned(x, self.t, self.config.rope_base) if self.config.rope else x

    def put(self, rag: Tensor) -> None:
        assert self.layer.to_rag is not None
        linear = self.layer.to_rag.weight @ (rag / (rag.square().mean(-1, True) + 1e-30).sqrt()).mT
        if self.config.fusion == "ssd":
            key, value = linear.mT.split([N, D], -1)
            state, key = self.h, key[:, None].expand(-1, H, N)
        else:
            key, value = linear.mT.split([D, D], -1)
            state, key = self.S, self.turn(key.view(-1, H, P))
        unit = key / key.norm(dim=-1, keepdim=True)
        held = torch.einsum("bhvk,bhk->bhv", state, unit)
        new = state + torch.einsum("bhv,bhk->bhvk", value.view(-1, H, P) - held, unit)
        self.h, self.S = (new, self.S) if self.config.fusion == "ssd" else (self.h, new)

    def step(self, x: Tensor) -> Tensor:
        layer, fusion = self.layer, self.config.fusion
        u = x / (x.square().mean(-1, keepdim=True) + 1e-6).sqrt() * layer.norm.weight
        mixed = u if fusion == "ssd" else (1 - layer.mix) * u + layer.mix * self.u
        self.u, inner = u, mixed @ layer.to_inner.weight.mT
        y_ssd = y_wkv = torch.zeros_like(x)
        if layer.ssd is not None:
            y_ssd = self.ssd(layer.ssd, inner[:, layer.rows["ssd"]])
        if layer.wkv is not None:
            y_wkv = self.wkv(layer.wkv, inner[:, layer.rows["wkv"]])
        y = y_ssd + y_wkv
        if fusion == "gate":
            both = torch.cat([y_ssd, y_wkv], -1)
            g = sigmoid(both @ layer.fuse.weight.mT + layer.fuse.bias)
            y = g * y_ssd + (1 - g) * y_wkv
        self.t += 1
        return x + y @ layer.to_model.weight.mT

    def ssd(self, part: Any, columns: Tensor) -> Tensor:
        self.inputs = [*self.inputs, columns[:, : D + 2 * N]]
        z = part.conv_bias + sum(u * part.conv_weight[:, 0, i] for i, u in enumerate(self.inputs))
        self.inputs = self.inputs[1:]
        z = z * sigmoid(z)
        x, B, C = z[:, :D].view(-1, H, P), z[:, D : D + N], z[:, D + N :]
        dt = torch.log1p(torch.exp(columns[:, D + 2 * N :] + part.dt_bias))
        kept = torch.exp(-dt * part.A_log.exp())[..., None, None]
        self.h = kept * self.h + torch.einsum("bh,bhp,bn->bhpn", dt, x, B)
        y = torch.einsum("bhpn,bn->bhp", self.h, C) + part.D[:, None] * x
        return y.flatten(1)

    def wkv(self, part: Any, columns: Tensor) -> Tensor:
        r, k, v, g, w, a = columns.view(-1, 6, H, P).unbind(1)
        w0, a0 = part.bias.view(2, H, P)
        r, k = self.turn(r), self.turn(k)
        kappa = k / k.norm(dim=-1, keepdim=True)
        keep, rate = torch.exp(-math.exp(-0.5) * sigmoid(w + w0)), sigmoid(a + a0)
        old = torch.einsum("bhvk,bhk->bhv", self.S, kappa)
        removed = torch.einsum("bhv,bhk->bhvk", old, kappa * rate)
        self.S = self.S * keep[:, :, None] - removed + torch.einsum("bhv,bhk->bhvk", v, k)
        y = torch.einsum("bhvk,bhk->bhv", self.S, r)
        y = (y - y.mean(-1, keepdim=True)) / (y.var(-1, False, keepdim=True) + 64e-5).sqrt()
        y = y.flatten(1) * part.norm_weight + part.norm_bias
        return y * (g * sigmoid(g)).flatten(1)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("with_rag", [False, True])
def test_it_is_the_loop_and_so_are_its_gradients(settings: dict[str, Any], with_rag: bool) -> None:
    layer, config = core(**settings), CoreConfig(heads=H, d_state=N, **settings)
    x = torch.randn(2, 7, D, dtype=torch.float64, requires_grad=True)
    rag = torch.randn(2, D, dtype=torch.float64, requires_grad=True) if with_rag else None
    loop = Loop(layer, config, 2)
    if rag is not None:
        loop.put(rag)
    expected = torch.stack([loop.step(x[:, t]) for t in range(7)], 1)
    found, state = layer(x, rag=rag)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-10)
    for got, want in ((state.ssd, loop.h), (state.wkv, loop.S), (state.shift, loop.u)):
        if got.numel():
            torch.testing.assert_close(got, want, rtol=1e-9, atol=1e-10)
    leaves = [x, *layer.parameters()] + ([] if rag is None else [rag])
    weight = torch.randn_like(expected)
    for got, want in zip(
        *(
            torch.autograd.grad(
                (y * weight).sum(), leaves, allow_unused=True, materialize_grads=True
            )
            for y in (found, expected)
        ),
        strict=True,
    ):
        torch.testing.assert_close(got, want, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_every_parameter_has_a_gradient(settings: dict[str, Any]) -> None:
    layer = WuNengCore(D, CoreConfig(heads=H, d_state=N, **settings))
    layer(torch.randn(2, 7, D), rag=torch.randn(2, D))[0].square().sum().backward()
    for name, p in layer.named_parameters():
        assert p.grad is not None and p.grad.abs().sum() > 0, name
    weight = layer.to_inner.weight.grad
    assert weight is not None and (weight.abs().sum(1) > 0).all()
    assert sum(rows.stop - rows.start for rows in layer.rows.values()) == len(weight)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("cuts", [[1] * 150, [64, 64, 22], [16, 48, 1, 0, 85], [3, 147]], ids=len)
def test_cut_anywhere_it_is_the_same(settings: dict[str, Any], cuts: list[int]) -> None:
    layer, x = core(**settings), torch.randn(2, 150, D, dtype=torch.float64)
    rag, parts, state, position = torch.randn(2, D, dtype=torch.float64), [], None, 40
    with torch.no_grad():
        whole, last = layer(x, position=position, rag=rag)
        for i, part in enumerate(x.split(cuts, 1)):
            y, state = layer(part, state, position=position, rag=None if i else rag)
            parts.append(y)
            position += part.shape[1]
    torch.testing.assert_close(torch.cat(parts, 1), whole, rtol=1e-9, atol=1e-9)
    assert isinstance(state, WuNengState)
    for got, want in zip(state, last, strict=True):
        torch.testing.assert_close(got, want, rtol=1e-9, atol=1e-9)
        assert got.untyped_storage().nbytes() <= got.nbytes  # nothing longer is kept alive


def test_one_step_alone_is_what_the_kernels_say() -> None:
    x, k, v = torch.randn(3, 2, 1, 4, 5, dtype=torch.float64)
    w, h = -torch.rand_like(x), torch.randn(2, 4, 5, 5, dtype=torch.float64)
    kappa = torch.nn.functional.normalize(k, dim=-1)
    dt, A, skip = torch.rand(2, 1, 4).double(), -torch.rand(4).double(), torch.randn(4).double()
    B, C = torch.randn(2, 2, 1, 1, 5, dtype=torch.float64)
    for alone, kernel in (
        (wkv_step(x, w, k, v, -kappa, 0.3 * kappa, S=h),
         wkv7(x, w, k, v, -kappa, 0.3 * kappa, h, return_state=True)),
        (ssd_step(x, dt, A, B, C, skip, h=h), ssd(x, dt, A, B, C, skip, h, return_state=True)),
    ):  # fmt: skip
        for got, want in zip(alone, kernel, strict=True):
            torch.testing.assert_close(got, want, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_no_step_sees_a_later_one_and_no_row_another(settings: dict[str, Any]) -> None:
    layer, x = core(dtype=torch.float32, **settings), torch.randn(3, 70, D)
    changed = x.clone()
    changed[:, 33:] += torch.randn(3, 37, D)
    assert torch.equal(layer(x)[0][:, :33], layer(changed)[0][:, :33])
    other = x.clone()
    other[1] += torch.randn(70, D)
    rag = torch.randn(3, D)
    with torch.no_grad():
        for a, b in zip(layer(x, rag=rag)[1], layer(other, rag=rag)[1], strict=True):
            assert torch.equal(a[0], b[0]) and torch.equal(a[2], b[2])
    past = x.clone()
    past[:, 0] += torch.randn(3, D)
    assert not torch.equal(layer(past)[0][:, -1], layer(x)[0][:, -1])
