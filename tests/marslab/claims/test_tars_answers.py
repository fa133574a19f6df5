"""What the shipped tars-mini is measured on: a few of the questions, counted again by hand."""

import pytest
import torch

import marslab
from marslab.lab.claims.runs import tars_answers
from marslab.learning.tars.scoring import MOST, held_out
from marslab.systems.tars.generation import Sampling
from marslab.systems.tars.speculative import SpeculativeGeneration
from marslab.systems.tars.system import Tars
from marslab.tasks.authored import household


def test_drafts_that_stand_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tars_answers, "PROBLEMS", 2)
    figures = tars_answers.draft_acceptance().figures
    tars = marslab.load("tars-mini")
    assert isinstance(tars, Tars)
    stood = proposed = 0
    for each in held_out(2, seed=5):
        with marslab.trace() as seen, torch.no_grad():
            state = tars.lm.prefill(tars.prompt(each.prompt))
            list(SpeculativeGeneration(tars.lm, state, Sampling(max_bytes=MOST)))
        drafts = seen.frame("draft")
        stood, proposed = stood + int(drafts.accepted.sum()), proposed + int(drafts.proposed.sum())
    assert (figures["acceptance"], figures["proposed"]) == (stood / proposed, proposed)
    assert 0 < stood < proposed and 1 <= float(figures["bytes_a_pass"]) < 5


def test_the_reflex_answers_what_is_said_at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tars_answers, "household", lambda: household()[:10])
    figures = tars_answers.household_latency().figures
    assert figures["queries"] == 2 and figures["share_of_the_reflex"] == 1
    times = [float(figures[name]) for name in ("ms_p50", "ms_p90", "ms_p99")]
    assert 0 < times[0] and times == sorted(times)
