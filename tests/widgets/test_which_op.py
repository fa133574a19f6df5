"""The page of questions: every way ends at an op, and what it says of the op is so."""

from typing import Any

import panel as pn
import pytest

from marslab.widgets.frame import address
from marslab.widgets.index import notebooks
from marslab.widgets.views import PAGES, WhichOp
from marslab.widgets.views.scans import OPS, ScanSetup
from marslab.widgets.views.which_op import tables
from marslab.widgets.views.which_op.facts import FACTS
from marslab.widgets.views.which_op.tree import QUESTIONS, asked, reached, ways

SIZES: dict[str, Any] = {
    "L": 8,
    "D": 6,
    "H": 3,
    "P": 4,
    "N": 5,
    "K": 7,
    "V": 2,
    "dim": 256,
    "items": 9,
}
SIZES |= {"rows": 11, "columns": 13}
MORE = {"step": "L", "pair": "pairs", "query": "B", "row": "B"}  # what one more of it is


def test_every_op_can_be_reached_and_nothing_else() -> None:
    leaves = {reached(way) for way in ways()} - {""}
    assert leaves == set(OPS) == set(FACTS)
    assert len(ways()) == len(set(ways()))
    assert set(QUESTIONS) == {question for way in ways() for question, _ in asked(way)}


@pytest.mark.parametrize("name", FACTS)
def test_the_work_is_what_the_op_counts(name: str) -> None:
    facts = FACTS[name]
    one = ScanSetup(op=name, chunk=1, **{**SIZES, "pairs": 1, "k": 1})
    field = MORE[facts.per]
    here = getattr(one, field)
    two = ScanSetup(op=name, chunk=1, **{**SIZES, "pairs": 1, "k": 1, field: 2 * here})
    more = (OPS[name].cost(two).flops - OPS[name].cost(one).flops) / here
    assert facts.work.value(one.sizes) == pytest.approx(more)


@pytest.mark.parametrize("name", [name for name, facts in FACTS.items() if facts.state])
def test_the_state_is_what_the_op_takes_in(name: str) -> None:
    setup, state = ScanSetup(op=name, **SIZES), FACTS[name].state
    assert state and state.value(setup.sizes) == OPS[name].operands(setup).operands[-1].numel()


def inside(view: WhichOp, kind: type[Any]) -> list[Any]:
    return list(view.__panel__().select(kind))


def groups(view: WhichOp) -> dict[str, Any]:
    return {box.label: box for box in inside(view, pn.widgets.RadioBoxGroup)}


def test_answers_lead_on_and_can_be_changed() -> None:
    view = WhichOp()
    question = {name: groups(view)[q.words] for name, q in QUESTIONS.items()}
    question["start"].value = "memory"
    question["memory"].value = "shape"
    question["shape"].value = "matrix"
    question["matrix"].value = "ssd"
    assert view.op == "ssd" and view.way == "memory.shape.matrix.ssd"
    question["memory"].value = "gated_recurrence"
    assert view.op == "gated_recurrence" and question["matrix"].value is None
    view.restart()
    assert view.op == "" and question["start"].value is None


def test_only_questions_on_the_way_are_seen() -> None:
    view = WhichOp(way="symbols")
    boxes = [box for box in inside(view, pn.Column) if len(box) == 2]
    seen = [
        box[0].object
        for box in boxes
        if box.visible and isinstance(box[1], pn.widgets.RadioBoxGroup)
    ]
    assert len(seen) == 2 and QUESTIONS["symbols"].words in seen[1]


def test_the_way_is_in_the_address() -> None:
    view = WhichOp()
    assert address.read(view, view.state, "?way=symbols.hamming_topk") == []
    assert view.op == "hamming_topk"
    assert address.write(view, view.state) == "?way=symbols.hamming_topk"
    told = address.read(view, view.state, "?way=symbols.<b>")
    assert len(told) == 1 and "does not fit" in told[0]
    view.complain(told)
    assert "<b>" not in str(view._notice.object)


@pytest.mark.parametrize("served", [False, True])
def test_the_answer_leads_to_the_op_at_work(served: bool) -> None:
    for name in OPS:
        card = tables.answer(name, served)
        assert (f'href="./scans?op={name}"' in card) == served
        assert OPS[name].backends[-1] in card and FACTS[name].designs in card
    assert "Notebook" in tables.answer("linear_scan", served)
    table = tables.overview(served, "ssd")
    assert table.count('scope="row"') == len(OPS) and table.count("ml-chosen") == 1


def test_in_a_notebook_there_are_no_links() -> None:
    view = WhichOp(way="symbols.circular_conv")
    told = "".join(str(pane.object) for pane in inside(view, pn.pane.HTML))
    assert "href" not in told and "Scans(op=&quot;circular_conv&quot;)" in told


def test_the_page_is_served_and_has_no_notebook_of_its_own() -> None:
    assert WhichOp in PAGES and notebooks(WhichOp.slug) == ""
