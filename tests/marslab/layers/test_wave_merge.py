"""The merge against its formula, its size, and an alpha that is forced."""

from typing import Any

import pytest
import torch
from torch import Tensor

from marslab.layers.wave_merge import WaveMerge
from marslab.tracing import trace


def causal_mean(x: Tensor) -> Tensor:
    return x.cumsum(1) / torch.arange(1, x.shape[1] + 1, dtype=x.dtype)[:, None]


def inputs() -> tuple[Tensor, ...]:
    left, right = (torch.randn(2, 7, 6, dtype=torch.float64) for _ in "lr")
    return left, right, causal_mean(left), causal_mean(right)


def formula(merge: WaveMerge, left: Tensor, right: Tensor, mL: Tensor, mR: Tensor) -> Tensor:
    alpha = 1 / (1 + torch.exp(-alpha_score(merge, mL, mR)))
    x = (1 - alpha) * left + alpha * right
    if merge.inner is not None and merge.outer is not None:
        W = merge.inner.weight
        u = mL @ W[:, :6].T + mR @ W[:, 6:].T + merge.inner.bias
        x = x + 0.1 * (u / (1 + torch.exp(-u)) @ merge.outer.weight.T + merge.outer.bias)
    return x


def alpha_score(merge: WaveMerge, mL: Tensor, mR: Tensor) -> Tensor:
    w = merge.gate.weight[0]
    return (mL @ w[:6] + mR @ w[6:] + merge.gate.bias)[..., None]


@pytest.mark.parametrize("correction", [True, False])
def test_it_is_the_formula(correction: bool) -> None:
    merge, given = WaveMerge(6, correction).double(), inputs()
    found = merge(*given)
    torch.testing.assert_close(found.x, formula(merge, *given), rtol=1e-10, atol=1e-12)
    assert found.alpha.shape == (2, 7, 1) and ((found.alpha > 0) & (found.alpha < 1)).all()


def test_the_design_counts_one_square_too_few() -> None:
    d = 768
    parts = dict(WaveMerge(d).named_children())
    count = {name: sum(p.numel() for p in part.parameters()) for name, part in parts.items()}
    assert count["inner"] + count["outer"] == 3 * d**2 + 2 * d != 2 * d**2 + d
    assert count["gate"] == 2 * d + 1 and 6 * sum(count.values()) == 10_635_270
    assert sum(p.numel() for p in WaveMerge(d, correction=False).parameters()) == 2 * d + 1


def test_a_forced_alpha() -> None:
    merge, given = WaveMerge(6, correction=False).double(), inputs()
    free = merge(*given).x
    for alpha, want in ((0, given[0]), (1.0, given[1]), (0.5, (given[0] + given[1]) / 2)):
        merge.clamp = alpha
        found = merge(*given)
        torch.testing.assert_close(found.x, want)
        assert (found.alpha == alpha).all()
    merge.clamp = None
    assert torch.equal(merge(*given).x, free)
    assert torch.equal(
        WaveMerge(6, clamp=0.0).double()(*given).alpha, torch.zeros(2, 7, 1).double()
    )


def test_every_parameter_has_a_gradient() -> None:
    merge = WaveMerge(6).double()
    merge(*inputs()).x.square().sum().backward()
    for name, p in merge.named_parameters():
        assert p.grad is not None and p.grad.abs().sum() > 0, name


def test_no_step_sees_a_later_one() -> None:
    merge, (left, right, mL, mR) = WaveMerge(6).double(), inputs()
    later = right.clone()
    later[:, 4:] += 1
    first, second = merge(left, right, mL, mR).x, merge(left, later, mL, causal_mean(later)).x
    assert torch.equal(first[:, :4], second[:, :4])
    assert (first[:, 4:] != second[:, 4:]).any(-1).all()


def test_16_bits() -> None:
    merge, given = WaveMerge(6), [v.float() for v in inputs()]
    want = merge(*given)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(merge(*given).x, want.x, rtol=2e-2, atol=2e-2)
    assert merge.bfloat16()(*(v.bfloat16() for v in given)).x.dtype == torch.bfloat16


def test_it_tells_alpha_and_the_share_of_the_correction() -> None:
    merge, plain, given = WaveMerge(6).double(), WaveMerge(6, False).double(), inputs()
    with trace() as t:
        found = merge(*given)
        plain(*given)
    fields: dict[str, Any] = t.events[0].fields
    assert torch.equal(fields["alpha"], found.alpha.detach())
    merged = given[0] + found.alpha * (given[1] - given[0])
    want = (found.x - merged).norm(dim=-1) / merged.norm(dim=-1)
    torch.testing.assert_close(fields["correction"], want.detach())
    assert t.names() == ["wave"] and t.events[1].fields["correction"] is None


def test_it_compiles_whole() -> None:
    merge, given = WaveMerge(6).double(), inputs()
    compiled = torch.compile(merge, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(*given).x, merge(*given).x)


def test_bad_input() -> None:
    left, right, mL, mR = inputs()
    merge = WaveMerge(6).double()
    with pytest.raises(ValueError, match="WaveMerge: d_model must be positive, got 0"):
        WaveMerge(0)
    with pytest.raises(ValueError, match=r"WaveMerge: clamp must be in \[0, 1\] or None, got 2"):
        merge.clamp = 2
    with pytest.raises(ValueError, match=r"WaveMerge: left must be \[B, L, 6\], got \[2, 7, 4\]"):
        merge(left[..., :4], right, mL, mR)
    with pytest.raises(
        ValueError, match=r"WaveMerge: mean_right must be \[B, L, D\] = \[2, 7, 6\]"
    ):
        merge(left, right, mL, mR[:, :1])
