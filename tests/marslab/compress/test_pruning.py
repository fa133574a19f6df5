"""Masks: what goes, that it stays away, and what is left when they are taken off."""

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils import prune as torch_prune

from marslab.compress.pruning import Masked, make_permanent, prune, zeros


def model() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(20, 30), nn.ReLU(), nn.Linear(30, 10))


def flat(net: nn.Sequential) -> Tensor:
    weights = [m.weight.detach().flatten() for m in net if isinstance(m, nn.Linear)]
    return torch.cat(weights)


def trained(net: nn.Module, steps: int = 20) -> None:
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.1, weight_decay=0.1)
    for _ in range(steps):
        loss = net(torch.randn(8, 20)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def test_the_smallest_of_the_whole_model_go() -> None:
    before = flat(model())
    net = prune(model(), 0.5)
    after = flat(net)
    assert int((after == 0).sum()) == 450
    assert before[after == 0].abs().max() <= before[after != 0].abs().min()
    assert torch.equal(after[after != 0], before[after != 0])
    by_torch = model()  # torch's own global pruning goes by the same rule
    layers = [(m, "weight") for m in by_torch if isinstance(m, nn.Linear)]
    torch_prune.global_unstructured(layers, torch_prune.L1Unstructured, amount=0.5)
    assert torch.equal(flat(by_torch), after)


def test_rows_go_as_a_whole_in_each_layer() -> None:
    before, net = model(), prune(model(), 0.4, structured=True)
    for old, layer in zip(before, net, strict=True):
        if isinstance(layer, nn.Linear) and isinstance(old, nn.Linear):
            gone = (layer.weight == 0).all(1)
            norms = old.weight.norm(dim=1)
            assert int(gone.sum()) == int(0.4 * len(gone))
            assert norms[gone].max() <= norms[~gone].min()
            assert bool((layer.weight[~gone] != 0).all())


@pytest.mark.parametrize("structured", [False, True])
def test_the_mask_holds_through_the_whole_update(structured: bool) -> None:
    net = prune(model(), 0.5, structured=structured)
    gone, before = flat(net) == 0, flat(net)
    assert gone.float().mean() == pytest.approx(0.5, abs=0.01)
    trained(net)
    assert torch.equal(flat(net) == 0, gone)
    moved = (flat(net) != before)[~gone]
    assert moved.float().mean() > 0.99


def test_the_gradient_stops_at_the_mask() -> None:
    net = prune(model(), 0.5)
    net(torch.randn(4, 20)).square().sum().backward()
    found = dict(net.named_parameters())
    for at in (0, 2):
        grad = found[f"{at}.parametrizations.weight.original"].grad
        masked = torch.as_tensor(net[at].weight) == 0
        assert grad is not None and masked.any()
        assert not grad[masked].any() and grad[~masked].any()


def test_a_second_pruning_adds_to_the_first() -> None:
    net = prune(model(), 0.3)
    first = flat(net) == 0
    trained(net, 3)
    prune(net, 0.6)
    again = flat(net) == 0
    assert zeros(net, ()) == pytest.approx(0.6)
    assert bool(again[first].all())
    assert sum(isinstance(m, Masked) for m in net.modules()) == 2


def test_permanent_zeros_are_plain_layers_and_leave_copies_alone() -> None:
    masked = prune(model(), 0.5)
    trained(masked, 2)
    x = torch.randn(3, 20)
    plain = make_permanent(copy.deepcopy(masked))
    assert list(plain.state_dict()) == list(model().state_dict())
    assert torch.equal(plain(x), masked(x)) and zeros(masked, ()) == zeros(plain, ()) == 0.5


def test_what_reads_out_stays() -> None:
    net = nn.ModuleDict({"inner": nn.Linear(4, 4), "readout": nn.Linear(4, 4)})
    prune(net, 0.5)
    assert not parametrize.is_parametrized(net["readout"])
    assert zeros(net) == 0.5


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
def test_a_share_that_is_none(share: float) -> None:
    with pytest.raises(ValueError, match="share must be at least 0 and below 1"):
        prune(model(), share)


def test_nothing_to_prune() -> None:
    with pytest.raises(ValueError, match="no linear layer"):
        prune(nn.Sequential(nn.ReLU()))
