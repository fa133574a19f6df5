"""A gate that is held: against the formula of each gate, and everything else stays as it was."""

from typing import Any

import pytest
import torch
from torch import nn

import marslab
from marslab.errors import UserError
from marslab.layers.memory_injection import MemoryInjection
from marslab.layers.novelty_gate import NoveltyGate
from marslab.systems.tars.clamp import clamp, gates
from marslab.systems.tars.config import TarsConfig
from marslab.systems.tars.lm import TarsLM
from marslab.systems.tars.system import Tars

from tars_models import VARIANTS, bytes_of, small

FIELDS = {"merge": ("wave", "alpha"), "need": ("injection", "need"), "novelty": ("novelty",) * 2}


def traced(lm: TarsLM) -> marslab.Trace:
    with marslab.trace() as seen:
        lm(bytes_of())
    return seen


def levels(seen: marslab.Trace, kind: str) -> list[list[torch.Tensor]]:
    """What a gate was, wave after wave: a "block" ends each."""
    event, field = FIELDS[kind]
    found: list[list[Any]] = [[]]
    for each in seen.events:
        if each.name == "block":
            found.append([])
        elif each.name == event:
            found[-1].append(each.fields[field])
    return found[:-1]


@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("kind", FIELDS)
@pytest.mark.parametrize("variant", ["all parts", "own parts in each block"])
def test_one_wave_is_held_and_the_waves_before_it_are_as_they_were(
    variant: str, kind: str, value: float
) -> None:
    lm = small(**VARIANTS[variant])
    free = levels(traced(lm), kind)
    with clamp(lm, f"waves.1.{kind}", value):
        held = levels(traced(lm), kind)
    assert len(held[1]) == (1 if kind == "merge" else 2)
    for level in held[1]:
        assert torch.allclose(level, torch.full_like(level, value), rtol=0, atol=1e-15)
    assert all(torch.equal(a, b) for a, b in zip(free[0], held[0], strict=True))
    changed = [a for a, b in zip(free[2], held[2], strict=True) if not torch.equal(a, b)]
    assert changed and not any(torch.allclose(a, torch.full_like(a, value)) for a in held[2])


def test_the_merge_is_that_of_its_own_switch() -> None:
    lm, ids = small(), bytes_of()
    for value in (0.0, 0.25, 1.0):
        with clamp(lm, "waves.1.merge", value):
            found = lm(ids)
        merge = lm.wave_module(1).merge
        assert merge is not None
        merge.clamp = value
        wanted = lm(ids)
        merge.clamp = None
        assert torch.allclose(found, wanted, rtol=0, atol=1e-12)
        assert not torch.allclose(found, lm(ids), rtol=0, atol=1e-6)


def test_no_memory_and_nothing_new_is_what_a_model_without_them_gives() -> None:
    """need 0: the memory enters no block. novelty 0: a block gives what it was given."""
    lm, ids = small(), bytes_of()

    def past(module: nn.Module, given: tuple[torch.Tensor, ...], found: Any) -> Any:
        if isinstance(module, MemoryInjection):
            return found._replace(x=given[0])
        return found._replace(x=given[0]) if isinstance(module, NoveltyGate) else None

    for kind, part in (("need", MemoryInjection), ("novelty", NoveltyGate)):
        hooks = [m.register_forward_hook(past) for m in lm.modules() if isinstance(m, part)]
        wanted = lm(ids)
        for hook in hooks:
            hook.remove()
        with clamp(lm, f"waves.*.{kind}", 0.0):
            assert torch.equal(lm(ids), wanted)
        assert not torch.equal(lm(ids), wanted)


@pytest.mark.parametrize("variant", VARIANTS)
def test_nothing_held_is_the_same_to_the_bit(variant: str) -> None:
    lm, ids = small(**VARIANTS[variant]), bytes_of()
    free = lm(ids)
    for gate in gates(lm):
        with clamp(lm, gate, None):
            assert torch.equal(lm(ids), free)
        with clamp(lm, gate, 0.5):
            pass
        assert torch.equal(lm(ids), free)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in lm.modules())


def test_step_by_step_it_is_held_as_in_one_pass() -> None:
    lm, ids = small(), bytes_of(1)
    with clamp(lm, "waves.*.need", 0.9), clamp(lm, "waves.2.merge", 0.1):
        whole = lm(ids)
        state = lm.prefill(ids[:, :5])
        for at in range(5, ids.shape[1]):
            assert torch.allclose(state.logits, whole[:, at - 1].float(), rtol=0, atol=1e-5)
            _, state = lm.step(ids[:, at], state)


def test_after_an_error_nothing_is_held() -> None:
    lm, ids = small(), bytes_of()
    free = lm(ids)
    with pytest.raises(ValueError, match="ids must be integers"), clamp(lm, "waves.0.merge", 1.0):
        lm(ids.double())
    assert torch.equal(lm(ids), free)
    with clamp(lm, "waves.0.need", 1.0):
        with pytest.raises(ValueError, match="MemoryInjection: memory must be"):
            lm.wave_module(0)(torch.zeros(1, 2, 16).double(), torch.zeros(1, 2, 16).double(),
                              memory=torch.zeros(1, 2, 3).double())  # fmt: skip
        assert torch.equal(lm(ids), free)  # the first wave has no memory, the others are free


def test_a_model_lists_what_it_has_and_refuses_the_rest() -> None:
    assert gates(small(**VARIANTS["bare"])) == tuple(f"waves.{w}.merge" for w in "*012")
    assert gates(small(**VARIANTS["tied waves"]))[3:] == (
        "waves.0.merge", "waves.0.need", "waves.0.novelty",
    )  # fmt: skip
    for variant, gate in (("in sequence", "merge"), ("static memory", "need"), ("bare", "novelty")):
        lm = small(**VARIANTS[variant])
        with pytest.raises(UserError, match=f"waves.0.{gate}"):
            clamp(lm, f"waves.0.{gate}", 0.5).__enter__()
    for value in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="value must be from 0 to 1"):
            clamp(small(), "waves.0.merge", value).__enter__()


def test_the_whole_system_is_held_by_its_language_model() -> None:
    tars = Tars(TarsConfig(d_model=32)).eval()
    ids = tars.prompt("2+2=?")
    free = tars.lm(ids)
    assert gates(tars) == gates(tars.lm)
    with clamp(tars, "waves.*.merge", 0.0):
        assert not torch.equal(tars(ids), free)
    assert torch.equal(tars(ids), free)
