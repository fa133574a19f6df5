"""Losses on logits over a vocabulary; targets of -100 are left out of every mean."""

import torch.nn.functional as F
from torch import Tensor

from marslab.errors import UserError

IGNORED = -100


def smoothed_cross_entropy(logits: Tensor, targets: Tensor, smoothing: float = 0.1) -> Tensor:
    """Return the mean of (1 - e) * (-log p_target) + e * (-(1 / V) sum_v log p_v), e = smoothing.

    The same number as torch's cross_entropy with label_smoothing, and zero where torch says nan:
    when every target is left out.

    Shapes (V vocabulary):
        logits: [..., V] floating point
        targets: [...] int64, -100 where nothing is to be learned
        returns: [], nats

    Errors:
        ValueError: smoothing is not in 0..1, or the shapes do not fit

    Source:
        Szegedy et al. 2016; the uniform term, which the design leaves undefined, as in T56

    >>> import torch
    >>> smoothed_cross_entropy(torch.zeros(3, 4), torch.tensor([0, 1, -100])).item()
    1.386...
    """
    if not 0 <= smoothing <= 1:
        raise ValueError(f"smoothed_cross_entropy: smoothing must be in 0..1, got {smoothing}")
    kept = _kept("smoothed_cross_entropy", logits, targets)
    log_p = F.log_softmax(logits, -1)
    right = log_p.gather(-1, targets.clamp(min=0).unsqueeze(-1)).squeeze(-1)
    each = -(1 - smoothing) * right - smoothing * log_p.mean(-1)
    return _mean(each, kept)


def distillation(
    student: Tensor, teacher: Tensor, targets: Tensor, T: float = 2.0, alpha: float = 0.5
) -> Tensor:
    """Return alpha * T^2 * KL(softmax(z_t / T) || softmax(z_s / T)) + (1 - alpha) * cross entropy.

    The teacher leads: its distribution is the first of the divergence, and gets no gradient. T^2
    keeps the size of the gradient when T changes.

    Shapes (V vocabulary):
        student, teacher: [..., V] logits
        targets: [...] int64, -100 where nothing is to be learned
        returns: [], nats

    Units:
        T: temperature, > 0; alpha: share of the teacher, 0..1

    Errors:
        ValueError: T or alpha is out of its range, or the shapes do not fit
        UserError: teacher and student have different vocabularies: there is no divergence between
            distributions over different things

    Source:
        Hinton et al. 2015; direction and T^2 repaired as in T48

    >>> import torch
    >>> z = torch.randn(2, 5)
    >>> distillation(z, z, torch.tensor([0, 1]), alpha=1.0).item() < 1e-6
    True
    """
    if not T > 0:
        raise ValueError(f"distillation: T must be positive, got {T}")
    if not 0 <= alpha <= 1:
        raise ValueError(f"distillation: alpha must be in 0..1, got {alpha}")
    if student.shape[-1] != teacher.shape[-1]:
        raise UserError(
            f"the teacher has {teacher.shape[-1]} tokens and the student {student.shape[-1]}: "
            "take a teacher with the same tokenizer, or train on the text that it writes"
        )
    if student.shape != teacher.shape:
        raise ValueError(
            "distillation: student and teacher must have one shape, got "
            f"{list(student.shape)} and {list(teacher.shape)}"
        )
    kept = _kept("distillation", student, targets)
    log_t = F.log_softmax(teacher.detach() / T, -1)
    each = F.kl_div(F.log_softmax(student / T, -1), log_t, reduction="none", log_target=True)
    soft = _mean(each.sum(-1), kept)
    return alpha * T**2 * soft + (1 - alpha) * smoothed_cross_entropy(student, targets, 0.0)


def _kept(name: str, logits: Tensor, targets: Tensor) -> Tensor:
    if logits.shape[:-1] != targets.shape:
        raise ValueError(
            f"{name}: targets must have the shape of the logits less the last axis, got "
            f"{list(targets.shape)} for {list(logits.shape)}"
        )
    return targets != IGNORED


def _mean(each: Tensor, kept: Tensor) -> Tensor:
    return each.where(kept, 0.0).sum() / kept.sum().clamp(min=1)
