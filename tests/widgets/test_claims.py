"""The Claims view and its figures: filtered, one claim in full, measured live, cancelled."""

import threading
from collections.abc import Callable
from typing import Any

import panel as pn
import pytest

from marslab.lab.claims import ledger, schema
from marslab.lab.claims.ledger import Run
from marslab.widgets.figures import against_bounds, verdict_counts
from marslab.widgets.figures.promises import Bounded
from marslab.widgets.frame import address, exports
from marslab.widgets.views import Claims
from marslab.widgets.views.claims import tables, view

NEWEST = "2036-11-22T09:00:00+00:00"  # later than any shipped run


def shown(**state: object) -> Claims:
    """The view as a notebook cell shows it."""
    found = Claims(**state)
    found.__panel__()
    assert found.wait(60)
    return found


def run_of(id: str, **changes: Any) -> Run:
    """The shipped run of a claim, changed, as a later one."""
    run = next(run for run in ledger.shipped_runs() if run.claim == id)
    known: dict[str, Any] = {"id": f"{id}-later", "ran": NEWEST, "date": NEWEST}
    return Run(**(vars(run) | known | changes))


def test_counts_are_bars_that_add_up() -> None:
    counts = {"TARS": {"holds": 2, "does not hold": 1}, "MARS": {"does not hold": 3, "partly": 0}}
    drawn: Any = verdict_counts(counts, dark=True)
    assert [bar.name for bar in drawn.data] == ["holds", "does not hold"]
    assert [list(bar.x) for bar in drawn.data] == [[2, 0], [1, 3]]
    assert drawn.layout.showlegend and drawn.layout.barmode == "stack"


@pytest.mark.parametrize(
    ("figure", "log", "within"),
    [
        (Bounded("x", 1.1, ("<=", 1.15), ("<=", 1.4)), False, [(None, 1.15), (1.15, 1.4)]),
        (Bounded("x", 5.0, (">", 32768.0)), True, [(32768, None)]),
        (Bounded("x", 500.0, ("<=", 1.1), ("<=", 2.0)), True, [(None, 1.1), (1.1, 2)]),
        (Bounded("x", -143.0, (">=", -2.0), (">=", -4.0)), False, [(-2, None), (-4, -2)]),
        (Bounded("x", 0.0, ("==", 0.0)), False, []),
        (Bounded("x", 1.0, ("==", 1.0)), False, []),
    ],
)
def test_a_figure_stands_beside_its_bounds(
    figure: Bounded, log: bool, within: list[tuple[float | None, float | None]]
) -> None:
    drawn: Any = against_bounds([figure])
    axis = drawn.layout.xaxis
    low, high = (10**end if log else end for end in axis.range)
    assert (axis.type == "log") is log and low < figure.value < high
    shades = sorted((s.x0, s.x1) for s in drawn.layout.shapes if s.type == "rect")
    expected = sorted((low if a is None else a, high if b is None else b) for a, b in within)
    assert [end for each in shades for end in each] == pytest.approx(
        [end for each in expected for end in each]
    )
    lines = {s.x0 for s in drawn.layout.shapes if s.type == "line"}
    assert lines == {b[1] for b in (figure.holds, figure.partly) if b}


def test_several_figures_have_an_axis_each() -> None:
    drawn: Any = against_bounds([Bounded("a", 1, ("<=", 2)), Bounded("b", 9, (">", 1))], title="t")
    titles = [drawn.layout.xaxis.title.text, drawn.layout.xaxis2.title.text]
    assert titles == ["a", "b"] and drawn.layout.title.text == "t"


def test_the_whole_ledger_stands_in_the_table() -> None:
    found = shown()
    for id in schema.claims():
        assert f">{id}<" in found._table.object
    values = {label: int(value) for label, value, _ in found.readouts()}
    values.pop("stale")
    assert sum(values.values()) == len(schema.claims()) and values["does not hold"] > 0
    bars: Any = found.draw().data
    assert sum(sum(bar.x) for bar in bars) == len(schema.claims())


def test_a_filter_leaves_what_it_says() -> None:
    found = shown(system="MM-Rec", verdict="does not hold")
    rows = found.table()
    assert set(rows["system"]) == {"MM-Rec"} and set(rows["verdict"]) == {"does not hold"}
    assert "mmrec-clamp" in set(rows["claim"]) and ">mars-duality<" not in found._table.object
    found.system = "Meta-TRM"
    assert found.table().empty and "No claim has this" in found._table.object
    assert exports.csv(found).getvalue()


def test_the_csv_has_the_run_of_each_figure() -> None:
    rows = shown(system="MM-Rec").table().set_index(["claim", "figure"])
    step = rows.loc[("mmrec-clamp", "first_wrong_step")]
    assert step["value"] == 4976 and step["meaning"].startswith("first step off")
    for name in ("run", "machine", "date"):
        assert step[name]
    assert step["seconds"] >= 0


def test_one_claim_is_told_in_full() -> None:
    found = shown(claim="mmrec-clamp", figure="bounds")
    (standing,), _ = ledger.standings(["mmrec-clamp"])
    assert standing.run is not None
    card = found._card.object
    for text in (standing.run.id, standing.run.machine, standing.run.date, "does not hold"):
        assert text in card
    assert "06_log_space_decay" in card and "first_wrong_step: holds if &gt; 32768" in card
    assert found.draw().layout.title.text == "mmrec-clamp: does not hold"


def test_a_later_run_takes_the_place_and_is_escaped() -> None:
    ledger.keep(run_of("mmrec-clamp", verdict="holds", says="<b>it holds</b>", code="0"))
    found = shown(claim="mmrec-clamp")
    assert "&lt;b&gt;it holds" in found._card.object and "<b>it" not in found._card.object
    assert "holds (stale)" in found._card.object and found.standing.verdict == "holds"
    assert "code, rule or test have changed" in found._card.object


def test_a_claim_without_a_run_has_its_reason_and_no_figure_of_its_own() -> None:
    found = shown(claim="crsm-throughput", figure="bounds")
    assert "cannot be tested here" in found._card.object and "no CRSM model" in found._card.object
    assert found.offered == {"All verdicts": "verdicts"} and found.drawn == "verdicts"
    found.measure()
    assert found._notice.visible and "cannot be tested here" in found._notice.object


def test_the_address_brings_the_state_back() -> None:
    found = shown(system="MARS", verdict="holds", claim="mars-duality", figure="bounds")
    link = address.write(found, found.state)
    again = Claims()
    assert address.read(again, again.state, link) == []
    assert all(getattr(again, name) == getattr(found, name) for name in found.state)
    assert address.read(again, again.state, "?claim=mars-dualty&system=X") != []
    assert again.claim == "mars-duality"


def test_the_python_of_the_page_gives_the_page() -> None:
    code = Claims(system="MARS", claim="mars-duality").code()
    *lines, last = code.splitlines()
    scope: dict[str, Any] = {}
    exec("\n".join(line for line in lines if "extension" not in line), scope)
    given = eval(last.partition("#")[0], scope)
    assert (given.system, given.claim) == ("MARS", "mars-duality") and scope["problems"] == []


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Callable[..., threading.Event]:
    """Stand in for the measuring: keep the given run once the event is set."""

    def install(run: Run) -> threading.Event:
        ready = threading.Event()

        def run_claims(ids: list[str], *, on_wait: Callable[[], object]) -> list[Run]:
            assert ids == [run.claim]
            on_wait()
            while not ready.wait(0.01):
                on_wait()
            ledger.keep(run)
            return [run]

        monkeypatch.setattr(view, "run_claims", run_claims)
        return ready

    return install


def test_a_claim_is_measured_while_you_wait(fake: Callable[..., threading.Event]) -> None:
    found = shown(claim="mmrec-clamp", figure="bounds")
    ready = fake(run_of("mmrec-clamp", verdict="partly", says="Measured just now."))
    found._button.clicks += 1
    assert found._busy.visible and "mmrec-clamp" in found._line.object
    ready.set()
    assert found.wait(60) and not found._busy.visible
    assert "Measured just now." in found._card.object
    assert found.draw().layout.title.text == "mmrec-clamp: partly"


def test_a_cancelled_run_leaves_the_ledger_as_it_was(
    fake: Callable[..., threading.Event],
) -> None:
    found = shown(claim="mmrec-clamp")
    before = found._card.object
    fake(run_of("mmrec-clamp", verdict="partly"))
    found.measure()
    found.cancel()
    assert found.wait(60) and found._card.object == before
    assert "Cancelled" in found._notice.object and ledger.own_runs() == ([], [])


def test_a_run_that_fails_is_a_card(fake: Callable[..., threading.Event]) -> None:
    found = shown(claim="mmrec-clamp")
    nothing: dict[str, Any] = {"verdict": "", "says": "", "figures": None}
    fake(run_of("mmrec-clamp", error="it <broke>", **nothing)).set()
    found.measure()
    assert found.wait(60) and found._alert.visible
    assert "mmrec-clamp could not be measured: it &lt;broke&gt;" in found._alert.object
    found.refresh()
    assert found.wait(60) and "last run failed" in found._card.object


def test_a_damaged_file_is_told_and_the_rest_is_shown() -> None:
    path = ledger.keep(run_of("mmrec-clamp"))
    (path.parent / "zz.json").write_text("{", "utf-8")
    found = shown()
    assert "zz.json cannot be read" in found._notice.object and "mmrec-clamp" in found._table.object


def test_links_lead_to_the_page_where_there_is_one() -> None:
    found, _ = ledger.standings()
    assert 'href="./claims?claim=mmrec-clamp"' in tables.table(found, "", served=True)
    assert "href" not in tables.table(found, "", served=False)


def test_every_control_has_a_label() -> None:
    selects: list[Any] = shown().__panel__().select(pn.widgets.Select)
    labels = [select.label for select in selects]
    assert labels == ["System", "Verdict", "Claim"]


@pytest.mark.slow
def test_in_a_browser_a_claim_is_chosen_and_measured(seen: Any) -> None:
    page = seen.page
    page.goto(f"{seen.address}/claims?claim=mmrec-decay-init&figure=bounds")
    page.locator(".js-plotly-plot .gtitle", has_text="mmrec-decay-init: does not hold").wait_for()
    page.get_by_label("Verdict").select_option("partly")
    page.get_by_role("link", name="mmrec-clamp").wait_for(state="detached")
    page.get_by_role("button", name="Measure this claim").click()
    page.get_by_role("button", name="Cancel").wait_for()
    page.get_by_role("button", name="Cancel").wait_for(state="hidden")
    page.get_by_text("10^-143").wait_for()
    assert "verdict=partly" in page.url and "claim=mmrec-decay-init" in page.url
    assert page.get_by_role("alert").count() == 0
