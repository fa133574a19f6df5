"""TARS's ways to generate faster: known prefixes, and bytes that are guessed and then checked."""

from functools import partial
from statistics import median

import torch
from torch import Tensor

from marslab.kernels.roofline import watch
from marslab.lab.claims.outcome import Outcome
from marslab.systems.registry import build
from marslab.systems.tars.generation import Chooser, Sampling
from marslab.systems.tars.lm import TarsLM
from marslab.systems.tars.prefix_cache import PrefixCache
from marslab.systems.tars.speculative import verify

ACCEPTANCE, DRAFTED = 0.7, 4  # printed
IDS, VERIFICATIONS = 64, 20_000
PREFIXES, QUESTION = (256, 1024), 32
ROUNDS, PAIRS = 15, 9


def known_prefix() -> Outcome:
    """Prompts that begin like one before: from the prefix cache, and read anew."""
    lm = brain()
    short, long = (_prefixed(lm, length) for length in PREFIXES)
    figures = {
        "times_faster": median(a / b for a, b in short),
        "times_faster_behind_1024": median(a / b for a, b in long),
        "error": max(_error(lm, length) for length in PREFIXES),
        "ms_fresh": 1e3 * median(fresh for fresh, _ in short),
        "ms_from_the_cache": 1e3 * median(known for _, known in short),
    }
    says = (
        f"A question of {QUESTION} bytes behind a known prefix of {PREFIXES[0]} is read "
        f"{figures['times_faster']:.1f} times as fast (median of pairs; "
        f"{figures['ms_from_the_cache']:.0f} ms against {figures['ms_fresh']:.0f}), behind one of "
        f"{PREFIXES[1]:,} {figures['times_faster_behind_1024']:.1f} times. That is less than the "
        "bytes saved, since short texts are read at a worse rate. (tars-mini, random weights.)"
    )
    return Outcome(figures, says)


def tokens_a_verification() -> Outcome:
    """Bytes that one verification of four drafted ones gives, at an acceptance of 0.7."""
    p, q = _distributions()
    choose = Chooser(Sampling(temperature=1.0))
    counts, accepted, tried = 0, 0, 0
    for _ in range(VERIFICATIONS):
        drafted = [choose.draw(q) for _ in range(DRAFTED)]
        found = verify([p] * (DRAFTED + 1), [q] * DRAFTED, drafted, choose)
        counts += found.accepted + 1
        accepted += found.accepted
        tried += min(found.accepted + 1, DRAFTED)
    expected = sum(ACCEPTANCE**at for at in range(DRAFTED + 1))
    figures = {
        "tokens_a_verification": counts / VERIFICATIONS,
        "by_the_formula": expected,
        "acceptance": accepted / tried,
        "verifications": VERIFICATIONS,
    }
    says = (
        f"With the printed acceptance of 70 % given, {VERIFICATIONS:,} verifications of "
        f"{DRAFTED} drafted bytes bring {figures['tokens_a_verification']:.2f} bytes each (formula "
        f"{expected:.2f}). Whether a trained head is right in 70 % is another question, and so is "
        "the time of a verification."
    )
    return Outcome(figures, says)


def speed_when_70_percent_stand() -> Outcome:
    """What drafting, checking and reading again cost in tars-mini, against byte after byte."""
    lm = brain()
    head = lm.draft
    assert head is not None
    state = lm.prefill(torch.randint(4, 256, (1, PREFIXES[0])))
    one, several = torch.randint(4, 256, (1, 1)), torch.randint(4, 256, (1, DRAFTED + 1))
    calls = {
        "step": lambda: lm.step(one, state),
        "check": lambda: _checked(lm, several, state),
        "again": lambda: lm.step(several[:, :3], state),  # of 1 to 4 bytes, these are the mean
        "draft": lambda: [head(state.hidden, lm.embed(one[0]), at) for at in range(DRAFTED)],
    }
    with torch.no_grad():
        rounds = [{name: watch(call)() for name, call in calls.items()} for _ in range(2 * ROUNDS)]
    ms = {name: 1e3 * median(each[name] for each in rounds[4:]) for name in calls}
    tokens = sum(ACCEPTANCE**at for at in range(DRAFTED + 1))
    window = ms["draft"] + ms["check"] + (1 - ACCEPTANCE**DRAFTED) * ms["again"]
    figures = {
        "times_faster": tokens * ms["step"] / window,
        "times_faster_without_reading_again": tokens * ms["step"] / (ms["draft"] + ms["check"]),
        "ms_of_a_step": ms["step"],
        "ms_of_a_check": ms["check"],
        "ms_of_reading_again": ms["again"],
        "ms_of_four_drafts": ms["draft"],
    }
    says = (
        f"At 70 % a window brings {tokens:.2f} bytes. In tars-mini on this CPU a step takes "
        f"{ms['step']:.0f} ms, a check of 5 bytes {ms['check']:.0f}, four drafts "
        f"{ms['draft']:.1f}, and after a rejection the state is read again: "
        f"{figures['times_faster']:.2f} times the speed of byte after byte "
        f"({figures['times_faster_without_reading_again']:.2f} if states within the window were "
        "kept)."
    )
    return Outcome(figures, says)


def brain() -> TarsLM:
    """The language model of tars-mini with random weights, always the same ones."""
    torch.manual_seed(0)
    lm = build("tars-mini").eval().lm
    assert isinstance(lm, TarsLM)
    return lm


def _prefixed(lm: TarsLM, length: int) -> list[tuple[float, float]]:
    """Seconds anew and seconds from the cache, prompt by prompt."""
    prefix = torch.randint(4, 256, (length,)).tolist()
    cache = PrefixCache(lm)
    cache.prefill(prefix)
    found = []
    for _ in range(PAIRS + 2):
        prompt = prefix + torch.randint(4, 256, (QUESTION,)).tolist()
        fresh = watch(partial(lm.prefill, torch.tensor([prompt])))()
        found.append((fresh, watch(partial(cache.prefill, prompt))()))
    return found[2:]


def _error(lm: TarsLM, length: int) -> float:
    """Relative error of the logits behind a known prefix."""
    prompt = torch.randint(4, 256, (length + QUESTION,)).tolist()
    cache = PrefixCache(lm)
    cache.prefill(prompt[:length])
    pieced, whole = cache.prefill(prompt).logits, lm.prefill(torch.tensor([prompt])).logits
    return ((pieced - whole).norm() / whole.norm()).item()


def _checked(lm: TarsLM, ids: Tensor, state: object) -> Tensor:
    run = lm.advance(ids, state)  # pyright: ignore[reportArgumentType]
    return lm.logits(run.thought)


def _distributions() -> tuple[Tensor, Tensor]:
    """p and q [IDS] whose overlap, the sum of min(p, q), is the printed acceptance.

    q keeps that share of p and puts the rest where p has nothing.
    """
    half = IDS // 2
    p = torch.zeros(IDS)
    p[:half] = torch.softmax(torch.randn(half, generator=torch.Generator().manual_seed(0)), 0)
    q = ACCEPTANCE * p
    q[half:] = (1 - ACCEPTANCE) / half
    return p, q
