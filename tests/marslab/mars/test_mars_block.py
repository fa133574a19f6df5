"""The checks of every recurrent part, on the cores of a MarsBlock, attention among them."""

import math
from typing import get_args

import pytest
import torch
from torch import Tensor

from marslab.layers.mars_block import Core, MarsBlock, MarsBlockConfig
from marslab.layers.mars_cores import CarriedS6, FFTMixing, PrintedSSM
from marslab.tracing import trace

CORES = get_args(Core)
GATED = [core for core in CORES if core != "attention"]
EVENTS = {
    "ssd": "dual_ssm",
    "s6": "selective_ssm",
    "printed": "printed_ssm",
    "fft": "fft_mixing",
    "attention": "causal_attention",
}


def small(core: Core, **settings) -> MarsBlock:
    torch.manual_seed(1)
    heads = 1 if core == "attention" else 2  # it wants heads of an even width
    config = MarsBlockConfig(core, d_state=4, heads=heads, **settings)
    return MarsBlock(6, config).double().eval()


def steps(length: int = 11, rows: int = 3) -> Tensor:
    return torch.randn(rows, length, 6, generator=torch.Generator().manual_seed(2)).double()


@torch.no_grad()
@pytest.mark.parametrize("core", CORES)
def test_a_step_changes_nothing_before_it_and_the_end_after_it(core: Core) -> None:
    block, x = small(core, d_conv=0), steps()
    other = x.clone()
    other[:, 5, 0] += 1
    was, now = block(x), block(other)
    if core == "fft":  # its FFT rounds all steps together
        torch.testing.assert_close(was[:, :5], now[:, :5], rtol=1e-12, atol=1e-12)
    else:
        assert torch.equal(was[:, :5], now[:, :5])
    assert (was[:, -1] - now[:, -1]).abs().max() > 1e-9


@torch.no_grad()
@pytest.mark.parametrize("cuts", [[4, 7], [1] * 11, [0, 11]], ids=str)
@pytest.mark.parametrize("gate", [True, False])
@pytest.mark.parametrize("d_conv", [0, 1, 4])
@pytest.mark.parametrize("core", ["ssd", "s6", "printed", "attention"])
def test_in_parts_it_is_the_same_as_at_once(core: Core, d_conv: int, gate: bool, cuts) -> None:
    block, x = small(core, d_conv=d_conv, gate=gate), steps()
    found, state = [], None
    for part in x.split(cuts, 1):
        y, state = block.carried(part, state)
        found.append(y)
    torch.testing.assert_close(torch.cat(found, 1), block(x), rtol=1e-10, atol=1e-10)


@torch.no_grad()
def test_a_state_changes_what_follows_and_is_that_of_its_rows() -> None:
    block, x = small("ssd"), steps()
    _, state = block.carried(x[:, :6])
    assert (block.carried(x[:, 6:], state)[0] - block(x[:, 6:])).abs().max() > 1e-6
    with pytest.raises(ValueError, match="the state is of 3 rows, x of 2"):
        block.carried(x[:2, 6:], state)
    with pytest.raises(ValueError, match="the core 'fft' keeps no state; hand it the whole"):
        small("fft").carried(x)


@torch.no_grad()
@pytest.mark.parametrize("core", CORES)
def test_a_block_switched_off_sees_its_convolution_alone(core: Core) -> None:
    block, x = small(core, enabled=False, d_conv=2), steps()
    other = x.clone()
    other[:, 3, 0] += 1
    assert torch.equal(block(x)[:, 5:], block(other)[:, 5:])
    if core != "fft":
        torch.testing.assert_close(block.carried(x)[0], block(x))


@pytest.mark.parametrize("core", CORES)
def test_every_parameter_learns_and_d_starts_at_one(core: Core) -> None:
    block = small(core)
    if core in GATED:
        D = block.get_parameter("inner.D")
        assert torch.equal(D, torch.ones_like(D))
    block(steps()).square().sum().backward()
    silent = [n for n, p in block.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []


@pytest.mark.parametrize("core", CORES)
def test_it_is_seen_at_work(core: Core) -> None:
    with trace() as seen:
        small(core)(steps())
    assert EVENTS[core] in seen.names()


@torch.no_grad()
def test_the_printed_core_is_the_printed_loop() -> None:
    core = PrintedSSM(4, d_state=3, expand=1).double()
    u = torch.randn(2, 9, 4).double()
    A = torch.sigmoid(core.to_A(u))
    B, C = core.to_B_and_C(u).chunk(2, -1)
    h, out = torch.zeros(2, 4, 3).double(), []
    for t in range(9):
        h = A[:, t, None, :] * h + u[:, t, :, None] * B[:, t, None, :]
        out.append((h * C[:, t, None, :]).sum(-1) + core.D * u[:, t])
    torch.testing.assert_close(core.mixed(u), torch.stack(out, 1))


@torch.no_grad()
@pytest.mark.parametrize("keep", [0.9, 0.99, 0.999])
def test_the_printed_core_has_no_bound_on_its_level_and_ours_has(keep: float) -> None:
    """A steady 1 with B = C = 1 settles at 1 / (1 - A): erratum M3."""
    core = PrintedSSM(1, d_state=1, expand=1).double()
    core.D.zero_()
    core.to_A.weight.zero_()
    core.to_A.bias.fill_(math.log(keep / (1 - keep)))
    core.to_B_and_C.weight.fill_(1.0)
    steady = torch.ones(1, round(30 / (1 - keep)), 1).double()
    level = core.mixed(steady)[0, -1, 0].item()
    assert level == pytest.approx(1 / (1 - keep), rel=1e-6)
    ours = CarriedS6(1, d_state=1, expand=1).double()
    ours.D.zero_()
    ours.to_dt.weight.zero_()
    ours.to_dt.bias.fill_(math.log(math.expm1(-math.log(keep))))
    ours.to_B_and_C.weight.fill_(1.0)
    assert ours.mixed(steady)[0, -1, 0].item() == pytest.approx(1.0, rel=1e-6)


@torch.no_grad()
@pytest.mark.parametrize("length", [1, 2, 7, 16])
def test_the_fft_core_is_the_convolution_written_out(length: int) -> None:
    core = FFTMixing(3, d_state=2).double()
    u = torch.randn(2, length, 6).double()
    dt = torch.nn.functional.softplus(core.dt_bias)
    a = torch.complex(-core.rate.exp(), core.turn)
    c = torch.view_as_complex(core.c)
    k = torch.stack([dt * (c * torch.exp(dt[:, None] * a * t)).sum(1).real for t in range(length)])
    expected = core.D * u
    for t in range(length):
        for s in range(t + 1):
            expected[:, t] += k[t - s] * u[:, s]
    torch.testing.assert_close(core.filter(length), k.mT)
    torch.testing.assert_close(core.mixed(u), expected, rtol=1e-10, atol=1e-10)


@torch.no_grad()
@pytest.mark.parametrize("core", GATED)
def test_32768_steps_stay_finite(core: Core) -> None:
    block = MarsBlock(4, MarsBlockConfig(core, d_state=2, heads=2, expand=1))
    x = torch.randn(1, 32_768, 4)
    assert torch.isfinite(block(x)).all()


@torch.no_grad()
@pytest.mark.parametrize("gamma", [0.99, 0.9999])
def test_a_long_sum_is_the_geometric_one(gamma: float) -> None:
    core = PrintedSSM(1, d_state=1, expand=1).double()
    core.D.zero_()
    core.to_A.weight.zero_()
    core.to_A.bias.fill_(math.log(gamma / (1 - gamma)))
    core.to_B_and_C.weight.fill_(1.0)
    y = core.mixed(torch.ones(1, 32_768, 1).double())[0, :, 0]
    n = torch.arange(1, 32_769, dtype=torch.float64)
    torch.testing.assert_close(y, (1 - gamma**n) / (1 - gamma), rtol=1e-8, atol=0)


def test_dropout_is_for_training_and_leaves_the_way_past() -> None:
    block, x = small("ssd", dropout=0.5), steps()
    assert torch.equal(block(x), block(x))
    block.train()
    added = (block(x) - x).detach()
    whole = (block.eval()(x) - x).detach()
    dropped = added.abs() < 1e-12
    assert 0.3 < dropped.double().mean() < 0.7
    torch.testing.assert_close(added[~dropped], 2 * whole[~dropped])


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (
            {"core": "conv"},
            "block.core must be one of ssd, s6, printed, fft, attention, got 'conv'",
        ),
        ({"d_conv": -1}, "block.d_conv must be at least 0 steps, got -1"),
        ({"heads": 0}, "block.heads must be positive, got 0"),
    ],
    ids=str,
)
def test_what_makes_no_block_is_one_sentence(settings, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        MarsBlockConfig(**settings)
