"""The Memory hub view and its figures: against a search and writes by hand."""

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import panel as pn
import pytest
import torch

from marslab.memory import HashedNgramEmbedder, MemoryHub, Titans
from marslab.tasks.authored import knowledge
from marslab.widgets.figures import recalled_bars, repeated_writes
from marslab.widgets.frame import address, exports
from marslab.widgets.views import VIEWS, HubView
from marslab.widgets.views.memory_hub import HubSetup, answers, hubs, run
from marslab.widgets.views.memory_hub.run import OTHERS

EQUATION = "Solve: x^2 - 5x + 7 = 0"  # 0.94 like one that is kept, with another answer
NAMES = ["map", "bars", "surprise", "loss", "records"]


def shown(**state: object) -> HubView:
    """The view as a notebook cell shows it."""
    view = HubView(**state)
    view.__panel__()
    assert view.wait(60)
    return view


def set_and_wait(view: HubView, **state: object) -> None:
    view.param.update(state)
    assert view.wait(60)


def traces(view: HubView) -> list[Any]:
    figure: Any = view.draw()
    return list(figure.data)


def test_bars_name_each_find_and_the_threshold_stands_at_the_kept_question() -> None:
    near = [("<a>", 0.9), ("b" * 60, -0.2)]
    figure: Any = recalled_bars(near, ("a?", 0.95), hit=True, threshold=0.92, dark=True)
    kept, records, threshold = figure.data
    assert (kept.name, kept.x, kept.y) == ("kept question: hit", (0.95,), (0,))
    assert (records.x, records.y) == ((0.9, -0.2), (1, 2)) and threshold.x == (0.92, 0.92)
    assert figure.layout.yaxis.ticktext[1] == "1 &lt;a&gt;" and records.customdata[0] == "&lt;a&gt;"
    assert figure.layout.yaxis.ticktext[2].endswith("…") and figure.layout.xaxis.range[0] < -0.2
    missed: Any = recalled_bars(near, ("a?", 0.5))
    assert missed.data[0].name == "kept question: miss" and missed.data[0].marker.opacity < 1
    alone: Any = recalled_bars(near, threshold=0.9)
    assert [trace.name for trace in alone.data] == ["records"] and alone.data[0].y == (0, 1)


def test_lines_of_repeated_writes_begin_before_the_first() -> None:
    figure: Any = repeated_writes([0.9, 0.1], {"the question": [1.0, 0.8]}, 0.35)
    text, question, threshold = figure.data
    assert (text.x, text.y, question.y) == ((0, 1), (0.9, 0.1), (1.0, 0.8))
    assert set(threshold.y) == {0.35} and text.line.color != question.line.color
    for beside in ({"a": [1.0]}, dict.fromkeys("abc", [1.0, 1.0])):
        with pytest.raises(ValueError, match="up to 2 lines beside the text, each of 2 values"):
            repeated_writes([0.9, 0.1], beside)


@pytest.mark.parametrize("dark", [False, True])
def test_same_data_gives_the_same_figure_with_named_axes(dark: bool) -> None:
    for made in (
        lambda: recalled_bars([("a", 0.5)], dark=dark, height=321),
        lambda: repeated_writes([0.9, 0.1], {}, dark=dark, height=321),
    ):
        figure: Any = made()
        assert figure == made() and figure.layout.height == 321
        assert "(" in figure.layout.xaxis.title.text


def test_the_search_is_that_of_every_cosine() -> None:
    found = run(HubSetup(text="one more\n\nand another", question="How many sides?", k=4))
    texts = [*(fact.fact for fact in knowledge()), "one more", "and another"]
    embed = HashedNgramEmbedder()
    scores = embed(texts) @ embed(["How many sides?"])[0]
    order = np.argsort(-scores, kind="stable")[:4]
    assert [each.id - 1 for each in found.near] == order.tolist()
    assert [each.text for each in found.recalled] == [texts[i] for i in order]
    assert [record.text for record in found.records] == texts
    assert np.allclose(found.cosines, scores, atol=1e-6)
    assert list(found.yours) == [67, 68] and found.size == 68
    kept = [*(fact.question for fact in knowledge()), hubs.EQUATION[0]]
    likes = embed(kept) @ embed(["How many sides?"])[0]
    assert found.kept is not None and found.kept.question == kept[int(likes.argmax())]
    assert found.kept.score == pytest.approx(likes.max(), abs=1e-6)


@pytest.mark.parametrize("rule", ["delta", "printed"])
def test_titans_writes_as_it_does_by_hand(rule: str) -> None:
    found = run(HubSetup(text="a new thing", rule=rule, writes=3))
    titans = Titans(96, 192, hubs.RULES[rule])
    with MemoryHub(titans=titans) as hub:  # only for its projection
        texts = [*(fact.fact for fact in knowledge()), "a new thing"]
        items = hub.projection.down(torch.tensor(HashedNgramEmbedder()(texts)))
    state = titans.fresh()
    with torch.no_grad():
        for item in items[:-1]:
            if titans.surprise(item, state) > titans.config.threshold:
                state, _ = titans.write(item, state)
        for at, now in enumerate(found.writes.text):
            assert now == pytest.approx(float(titans.surprise(items[-1], state)), abs=1e-4)
            rest = titans.surprise(items[:-1][-OTHERS:], state).mean()
            assert found.writes.others[at] == pytest.approx(float(rest), abs=1e-4)
            state, losses = titans.write(items[-1], state)
            if at < 3:
                assert found.writes.losses[at] == pytest.approx(losses.tolist(), abs=1e-4)
    assert len(found.writes.text) == 4 and found.last is not None
    assert found.last.written and found.last.before == pytest.approx(found.writes.text[0])
    assert found.last.after == pytest.approx(found.writes.text[1])
    low = found.writes.text[-1] < titans.config.threshold
    assert low == (rule == "delta")  # the printed rule never stops being surprised


def test_a_cosine_is_not_enough_for_a_hit_until_the_rule_is_switched_off() -> None:
    strict = run(HubSetup(question=EQUATION))
    assert strict.kept is not None and strict.kept.hit is None and not strict.kept.alike
    assert strict.kept.score > 0.92 and strict.recalled[0].source == "store"
    told = "Figures asked: ^ 2 - 5 + 7 = 0; kept: ^ 2 - 5 + 6 = 0."
    assert f"its figures are others. {told}" in answers.memo_sentence(strict)
    loose = run(HubSetup(question=EQUATION, strict=False))
    assert loose.kept is not None and loose.kept.hit == "2; 3"
    assert loose.recalled[0].text == "2; 3" and "another question" in answers.memo_sentence(loose)


def test_a_lower_threshold_hits() -> None:
    view = shown()
    assert view.readouts()[0][:2] == ("Memo", "miss, 0.81")
    set_and_wait(view, figure="bars", threshold=0.8)
    assert view.readouts()[0][:2] == ("Memo", "hit, 0.81")
    assert traces(view)[0].name == "kept question: hit"
    assert "an answer given before" in str(view._card.object)


def test_every_figure_has_its_table() -> None:
    view = shown(text="one\ntwo", k=3, writes=2)
    sizes = {"map": 69, "bars": 4, "surprise": 3, "loss": 8, "records": 68}
    for name in NAMES:
        set_and_wait(view, figure=name)
        table = pd.read_csv(exports.csv(view))
        assert len(table) == sizes[name] and traces(view)
        assert view._plot.object == view.draw() and not view._alert.visible
    records = view.table()
    assert records["cosine"].is_monotonic_decreasing and records["rank"].tolist()[:3] == [1, 2, 3]


def test_what_is_typed_is_escaped() -> None:
    evil = "</script><b>evil</b>"
    view = shown(text=evil, question=evil)
    for name in NAMES:
        set_and_wait(view, figure=name)
        page = exports.html(view).getvalue()
        assert evil not in page and 'src="http' not in page
    assert "<b>evil" not in str(view._card.object) + str(view._facts.object)


def test_an_empty_question_is_a_card_and_the_python_still_stands() -> None:
    view = shown()
    set_and_wait(view, question="  ")
    assert "The question is empty" in str(view._alert.object) and "question='  '" in view.code()
    assert not view._shown.visible and view._card.object == ""
    set_and_wait(view, question="a <day>?")
    assert view._shown.visible and "a &lt;day&gt;?" in str(view._card.object)


def test_without_a_text_the_question_is_written() -> None:
    view = shown(text=" \n ", figure="surprise")
    assert traces(view)[0].name == "the question" and "No text was typed" in str(view._card.object)
    assert view.result.writes.text == view.result.writes.question


def test_the_state_is_in_the_address_and_long_texts_are_refused() -> None:
    view, again = HubView(text="a\nb & <c>", k=2, threshold=0.7, strict=False), HubView()
    link = address.write(view, view.state)
    assert address.read(again, again.state, link) == []
    assert {n: getattr(again, n) for n in view.state} == {n: getattr(view, n) for n in view.state}
    told = address.read(again, again.state, f"?text={'x' * 1001}&question={'x' * 301}&k=11")
    assert len(told) == 3 and "takes a shorter text" in told[0]
    wrongs: list[dict[str, Any]] = [{"text": "x" * 1001}, {"k": 0}, {"writes": 99}, {"store": "x"}]
    for wrong in [*wrongs, {"threshold": 2}, {"rule": "x"}]:
        with pytest.raises(ValueError):
            HubSetup(**wrong)


def test_the_fields_end_where_the_view_does_and_have_names() -> None:
    inside: list[Any] = list(shown().__panel__().select(pn.widgets.Widget))
    limits = {w.label: w.max_length for w in inside if hasattr(w, "max_length") and w.label}
    assert limits["Recall"] == 300 and limits["Remember (one text a line)"] == 1000
    assert HubView in VIEWS


def test_a_cancelled_run_stops_between_two_texts() -> None:
    class Enough(Exception):
        pass

    def say(line: str) -> None:
        if line == "Remembering text 2 of 3":
            raise Enough

    with pytest.raises(Enough):
        run(HubSetup(text="a\nb\nc"), say)


def test_the_same_question_has_the_same_answer() -> None:
    one, two = run(HubSetup()), run(HubSetup())
    assert one.writes == two.writes and one.recalled == two.recalled and one.near == two.near
    assert np.array_equal(one.vectors, two.vectors)


@pytest.mark.slow
def test_the_python_gives_the_same_numbers(tmp_path: Path) -> None:
    view = shown(text='it\'s "this"\n\\ that', k=3, writes=2, figure="loss")
    program = tmp_path / "again.py"
    program.write_text(view.code() + "\nprint(losses, [r.text for r in recalled], sep='\\n')\n")
    done = subprocess.run(
        [sys.executable, program], capture_output=True, text=True, check=True, timeout=120
    )
    losses, texts = (ast.literal_eval(line) for line in done.stdout.splitlines())
    assert texts == [each.text for each in view.result.recalled]
    # Another process may sum in another order: its number of threads is its own.
    np.testing.assert_allclose(losses, view.result.writes.losses, rtol=1e-3, atol=1e-6)
