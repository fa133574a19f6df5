"""A study in words, in numbers and on its page: what a reader is told, and what is escaped."""

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import pytest

from marslab.lab.ablation import Results, again, numbers, words
from marslab.lab.ablation.plan import plan
from marslab.lab.ablation.study import Study, find_study, read_study
from marslab.widgets import study_page
from marslab.widgets.offline import document
from marslab.widgets.study_figures import effects

Stored = Callable[..., Path]
EVIL = '</script><script>alert("x")</script>'
FAILED = {
    "baseline": [0.95, 0.96, 0.94],
    "ssm.enabled=false": [0.71, EVIL, None],
    "ssm.d_state=1": ["too small", "too small", "too small"],
}


def figures(html: str) -> list[dict[str, Any]]:
    found = re.search(r'<script type="application/json" id="figures">(.*?)</script>', html, re.S)
    assert found
    return json.loads(found[1])


def test_the_answer_is_a_sentence_for_each_variant_the_largest_effect_first(stored: Stored) -> None:
    results = Results.load(stored())
    told = words.answers(results, results.metric)
    assert [name for name, _ in told] == ["baseline", "ssm.enabled=false", "ssm.d_state=1"]
    assert told[0][1] == "The baseline's held-out accuracy is 95.0 %. 3 seeds."
    assert told[1][1] == (
        "Without ssm the held-out accuracy is 71.0 %: worse by 24.0 points."
        " 3 seeds, 95 % interval of the difference −24.0 to −24.0 points."
    )
    assert told[2][1].startswith("With ssm.d_state 1 instead of 8 the held-out accuracy is 94.3 %")
    assert "no difference seen" in told[2][1]
    assert words.outcome(results, results.metric) == (
        "2 changes to the baseline: 1 clearly worse, 1 without a clear difference."
    )


def test_less_can_be_better(stored: Stored) -> None:
    results = Results.load(stored())
    loss = results.find_metric("loss")
    assert "worse by 0.24 nats" in dict(words.answers(results, loss))["ssm.enabled=false"]


def test_failed_and_missing_runs_are_said_plainly(stored: Stored) -> None:
    results = Results.load(stored(FAILED))
    told = words.shortfall(results)
    assert told[0] == "4 of 9 runs failed; the figures rest on the others."
    assert told[1].startswith("1 of 9 runs have not been made yet")
    answers = dict(words.answers(results, results.metric))
    assert answers["ssm.d_state=1"] == "With ssm.d_state 1 instead of 8: failed: too small."
    assert "one seed" in answers["ssm.enabled=false"]
    assert words.outcome(results, results.metric) == (
        "2 changes to the baseline: 1 without a clear difference, 1 failed."
    )
    rows = {row["variant"]: row for row in numbers.rows(results, results.metric)}
    assert rows["ssm.d_state=1"]["mean"] == "-" and rows["ssm.d_state=1"]["failed"] == "3"
    assert rows["ssm.enabled=false"]["its 95 % interval"] == "-"


def test_a_damaged_file_is_said(stored: Stored) -> None:
    folder = stored()
    next((folder / "runs").glob("*.json")).write_text("{")
    assert "is no JSON" in " ".join(words.shortfall(Results.load(folder)))


def test_what_could_be_wrong_follows_the_study(stored: Stored) -> None:
    three = " ".join(words.cautions(Results.load(stored())))
    assert "3 seeds see large effects only" in three and "epochs 2" in three
    assert "One thing was changed at a time" in three
    one = {name: scores[:1] for name, scores in FAILED.items()}
    lonely = " ".join(words.cautions(Results.load(stored(one, study="one", seeds=(0,)))))
    assert "One seed has no interval" in lonely and "large effects" not in lonely


def test_cost_is_drawn_where_variants_differ_in_it(stored: Stored) -> None:
    results = Results.load(stored())
    assert "<h2>Cost</h2>" not in study_page.page(results)
    sizes = {name: 10 * at for at, name in enumerate(v.name for v in results.variants)}
    runs = [dataclasses.replace(run, parameters=sizes[run.variant]) for run in results.runs]
    assert "<h2>Cost</h2>" in study_page.page(dataclasses.replace(results, runs=runs))


def test_the_page_holds_everything_and_asks_nobody(stored: Stored, tmp_path: Path) -> None:
    target = tmp_path / "page.html"
    assert study_page.main([str(stored()), str(target)]) == 0
    html = target.read_text("utf-8")
    assert not re.search(r"<(script|link|img|iframe)[^>]*(src|href)=", html)
    assert len(figures(html)) == 2 and all({"light", "dark"} == set(f) for f in figures(html))
    assert html.count("plotly.js v") == 1
    for heading in ("In words", "Effect of each change", "While it learned", "As numbers"):
        assert f"<h2>{heading}</h2>" in html
    for heading in ("What could be wrong", "Run it again", "Conditions"):
        assert f"<h2>{heading}</h2>" in html
    assert "<li class='worse'>Without ssm" in html and "UTC" in html


def test_failures_are_on_the_page_and_what_somebody_typed_is_escaped(stored: Stored) -> None:
    html = study_page.page(Results.load(stored(FAILED, title=EVIL)))
    assert EVIL not in html and "&lt;script&gt;alert" in html
    assert "4 of 9 runs failed" in html and "ssm.d_state=1, seed 0: too small" in html
    assert "Trace of too small" in html
    shown = effects(Results.load("parts"), Results.load("parts").metric)
    assert "<script>" not in str(shown.to_json())


def test_a_figure_cannot_end_the_script_that_holds_it() -> None:
    fig = go.Figure(layout_title_text=EVIL)
    html = document("page", "", [(fig, fig)])
    assert EVIL not in html
    assert figures(html)[0]["light"]["layout"]["title"]["text"] == EVIL


def test_a_study_without_a_run_has_a_page_too(stored: Stored) -> None:
    nothing = dict.fromkeys(FAILED, [None, None, None])
    html = study_page.page(Results.load(stored(nothing)))
    assert "9 of 9 runs have not been made yet" in html
    assert "Without ssm: not run yet." in html and len(figures(html)) == 1


def test_the_study_as_a_file_is_the_study_again(stored: Stored, tmp_path: Path) -> None:
    study = Results.load(stored()).study
    assert again.command(study) == "marslab ablate parts.yaml"
    file = tmp_path / "parts.yaml"
    file.write_text(again.as_yaml(study), encoding="utf-8")
    assert read_study(file) == study


def test_a_shipped_study_is_run_again_by_its_name() -> None:
    study = find_study("digits-scan-parts")
    assert again.command(study) == "marslab ablate digits-scan-parts"
    assert again.command(study.replaced(seeds=[7])) == "marslab ablate digits-scan-parts.yaml"


def test_the_one_liner_is_given_back() -> None:
    from marslab.lab.ablation.study import unnamed

    grid = {"ssm.enabled": [True, False], "ssm.d_state": [8, 1]}
    asked = {"task": "digits", "budget": {"epochs": 2}, "seeds": [0, 1], "mode": "each"}
    assert again.command(unnamed("digits-scan", grid, **asked)) == (
        "marslab ablate digits-scan --off ssm.enabled --set ssm.d_state=8,1"
        " --budget epochs=2 --seeds 2"
    )


def test_wrong_arguments_are_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert study_page.main([]) == 2 and capsys.readouterr().err.startswith("usage: ")
    assert study_page.main([str(tmp_path), str(tmp_path / "page.html")]) == 2
    told = capsys.readouterr().err
    assert "there is no study with results" in told and told.count("\n") == 1


def test_every_shipped_study_can_be_told() -> None:
    for name in ("digits-scan-parts", "digits-scan-state", "scan-backends"):
        study: Study = find_study(name)
        for variant in plan(study).variants[1:]:
            assert words.change(variant.changes, study.grid)[0].isupper()
