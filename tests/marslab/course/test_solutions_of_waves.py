"""The reference solutions of notebooks 30 and 31 against the library."""

import torch
from torch.nn import functional as F

from marslab.lab.course.content import chain, waves
from marslab.layers import WaveMerge, running_mean
from marslab.thinking import Spine, ThinkingChain
from marslab.thinking.chain import PHASES


def test_the_gate_is_that_of_a_merge() -> None:
    torch.manual_seed(0)
    merge = WaveMerge(5, correction=False).double()
    left, right = torch.randn(2, 9, 5, dtype=torch.float64)
    means = (running_mean(x[None]) for x in (left, right))
    with torch.no_grad():
        expected = merge(left[None], right[None], *means).x[0]
        found = waves.merged(left, right, merge.gate.weight[0], merge.gate.bias.item())
    torch.testing.assert_close(found, expected)


def test_the_mean_goes_on_as_the_library_does() -> None:
    torch.manual_seed(1)
    x, mean = torch.randn(7, 3, dtype=torch.float64), torch.randn(3, dtype=torch.float64)
    for count in (0, 1, 12):
        expected = running_mean(x[None], mean[None], count)[0]
        torch.testing.assert_close(waves.go_on(mean, count, x), expected)


def test_the_size_is_that_of_the_layers() -> None:
    for d in (1, 4, 7):
        assert waves.merge_size(d, 3) == 3 * sum(p.numel() for p in WaveMerge(d).parameters())


def test_the_memory_follows_as_the_spine_does() -> None:
    torch.manual_seed(2)
    spine = Spine(5, 4, keep=0.6).double()
    mean = torch.randn(1, 6, 5, dtype=torch.float64)
    memory = F.normalize(torch.randn(1, 6, 4, dtype=torch.float64), dim=-1)
    with torch.no_grad():
        seen = spine.to_memory(spine.norm(mean))[0]
        for t in range(6):
            after, first = spine(memory, mean)[0, t], spine(None, mean)[0, t]
            torch.testing.assert_close(chain.follow(memory[0, t], seen[t], 0.6), after)
            torch.testing.assert_close(chain.follow(None, seen[t], 0.6), first)


def test_the_thought_is_let_in_as_by_the_chain() -> None:
    torch.manual_seed(3)
    layer = ThinkingChain(5, 4, waves=3).double()
    mean, memory = torch.randn(1, 1, 5).double(), torch.randn(1, 1, 4).double()
    with torch.no_grad():
        place = layer.step.weight[1].expand(1, 1, 4)
        thought = layer.think(torch.cat([layer.understand(layer.norm(mean)), place], -1))[0, 0]
        W, b = layer.to_gate.weight, layer.to_gate.bias
        found = chain.let_in(memory[0, 0], thought, W, b)
        torch.testing.assert_close(found, layer(memory, mean, 1)[0, 0])


def test_the_phases_are_those_of_the_chain() -> None:
    for count in range(1, 15):
        layer = ThinkingChain(4, 4, waves=count)
        found = [PHASES[chain.phase(wave, count)] for wave in range(20)]
        assert found == [layer.phase(wave) for wave in range(20)]
