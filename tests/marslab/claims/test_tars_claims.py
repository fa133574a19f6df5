"""What TARS promises: the figures against counts and loops written anew, cheap ones again."""

from importlib import import_module

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from marslab.lab.claims import ledger
from marslab.lab.claims.measuring import judged
from marslab.lab.claims.outcome import Outcome
from marslab.lab.claims.runs import (
    tars_bytes,
    tars_context,
    tars_generation,
    tars_reflex,
    tars_sizes,
    tars_thought,
    tars_training,
)
from marslab.lab.claims.schema import claims
from marslab.learning.muon import parameter_groups

RUNS = {run.claim: run for run in ledger.shipped_runs()}
# Measured again here: they take no times, and about a second or less each.
CHEAP = [
    "tars-reflex-size", "tars-merge-size", "tars-base-size", "tars-large-size",
    "tars-mini-block-size", "tars-ternary-memory", "tars-few-waves", "tars-rank-collapse",
    "tars-best-candidate", "tars-rope-distance", "tars-muon-memory", "tars-gate-surprise",
    "tars-no-unknown",
]  # fmt: skip


def measured(id: str) -> Outcome:
    module, _, name = claims()[id].run.partition(":")
    return getattr(import_module(module), name)()


@pytest.mark.parametrize("id", CHEAP)
def test_a_cheap_claim_measured_again_gives_the_shipped_figures(id: str) -> None:
    outcome, shipped = measured(id), RUNS[id].figures
    assert shipped is not None
    assert judged(claims()[id], outcome) == RUNS[id].verdict
    for figure, value in outcome.figures.items():
        assert value == pytest.approx(shipped[figure], rel=1e-3, abs=2e-3)


def test_the_sums_that_the_errata_give() -> None:
    printed = 256 * 64 + 2 * (64 * 64 + 64) + 6 * 64 + 6 + 64 + 1
    assert tars_reflex.size().figures["parameters_of_the_printed_form"] == printed == 25_159
    merge = tars_sizes.wave_merge().figures
    assert merge["by_the_printed_formula"] == 7_091_718
    assert merge["counted"] == 6 * (3 * 768**2 + 2 * 768 + 2 * 768 + 1) == 10_635_270
    assert tars_sizes.mini_block().figures["counted"] == 3 * 768**2 + 3 * 768
    ternary = tars_sizes.ternary().figures
    assert (ternary["mb_of_1b_in_2_bits"], ternary["mb_of_1b_five_to_a_byte"]) == (250, 200)


def test_a_line_fits_three_noisy_steps_as_often_by_numpy() -> None:
    y = np.random.default_rng(0).normal(size=(20_000, 3))
    x = np.log([1, 2, 3]) - np.log([1, 2, 3]).mean()
    right = (y @ x) ** 2 / (x @ x) / ((y - y.mean(1, keepdims=True)) ** 2).sum(1)
    share = tars_thought.few_points().figures["noise_passing_3_points"]
    assert share == pytest.approx((right > 0.85).mean(), abs=0.02)


def test_an_idle_step_has_the_highest_dp_by_numpy() -> None:
    t = np.arange(1, 8)

    def p(last: float) -> float:
        return -np.polyfit(np.log(t), np.log([*t[:6] ** -0.8, last]), 1)[0]

    assert p(1e-8) > p(0.3 * 6**-0.8) > p(0.9 * 6**-0.8)
    found = tars_thought.best_candidate().figures
    gain = p(1e-8) - 0.8
    assert found["dp_of_the_idle_block"] == pytest.approx(gain, rel=0.02)
    assert found["won_by_the_idle_block"] == 1


def test_standing_still_makes_the_ratio_large() -> None:
    still, cycle = tars_thought._looping()[:2]
    states = still[0, -6:].numpy()
    hankel = np.concatenate([states[at : at + 4].T for at in range(3)])
    values = np.linalg.svd(hankel, compute_uv=False)
    assert values[0] / values[1] > 1e4
    assert tars_thought._ratio(still)[0] == pytest.approx(values[0] / values[1], rel=1e-3)
    assert torch.equal(cycle[:, 0], cycle[:, 2]) and not torch.equal(cycle[:, 0], cycle[:, 1])


@pytest.mark.slow
def test_a_drifting_thought_runs_to_any_limit() -> None:
    idme, h = tars_thought._drifting()
    out = idme(h, rounds=30, learn=False)
    goes_on = torch.tensor([why == "rounds" for why in out.reason])
    assert goes_on.double().mean() > 0.5 and (out.rounds[goes_on] == 30).all()
    values = torch.stack([idme.value(h), idme.value(out.h)])[:, goes_on]
    assert (values[1] > values[0]).all() and torch.equal(out.h[:, 1:], h[:, 1:])


def test_recall_of_the_first_pair_is_that_of_a_loop() -> None:
    torch.manual_seed(3)
    found = tars_context._first_recalled(24)
    torch.manual_seed(3)
    k, v = (torch.randn(16, 25, 256).unflatten(-1, (4, 64)).double() for _ in "kv")
    k = F.normalize(k, dim=-1)
    S = torch.zeros(16, 4, 64, 64, dtype=torch.float64)
    for t in range(25):
        old = torch.einsum("bhvk,bhk->bhv", S, k[:, t])
        S = S + torch.einsum("bhv,bhk->bhvk", v[:, t] - old, k[:, t])
    answer = torch.einsum("bhvk,bhk->bhv", S, k[:, 0])
    centred = [x - x.mean(-1, keepdim=True) for x in (answer, v[:, 0])]
    assert found == pytest.approx(F.cosine_similarity(*centred, dim=-1).mean().item(), abs=1e-3)


def test_the_distance_alone_decides_with_rope() -> None:
    near, far = (tars_context._nearest(n, rope=True) for n in (32, 32768))
    off = [tars_context._nearest(n, rope=False) for n in (32, 32768)]
    assert off[0] == off[1] > 0.99 and far < 0.6 < near


def test_drafts_are_accepted_as_often_as_printed() -> None:
    p, q = tars_generation._distributions()
    assert p.sum().item() == pytest.approx(1, abs=1e-5) == q.sum().item()
    assert torch.minimum(p, q).sum().item() == pytest.approx(0.7, abs=1e-5)
    expected = sum(0.7**at for at in range(5))
    shipped = RUNS["tars-speculative-tokens"].figures
    assert shipped is not None and shipped["by_the_formula"] == pytest.approx(expected)
    assert shipped["tokens_a_verification"] == pytest.approx(expected, abs=0.05)


def test_one_number_through_the_printed_iteration() -> None:
    for start in (3.0, 1.0, 0.01):
        x = start
        for _ in range(5):
            x = x * (3 - x * x) / 2
        found = tars_training._cubic(torch.tensor([[start]], dtype=torch.float64)).item()
        assert found == pytest.approx(x, rel=1e-9)


def test_bytes_of_buffers_by_count() -> None:
    lm = tars_generation.brain()
    groups = parameter_groups(lm)
    sizes = [sum(p.numel() for p in part.values()) for part in groups]
    found = tars_training.muon_buffers().figures
    assert found["mb_of_adamw"] == pytest.approx(8 * sum(sizes) / 1e6, rel=1e-3)
    assert found["mb_of_muon"] == pytest.approx((4 * sizes[0] + 8 * sizes[1]) / 1e6, rel=1e-3)


def test_twelve_blocks_stretch_and_the_recurrence_does_not() -> None:
    torch.manual_seed(0)
    assert tars_training._change(0.5) == tars_training._change(2.0) == 2.0
    assert tars_training._behind_blocks(12) > 1.5
    assert tars_training._change(tars_training._behind_steps()) == pytest.approx(1, abs=1e-9)


def test_every_sign_looked_at_is_counted_once() -> None:
    assert len(set(tars_bytes.WRITTEN)) == len(tars_bytes.WRITTEN) == 33
    assert len(tars_bytes.ALPHABET) == 33
