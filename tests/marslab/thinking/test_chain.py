"""Spine and chain against loops over single tokens."""

import pytest
import torch
from torch import Tensor

from marslab.errors import UserError
from marslab.kernels.testing import assert_close
from marslab.thinking.chain import PHASES, Spine, ThinkingChain
from marslab.tracing import trace


def rms(x: Tensor, weight: Tensor) -> Tensor:
    return x / (x.square().mean() + torch.finfo(x.dtype).eps).sqrt() * weight


def inputs(M: int = 6, D: int = 5) -> tuple[Tensor, Tensor]:
    memory = torch.randn(2, 4, M, dtype=torch.float64)
    return memory, torch.randn(2, 4, D, dtype=torch.float64)


def spine_loop(spine: Spine, memory: Tensor | None, mean: Tensor) -> Tensor:
    out = mean.new_zeros(*mean.shape[:2], spine.to_memory.out_features)
    for b, t in torch.cartesian_prod(torch.arange(2), torch.arange(4)).tolist():
        seen = spine.to_memory.weight @ rms(mean[b, t], spine.norm.weight) + spine.to_memory.bias
        new = seen / seen.norm()
        if memory is not None:
            new = 0.7 * memory[b, t] + 0.3 * new
            new = new / new.norm()
        out[b, t] = new
    return out


def chain_loop(chain: ThinkingChain, memory: Tensor, mean: Tensor, wave: int) -> Tensor:
    first, last, gate = chain.think[0], chain.think[2], chain.to_gate
    assert isinstance(first, torch.nn.Linear) and isinstance(last, torch.nn.Linear)
    out = torch.zeros_like(memory)
    for b, t in torch.cartesian_prod(torch.arange(2), torch.arange(4)).tolist():
        seen = rms(mean[b, t], chain.norm.weight)
        understood = chain.understand.weight @ seen + chain.understand.bias
        inner = first.weight @ torch.cat([understood, chain.step.weight[wave]]) + first.bias
        thought = last.weight @ (inner / (1 + torch.exp(-inner))) + last.bias
        g = 1 / (1 + torch.exp(-(gate.weight @ torch.cat([memory[b, t], thought]) + gate.bias)))
        out[b, t] = g * thought + (1 - g) * memory[b, t]
    return out


def test_the_spine_is_its_formula_token_by_token() -> None:
    spine = Spine(5, 6).double()
    memory, mean = inputs()
    assert_close(spine(memory, mean), spine_loop(spine, memory, mean))
    assert_close(spine(None, mean), spine_loop(spine, None, mean))
    assert torch.allclose(spine(memory, mean).norm(dim=-1), torch.ones(2, 4).double())


def test_the_chain_is_its_formula_token_by_token() -> None:
    chain = ThinkingChain(5, 6, waves=4).double()
    memory, mean = inputs()
    for wave in range(4):
        assert_close(chain(memory, mean, wave), chain_loop(chain, memory, mean, wave))
    assert torch.equal(chain(memory, mean, 9), chain(memory, mean, 3))
    assert chain(None, mean, 0) is None


def test_a_token_does_not_see_its_neighbours() -> None:
    spine, chain = Spine(5, 6).double(), ThinkingChain(5, 6, waves=2).double()
    memory, mean = inputs()
    changed = mean.clone()
    changed[:, 2:] += 1
    for part in (spine, lambda m, x: chain(m, x, 0)):
        before, after = part(memory, mean), part(memory, changed)
        assert torch.equal(before[:, :2], after[:, :2])
        assert not torch.allclose(before[:, 2:], after[:, 2:])


def test_every_parameter_learns() -> None:
    spine, chain = Spine(5, 6).double(), ThinkingChain(5, 6, waves=3).double()
    memory, mean = inputs()
    for wave in range(3):
        memory = chain(spine(memory, mean), mean, wave)
    (memory * torch.randn_like(memory)).sum().backward()
    for part in (spine, chain):
        for name, p in part.named_parameters():
            assert p.grad is not None and p.grad.abs().sum() > 0, name
    assert chain.step.weight.grad is not None
    assert (chain.step.weight.grad.abs().sum(1) > 0).all()


def test_phases_scale_with_the_waves() -> None:
    twelve = ThinkingChain(5, 6, waves=12)
    assert [twelve.phase(w) for w in range(12)] == [p for p in PHASES for _ in range(3)]
    assert twelve.phase(40) == "VERIFY"
    assert [ThinkingChain(5, 6, waves=4).phase(w) for w in range(4)] == list(PHASES)
    with pytest.raises(ValueError, match="wave must be at least 0"):
        twelve.phase(-1)


def test_each_phase_asks_its_own_question_and_cuts_the_gradient() -> None:
    chain = ThinkingChain(5, 6, waves=4)
    memory = torch.randn(3, 6, requires_grad=True)
    queries = torch.stack([chain.query(memory, phase) for phase in PHASES])
    assert not queries.requires_grad
    assert torch.allclose(queries.norm(dim=-1), torch.ones(4, 3))
    near = torch.cosine_similarity(queries, memory[None].detach(), dim=-1)
    assert (near > 0.4).all()
    gram = torch.einsum("pbm,qbm->bpq", queries, queries)
    assert (gram[:, ~torch.eye(4, dtype=torch.bool)] < 0.999).all()
    again = ThinkingChain(7, 6, waves=2)
    assert torch.equal(chain.phase_vectors, again.phase_vectors)
    with pytest.raises(UserError, match="no phase 'VERIFI'. Did you mean 'VERIFY'"):
        chain.query(memory, "VERIFI")


def test_both_tell_what_they_did() -> None:
    spine, chain = Spine(5, 6).double(), ThinkingChain(5, 6, waves=4).double()
    memory, mean = inputs()
    with trace() as t:
        spine(memory, mean)
        chain(memory, mean, 2)
    assert t.names() == ["spine", "chain"]
    assert t.events[0].fields["cosine"].shape == (2, 4)  # pyright: ignore
    assert t.events[1].fields["phase"] == "SYNTHESIZE"


def test_bad_input_gets_a_sentence() -> None:
    with pytest.raises(ValueError, match=r"Spine: mean must be \[B, L, D\]"):
        Spine(5, 6)(None, torch.ones(2, 4, 7))
    with pytest.raises(ValueError, match=r"ThinkingChain: memory must be \[B, L, M\]"):
        ThinkingChain(5, 6, waves=2)(torch.ones(2, 4, 5), torch.ones(2, 4, 5), 0)
    with pytest.raises(ValueError, match="keep must be between 0 and 1"):
        Spine(5, 6, keep=2)
    with pytest.raises(ValueError, match="waves must be at least 1"):
        ThinkingChain(5, 6, waves=0)
