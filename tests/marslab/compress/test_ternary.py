"""Ternary layers against a loop, and packed ones against those that were trained."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from marslab import checkpoint
from marslab.compress.activations import per_token
from marslab.compress.ternary import PackedTernaryLinear, TernaryLinear, pack, ternary, to_ternary
from marslab.systems.registry import build
from marslab.systems.tars.system import Tars


def loop(layer: nn.Linear, x: Tensor) -> Tensor:
    """BitNet b1.58 number by number: W_q x_q with both scales, in float64."""
    W, rows = layer.weight.tolist(), x.reshape(-1, x.shape[-1]).tolist()
    bias = [0.0] * len(W) if layer.bias is None else layer.bias.tolist()
    size = sum(abs(w) for row in W for w in row) / (len(W) * len(W[0]))
    out = []
    for row in rows:
        step = max(max(abs(v) for v in row), 1e-5) / 127
        whole = [round(v / step) for v in row]
        out.append([])
        for weights, b in zip(W, bias, strict=True):
            signs = [max(-1, min(1, round(w / (size + 1e-5)))) for w in weights]
            total = sum(s * q for s, q in zip(signs, whole, strict=True))
            out[-1].append(size * step * total + b)
    return torch.tensor(out, dtype=torch.float64).view(*x.shape[:-1], len(W))


def layer(K: int = 13, N: int = 7, bias: bool = True, dtype: Any = torch.float64) -> TernaryLinear:
    torch.manual_seed(0)
    return TernaryLinear(K, N, bias, dtype=dtype)


@pytest.mark.parametrize("bias", [True, False])
def test_it_is_the_loop(bias: bool) -> None:
    made, x = layer(bias=bias), torch.randn(2, 3, 13, dtype=torch.float64)
    torch.testing.assert_close(made(x), loop(made, x), rtol=1e-12, atol=1e-12)


def test_weights_are_three_values_of_one_size() -> None:
    W_q, scale = ternary(layer().weight)
    assert set(W_q.unique().tolist()) == {-1.0, 0.0, 1.0}
    assert scale == layer().weight.abs().mean()
    assert ternary(torch.zeros(2, 3))[0].tolist() == [[0.0] * 3] * 2


def test_activations_keep_their_size_to_half_a_step() -> None:
    x = torch.randn(5, 64, dtype=torch.float64) * torch.logspace(-6, 6, 5)[:, None]
    whole, step = per_token(x)
    assert whole.abs().max() == 127 and torch.equal(whole, whole.round())
    assert bool(((whole * step - x).abs() <= step / 2 * (1 + 1e-9)).all())
    assert per_token(torch.zeros(2, 3)).whole.tolist() == [[0.0] * 3] * 2
    assert per_token(torch.randn(2, 3).bfloat16()).whole.dtype == torch.float32


@pytest.mark.parametrize("rows", [(2, 3), (1,), ()])
def test_gradients_pass_both_roundings_as_if_they_were_not_there(rows: tuple[int, ...]) -> None:
    made, x = layer(), torch.randn(*rows, 13, dtype=torch.float64, requires_grad=True)
    y = made(x)
    dy = torch.randn_like(y)
    found = torch.autograd.grad(y, (x, made.weight, made.bias), dy)
    whole, step = per_token(x.detach())
    W_q, scale = ternary(made.weight.detach())
    seen, flat = (whole * step).view(-1, 13), dy.view(-1, 7)
    want = (dy @ (W_q * scale), flat.mT @ seen, flat.sum(0))
    for one, other in zip(found, want, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)
        assert one.abs().max() > 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_training_in_mixed_precision(dtype: torch.dtype) -> None:
    made, x = layer(dtype=dtype), torch.randn(5, 13).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        y = made(x)
    y.square().sum().backward()
    torch.testing.assert_close(y, loop(made, x).to(y.dtype), rtol=0.02, atol=0.02)
    assert made.weight.grad is not None and made.weight.grad.dtype == dtype
    assert x.grad is not None and bool(x.grad.any()) and bool(made.weight.grad.any())


def test_a_matrix_of_zeros_learns_too() -> None:
    made = layer()  # as the experts of a fresh MoLE
    nn.init.zeros_(made.weight)
    made(torch.randn(3, 13, dtype=torch.float64)).square().sum().backward()
    assert made.weight.grad is not None and bool(made.weight.grad.isfinite().all())
    assert made.weight.grad.any()


def test_it_learns_what_three_values_can_say() -> None:
    torch.manual_seed(0)
    truth = torch.randint(-1, 2, (8, 16)).float()
    x = torch.randn(256, 16)
    made = TernaryLinear(16, 8, bias=False)
    optimizer = torch.optim.Adam(made.parameters(), 2e-2)

    def loss(rows: Tensor) -> Tensor:
        return (made(rows) - rows @ truth.T).square().mean() / (rows @ truth.T).square().mean()

    for _ in range(200):
        optimizer.zero_grad()
        loss(x).backward()
        optimizer.step()
    held_out = torch.randn(64, 16)
    assert loss(held_out) < 0.1  # zeros make 1.0, rounding a fresh float layer about as much
    right = (ternary(made.weight)[0] == truth).float().mean()
    assert right > 0.95


@pytest.mark.parametrize("packing", ["2bit", "5trit"])
@pytest.mark.parametrize("shape", [(13,), (1, 13), (2, 3, 13), (40, 13), (0, 13)])
def test_packed_is_what_was_trained(packing: str, shape: tuple[int, ...]) -> None:
    made, x = layer(dtype=torch.float32), torch.randn(shape)
    small = PackedTernaryLinear.of(made, packing)
    assert torch.equal(small(x), made(x))
    want = ternary(made.weight)
    torch.testing.assert_close(small.weight, want[0] * want[1])
    assert small.packed.dtype == torch.uint8 and not list(small.parameters())


def test_packed_in_sixteen_bits() -> None:
    made, x = layer(64, 8, dtype=torch.float32), torch.randn(3, 64)
    small = PackedTernaryLinear.of(made)
    y = small(x.bfloat16())
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y.float(), made(x), rtol=0.02, atol=0.02)


def mini() -> Tars:
    torch.manual_seed(0)
    model = build("tars-mini", {"waves.count": 2}).eval()
    assert isinstance(model, Tars)
    with torch.no_grad():
        for name, x in model.named_parameters():
            if name.endswith("experts.up.weight"):
                x.normal_(std=0.1)
    return model


IDS = torch.randint(256, (2, 12), generator=torch.Generator().manual_seed(0))


def test_which_layers_of_tars_become_ternary() -> None:
    model = to_ternary(mini())
    kinds = {name: type(m) for name, m in model.named_modules() if isinstance(m, nn.Linear)}
    block = "lm.waves.0.left."
    for hidden in ("core.to_inner", "core.fuse", "core.to_model", "novelty.inner"):
        assert kinds[block + hidden] is TernaryLinear
    stays = [block + "mole.experts.gate", block + "novelty.outer", "lm.waves.0.merge.gate"]
    for name in (*stays, "lm.halting.to_logit", "lm.draft.out", "reflex.intent"):
        assert kinds[name] is nn.Linear
    hidden = sum(m.weight.numel() for m in model.modules() if isinstance(m, TernaryLinear))
    waves = sum(p.numel() for p in model.lm.waves.parameters())
    assert hidden > 0.9 * waves
    one = to_ternary(mini(), skip=("*.left.*",))
    assert not any(type(m) is TernaryLinear for m in one.lm.wave_module(0).left.modules())


def test_every_hidden_weight_of_a_ternary_model_gets_a_gradient() -> None:
    model = mini()
    before = dict(model.named_parameters())
    to_ternary(model)
    assert all(x is before[name] for name, x in model.named_parameters())
    model.train().lm.losses(IDS, IDS.roll(-1, 1))["loss"].backward()
    names = [n for n, m in model.named_modules() if isinstance(m, TernaryLinear)]
    taught = [n for n in names if (g := before[f"{n}.weight"].grad) is not None and bool(g.any())]
    assert all(n.endswith("to_rag") for n in set(names) - set(taught))  # nothing was retrieved
    assert len(taught) > 20


@torch.no_grad()
def test_a_packed_model_says_what_the_ternary_one_says() -> None:
    whole = to_ternary(mini())
    small = pack(copy.deepcopy(whole))
    want = whole.lm(IDS)
    assert torch.equal(small.lm(IDS), want)
    state = small.lm.prefill(IDS[:, :5])
    for t in range(5, 12):
        _, state = small.lm.step(IDS[:, t], state)
    assert (state.logits - want[:, -1]).norm() < 0.05 * want[:, -1].norm()  # steps of 8 bits
    assert small.lm.prefill(IDS, rag=torch.randn(2, 112)).logits.isfinite().all()


def test_a_packed_model_is_a_few_bytes() -> None:
    whole, small = build("tars-mini"), pack(to_ternary(build("tars-mini")))
    size = sum(x.numel() * x.element_size() for x in (*small.parameters(), *small.buffers()))
    assert size < 0.25 * sum(4 * x.numel() for x in whole.parameters())


@torch.no_grad()
def test_a_packed_model_travels_in_files(tmp_path: Path) -> None:
    small = pack(to_ternary(mini()), "5trit")
    save_file(small.state_dict(), tmp_path / "small.safetensors")
    with torch.device("meta"):
        empty = pack(to_ternary(mini()), "5trit")
    empty.load_state_dict(load_file(tmp_path / "small.safetensors"), assign=True)
    want = small.lm(IDS)
    assert torch.equal(empty.lm(IDS), want)
    file = tmp_path / "whole.safetensors"
    checkpoint.save(file, small, system="tars", preset="tars-mini", config=small.config, extra={})
    other = pack(to_ternary(mini()), "5trit")
    with torch.no_grad():
        for x in other.buffers():
            x.zero_()
    checkpoint.load_into(file, other)
    assert torch.equal(other.lm(IDS), want)


def test_bad_input_is_a_sentence() -> None:
    with pytest.raises(ValueError, match="nothing in the model is ternary; call to_ternary first"):
        pack(nn.Sequential(nn.Linear(2, 2)))
    with pytest.raises(ValueError, match="packing must be one of .*2bit.*5trit.*, got '3bit'"):
        pack(nn.Sequential(TernaryLinear(2, 2)), "3bit")


def test_a_shared_layer_stays_shared() -> None:
    one = nn.Linear(3, 3)
    model = pack(to_ternary(nn.ModuleDict({"a": one, "b": one})))
    assert model["a"] is model["b"] and isinstance(model["a"], PackedTernaryLinear)
    with pytest.raises(ValueError, match="the model is one linear layer; put it into"):
        to_ternary(one)
