"""Eight bits by PT2E: what is rounded, that it learns, that zeros survive, what it says."""

import copy
import sys

import pytest
import torch
from torch import Tensor, nn

from marslab.compress.lowering import lowered
from marslab.compress.pruning import prune, zeros
from marslab.compress.pt2e import convert, prepare_qat, to_static_int8
from marslab.errors import MissingExtra
from marslab.systems.registry import build

torchao = pytest.importorskip("torchao", reason="needs torchao: pip install 'marslab[edge]'")
EXAMPLE = torch.zeros(1, 8, 8)


def scan() -> nn.Module:
    torch.manual_seed(0)
    return build("digits-scan", {"d_model": 8}).eval()


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 12), nn.Tanh(), nn.Linear(12, 3)).eval()


def by_hand(layer: nn.Linear, x: Tensor, seen: Tensor) -> Tensor:
    """x and W rounded as the scheme says, in float64; the range of x is that of `seen`, and 0."""
    low, high = min(seen.min().item(), 0.0), max(seen.max().item(), 0.0)
    step = (high - low) / 255
    zero = round(-low / step)
    x = ((x.double() / step).round() + zero).clamp(0, 255).sub(zero) * step
    W = layer.weight.detach().double()
    scale = W.abs().amax(1, keepdim=True) / 127
    return x @ ((W / scale).round() * scale).T + layer.bias.detach().double()


def test_a_trained_layer_rounds_as_by_hand() -> None:
    layer = nn.Linear(6, 12)
    x = torch.rand(64, 6) * 3 - 1
    model = prepare_qat(nn.Sequential(layer), x[:1])
    with torch.no_grad():
        model(x)  # the first batch sets the range as it is
        made = convert(model)
        torch.testing.assert_close(made(x).double(), by_hand(layer, x, x), rtol=1e-4, atol=1e-4)


def test_a_static_layer_is_near_and_was_rounded() -> None:
    layer, x = nn.Linear(6, 12), torch.rand(512, 6) * 3 - 1
    with torch.no_grad():
        made = to_static_int8(nn.Sequential(layer), x[:1], [x])
        off = (made(x) - layer(x)).abs().max().item()
    assert 0 < off < 0.05
    assert [t.dtype for t in made.state_dict().values()].count(torch.int8) == 1


def test_only_whole_numbers_are_kept_of_a_weight() -> None:
    model = scan()
    made = to_static_int8(model, EXAMPLE, [torch.rand(16, 8, 8)])
    linear = sum(m.weight.numel() for m in model.modules() if isinstance(m, nn.Linear))
    kept = made.state_dict().values()
    assert sum(x.numel() for x in kept if x.dtype == torch.int8) == linear
    wide = sum(x.numel() for x in model.parameters()) - linear
    scales = sum(m.out_features for m in model.modules() if isinstance(m, nn.Linear))
    assert sum(x.numel() for x in kept if x.dtype == torch.float32) == wide + scales


def test_the_gradient_flows_through_the_quantisers() -> None:
    model = prepare_qat(net(), torch.zeros(1, 6))
    x, y = torch.randn(32, 6), torch.randint(3, (32,))
    nn.functional.cross_entropy(model(x), y).backward()
    plain = net()
    nn.functional.cross_entropy(plain(x), y).backward()
    pairs = zip(model.parameters(), plain.parameters(), strict=True)
    for rounded, real in pairs:
        assert rounded.grad is not None and real.grad is not None
        assert nn.functional.cosine_similarity(rounded.grad.ravel(), real.grad.ravel(), 0) > 0.99
        assert not torch.equal(rounded.grad, real.grad)  # it was taken at the rounded numbers


def test_what_is_learned_through_the_rounding_is_kept_by_it() -> None:
    torch.manual_seed(0)
    x = torch.randn(512, 6)
    x[:, 0] *= 10  # the step of all inputs is as wide as this one asks for
    y = (x[:, 1] > 0).long()
    model = nn.Sequential(nn.Linear(6, 12), nn.Tanh(), nn.Linear(12, 2))
    rounded = prepare_qat(model, x[:1])
    optimizer = torch.optim.Adam(rounded.parameters(), 0.05)
    losses = []
    for _ in range(60):
        loss = nn.functional.cross_entropy(rounded(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    with torch.no_grad():
        right = (convert(rounded)(x).argmax(-1) == y).float().mean().item()
    assert losses[-1] < 0.3 * losses[0] and right > 0.9


def test_held_out_examples_leave_no_mark() -> None:
    model = prepare_qat(net(), torch.zeros(1, 6))
    x = torch.randn(32, 6)
    model(x)
    model.eval()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    model(1000 * x)
    after = model.state_dict()
    assert all(torch.equal(after[k], v) for k, v in before.items())
    model.train()
    model(1000 * x)
    assert not all(torch.equal(model.state_dict()[k], v) for k, v in before.items())


def test_pruned_then_trained_rounded_then_converted_is_pruned_still() -> None:
    model = prune(net(), 0.5, skip=())
    gone = torch.cat([m.weight.flatten() == 0 for m in model if isinstance(m, nn.Linear)])
    rounded = prepare_qat(model, torch.zeros(1, 6))
    optimizer = torch.optim.AdamW(rounded.parameters(), 0.05, weight_decay=0.1)
    for _ in range(10):
        loss = rounded(torch.randn(16, 6)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    made = convert(rounded)
    whole = [x for x in made.state_dict().values() if x.dtype == torch.int8]
    whole.sort(key=len, reverse=True)  # 12 x 6, then 3 x 12
    kept = torch.cat([x.flatten() for x in whole])
    assert not kept[gone].any() and kept[~gone].any()
    assert zeros(model, ()) == 0.5


def test_any_batch_goes_and_the_model_is_left_alone() -> None:
    model = scan().train()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    made = to_static_int8(model, EXAMPLE, [torch.rand(4, 8, 8)])
    with torch.no_grad():
        assert [len(made(torch.rand(n, 8, 8))) for n in (1, 2, 7)] == [1, 2, 7]
    assert model.training
    assert all(torch.equal(model.state_dict()[k], v) for k, v in before.items())


def test_what_is_trained_rounded_moves_neither_the_model_nor_what_was_made_of_it() -> None:
    model, x = net(), torch.randn(32, 6)
    made = to_static_int8(model, x[:1], [x])
    with torch.no_grad():
        before, said = copy.deepcopy(model.state_dict()), made(x)
    rounded = prepare_qat(model, x[:1])
    rounded(x).square().sum().backward()
    torch.optim.SGD(rounded.parameters(), 0.1).step()
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    with torch.no_grad():
        assert torch.equal(made(x), said) and not torch.equal(convert(rounded)(x), said)


def test_the_graph_is_the_model() -> None:
    for op in ("selective_scan", "ssd", "min_gru", "linear_scan"):
        torch.manual_seed(0)
        model = build("digits-scan", {"d_model": 8, "ssm.op": op}).eval()
        program = lowered(model, EXAMPLE)
        x = torch.rand(3, 8, 8)
        with torch.no_grad():
            torch.testing.assert_close(program.module()(x), model(x), rtol=1e-4, atol=1e-5)
        assert not [n for n in program.graph.nodes if "marslab" in str(n.target)], op


def test_mistakes() -> None:
    with pytest.raises(ValueError, match="batches is empty"):
        to_static_int8(net(), torch.zeros(1, 6), [])
    with pytest.raises(ValueError, match="no linear layer"):
        prepare_qat(nn.Sequential(nn.Tanh()), torch.zeros(1, 6))
    for wrong in (torch.zeros(0, 6), torch.tensor(1.0)):
        with pytest.raises(ValueError, match="a batch of at least one"):
            lowered(net(), wrong)


def test_without_torchao_it_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchao", None)
    with pytest.raises(MissingExtra, match=r"torchao is not installed: pip install 'marslab\[edge"):
        prepare_qat(net(), torch.zeros(1, 6))
