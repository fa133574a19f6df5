"""What a TARS model is trained for: the next byte after every wave, and what its parts need."""

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from marslab.systems.tars.thought import Run, Thought
from marslab.thinking.exits import halting_loss

if TYPE_CHECKING:
    from marslab.systems.tars.lm import TarsLM

IGNORED = -100
BESIDE = ("balance", "router_z", "vq", "halting", "draft", "pool", "value", "domain")


def losses(
    lm: "TarsLM",
    ids: Tensor,
    targets: Tensor,
    *,
    label_smoothing: float = 0.0,
    rounds: int = 0,
    rag_ids: Tensor | None = None,
    rag_mask: Tensor | None = None,
    memory: Tensor | None = None,
    task: Tensor | None = None,
) -> dict[str, Tensor]:
    """The loss after every wave, weighted, with those of router, codebook, halting and draft head.

    `rounds` of the matrix pool are unrolled behind the last wave (T42): without them the pool gets
    no gradient. Only targets other than -100 count.

    Shapes (B batch, L length, R length of the retrieved text, M memory width):
        ids, targets: [B, L] int64; targets[t] is the byte after ids[t]
        rag_ids: [B, R] int64, what was retrieved; rag_mask: [B, R] bool, where it has a byte
        memory: [B, M], what the hub knew before the first wave
        task: [B] int64, which of the task types of the matrix pool
    """
    weights, run = lm.config.loss, Run(lm, ids, memory=memory)
    rag = None if rag_ids is None else lm.encode(rag_ids, rag_mask)
    found: dict[str, Tensor] = {}
    steps: list[Tensor] = []
    right: list[Tensor] = []
    halts: list[Tensor] = []
    ends = starts_of(targets)
    for _ in range(lm.config.waves.count):
        thought = run.wave(rag=rag)
        logits = lm.logits(thought)
        steps.append(_cross_entropy(logits, targets, label_smoothing))
        right.append(all_right(logits, targets))
        halts.append(lm.halting(_at(thought.mean.detach(), ends)))
    rise = torch.linspace(weights.early, 1.0, len(steps), device=ids.device)
    found["next_byte"] = steps[-1]
    found["waves"] = (torch.stack(steps) * rise).sum() / rise.sum()
    found["halting"] = halting_loss(torch.stack(halts).float(), torch.stack(right))
    for name in ("balance", "router_z", "vq"):
        found[name] = torch.stack([getattr(out, name).float() for out in run.outs]).mean()
    if lm.draft is not None:
        found["draft"] = _draft(lm, lm.hidden(run.thought).detach(), ids, targets)
    if rounds and lm.idme is not None:
        found |= _pool(lm, run.thought, targets, ends, rounds)
        if task is not None:
            before = _at(run.thought.x, ends)
            found["domain"] = lm.idme.pool.domain_loss(before.detach(), task)
    beside = [getattr(weights, name) * found[name] for name in BESIDE if name in found]
    return {"loss": found["waves"] + sum(beside), **found}


def starts_of(targets: Tensor) -> Tensor:
    """The step of each row whose next byte is the first target: [B] for targets [B, L]."""
    return (targets != IGNORED).int().argmax(1)


def pooled(lm: "TarsLM", thought: Thought, ends: Tensor, rounds: int) -> tuple[Tensor, Tensor]:
    """Logits with rounds of the matrix pool behind step `ends`, and h there before and after them.

    What the pool adds stays with all steps that follow.

    Shapes (B batch, L length, V vocabulary, D width):
        ends: [B] int64
        returns: [B, L, V]; [B, 2, D]
    """
    assert lm.idme is not None
    before = _at(thought.x, ends)
    after = lm.idme.unroll(before, rounds).h
    late = torch.arange(thought.x.shape[1], device=ends.device)[None] >= ends[:, None]
    logits = lm.logits(thought, (after - before)[:, None] * late[..., None])
    return logits, torch.stack([before, after], 1)


def _cross_entropy(logits: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
    return F.cross_entropy(
        logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED, label_smoothing=smoothing
    )


def all_right(logits: Tensor, targets: Tensor) -> Tensor:
    """Whether each row [B] would have answered without a mistake."""
    with torch.no_grad():
        return ((logits.argmax(-1) == targets) | (targets == IGNORED)).all(1)


def _at(x: Tensor, ends: Tensor) -> Tensor:
    """The step `ends` [B] of x [B, L, D], as [B, D]."""
    return x.gather(1, ends[:, None, None].expand(-1, 1, x.shape[-1]))[:, 0]


def _draft(lm: "TarsLM", hidden: Tensor, ids: Tensor, targets: Tensor) -> Tensor:
    """Step t guesses, from the byte at t + 1 + j, the one after it; it teaches the head alone."""
    assert lm.draft is not None
    parts = []
    for far in range(lm.draft.length):
        ahead = 1 + far
        if ids.shape[1] <= ahead:
            break
        byte = lm.embed(ids[:, ahead:]).detach()
        logits = lm.draft(hidden[:, :-ahead], byte, far).float()
        goal = targets[:, ahead:].flatten()
        # Where no target is left the sum is 0, and nobody need wait for the device to know it.
        lost = F.cross_entropy(logits.flatten(0, 1), goal, ignore_index=IGNORED, reduction="sum")
        parts.append(lost / (goal != IGNORED).sum().clamp(min=1))
    return torch.stack(parts).mean() if parts else hidden.new_zeros(())


def _pool(
    lm: "TarsLM", thought: Thought, targets: Tensor, ends: Tensor, rounds: int
) -> dict[str, Tensor]:
    """The loss behind the pool; its value head learns whether an answer read from h is right.

    It is asked before the rounds and after them.
    """
    assert lm.idme is not None
    logits, states = pooled(lm, thought, ends, rounds)
    with torch.no_grad():
        right = [all_right(lm.logits(thought), targets), all_right(logits, targets)]
    value = lm.idme.value_loss(states.detach(), torch.stack(right, 1))
    return {"pool": _cross_entropy(logits, targets), "value": value}
