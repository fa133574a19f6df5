"""What the trained TARS does: how soon it answers at home, and how well its draft head guesses."""

import time
from statistics import mean

import torch

from marslab.lab.claims.outcome import Outcome
from marslab.learning.tars.scoring import MOST, held_out
from marslab.systems.registry import load
from marslab.systems.tars.generation import Sampling
from marslab.systems.tars.speculative import SpeculativeGeneration
from marslab.systems.tars.system import Tars
from marslab.tasks.authored import household

SOON = 0.2  # seconds, printed
EVERY = 5  # of the household queries
PROBLEMS = 15


def household_latency() -> Outcome:
    """Every fifth household query, asked one at a time, with all tiers."""
    tars, seconds, by_reflex = _tars(), [], []
    queries = household()[::EVERY]
    tars.ask(queries[-1].text, max_bytes=2)  # loads the kernels
    for each in queries:
        began = time.perf_counter()
        answer = tars.ask(each.text, max_bytes=MOST)
        seconds.append(time.perf_counter() - began)
        by_reflex.append(answer.tier == "reflex")
    took = torch.tensor(seconds, dtype=torch.float64)
    figures = {
        "share_below_200_ms": (took < SOON).double().mean().item(),
        "share_of_the_reflex": mean(by_reflex),
        "ms_p50": 1e3 * took.quantile(0.5).item(),
        "ms_p90": 1e3 * took.quantile(0.9).item(),
        "ms_p99": 1e3 * took.quantile(0.99).item(),
        "queries": len(queries),
    }
    says = (
        f"Of {len(queries)} household queries {figures['share_below_200_ms']:.0%} were answered "
        f"within 200 ms (half within {figures['ms_p50']:.0f} ms, 90 % within "
        f"{figures['ms_p90']:.0f}). The reflex took {figures['share_of_the_reflex']:.0%} of them; "
        "what goes to the brain is written byte by byte. (tars-mini as it ships; its answers to "
        "what is no problem of its generator make little sense.)"
    )
    return Outcome(figures, says)


def draft_acceptance() -> Outcome:
    """Bytes that the trained draft head proposes while held-out problems are answered."""
    tars = _tars()
    proposed = accepted = passes = written = 0
    for each in held_out(PROBLEMS, seed=5):
        state = tars.lm.prefill(tars.prompt(each.prompt))
        made = SpeculativeGeneration(tars.lm, state, Sampling(max_bytes=MOST))
        written += len(list(made))
        proposed, accepted = proposed + made.proposed, accepted + made.accepted
        passes += made.passes
    figures = {
        "acceptance": accepted / proposed,
        "bytes_a_pass": written / passes,
        "proposed": proposed,
    }
    says = (
        f"Answering {PROBLEMS} held-out problems greedily, {figures['acceptance']:.0%} of the "
        f"{proposed:,} proposed bytes stood: {figures['bytes_a_pass']:.2f} bytes for each pass of "
        "the model. (tars-mini as it ships.)"
    )
    return Outcome(figures, says)


def _tars() -> Tars:
    tars = load("tars-mini")
    assert isinstance(tars, Tars)
    return tars
