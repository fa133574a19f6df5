"""Answers after each wave: against greedy decoding at each depth."""

from typing import Any

import torch

import marslab
from marslab.learning.tars.each_wave import flawless, flawless_pooled, worked
from marslab.learning.tars.scoring import replies
from marslab.tasks.corpus import IGNORED
from marslab.tasks.reasoning import problems


def test_it_is_what_greedy_decoding_writes() -> None:
    tars: Any = marslab.load("tars-nano")
    asked = list(problems(1, 6, "held_out", {"add": 1.0, "sub": 1.0}, levels=(2,)))
    right = flawless(tars.lm, worked(tars.tokenizer, asked))
    assert right.shape == (6, 6) and right.any() and not right.all()
    for waves in (2, 6):
        said = replies(tars.lm, tars.tokenizer, [each.prompt for each in asked], waves)
        exact = [reply.text == each.answer_text for reply, each in zip(said, asked, strict=True)]
        assert right[waves - 1].tolist() == exact


def test_the_rows_hold_prompt_answer_and_end() -> None:
    tars: Any = marslab.load("tars-nano")
    asked = list(problems(0, 3, families=["add"], levels=(1, 3)))
    rows, code = worked(tars.tokenizer, asked), tars.tokenizer
    for ids, targets, each in zip(rows.ids, rows.targets, asked, strict=True):
        wanted = targets[targets != IGNORED].tolist()
        assert wanted == code.encode(each.answer_text, eos=True)
        whole = code.encode(f"{each.prompt}\n{each.answer_text}", bos=True, eos=True)
        assert ids.tolist() == whole + [code.pad] * (len(ids) - len(whole))


def test_behind_a_pool_that_does_nothing_the_last_wave_speaks() -> None:
    tars: Any = marslab.load("tars-nano")
    asked = list(problems(1, 6, "held_out", {"add": 1.0, "sub": 1.0}, levels=(2,)))
    rows, pool = worked(tars.tokenizer, asked), tars.lm.idme.pool
    with torch.no_grad():
        for name in ("norm_weight", "norm_bias"):
            getattr(pool, name).zero_()
    right = flawless_pooled(tars.lm, rows, rounds=2)
    assert right.equal(flawless(tars.lm, rows)[-1]) and right.any()
    with torch.no_grad():
        pool.norm_bias.fill_(100.0)
    assert not flawless_pooled(tars.lm, rows, rounds=2).any()
