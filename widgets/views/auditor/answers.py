"""The Integral auditor view's sentences and its Python, made from what one run found."""

from collections.abc import Mapping
from dataclasses import fields
from html import escape

from marslab.thinking import MetaAuditor
from marslab.widgets.explorers.p_curve import sentence, verdicts
from marslab.widgets.figures.auditor_calibration import shares
from marslab.widgets.views.auditor import tables
from marslab.widgets.views.auditor.run import AuditorResult
from marslab.widgets.views.auditor.setup import RULES, AuditorSetup

NAMES = {"ours": "The repaired auditor", "printed": "The printed rule"}
FEWER = (
    "With fewer than 5 steps the auditor gives no verdict, so a thought of {waves} waves can stop"
    " only after wave 5 or later. One that shrinks by a constant factor is not asked for its p:"
    " the slider does not move it."
)
EAGER = (
    "The printed rule judges from the second wave on, and two points always lie on a line: R² is 1"
    " there, whatever the thought does."
)


def caution(result: AuditorResult) -> str:
    """What to keep in mind about the chosen rule."""
    return EAGER if result.setup.rule == "printed" else FEWER.format(waves=result.shown.f.shape[1])


def facts(result: AuditorResult, threshold: float) -> list[tuple[str, str, str]]:
    """What one run says of itself: (label, value, what it means)."""
    if result.batch is not None:
        return _batch_facts(result, threshold)
    law, shown = result.shown.fits[-1], result.shown
    found = tables.stops(result, threshold)
    rows = [
        ("p", f"{float(law.p[0]):.3f}", f"fitted exponent, all {shown.f.shape[1]} waves"),
        ("R² of the power", f"{float(law.r2_power[0]):.3f}", "explained part of ln f"),
        ("q", f"{float(law.q[0]):.3f}", "fitted factor from wave to wave"),
        ("R² of the factor", f"{float(law.r2_geometric[0]):.3f}", "explained part of ln f"),
        ("Better law", "factor" if bool(law.geometric[0]) else "power", "by AICc, all waves"),
    ]
    for rule, name in (("ours", "Auditor stops"), ("printed", "Printed rule")):
        wave = found[rule]
        said = "never" if wave is None else f"wave {wave}"
        rows.append((name, said, f"{NAMES[rule]} at p > {threshold:g}"))
    return rows


def _batch_facts(result: AuditorResult, threshold: float) -> list[tuple[str, str, str]]:
    frame = tables.problems(result, threshold)
    whole = result.batch.right([result.shown.f.shape[1]] * len(frame)) if result.batch else []
    signals = tables.at_exit(frame)
    return [
        ("Right", f"{frame['right'].mean():.1%}", f"of {len(frame)}, answered at the exit"),
        ("All waves", f"{sum(whole) / len(whole):.1%}", "right if no thought stops early"),
        ("Mean waves", f"{frame['wave'].mean():.2f}", "until the exit"),
        (
            "Rule spoke",
            f"{frame['fired'].mean():.1%}",
            "said stop by itself; the others spent all waves",
        ),
        *((f"AUC of {name}", told, _AUC) for name, told in signals.items()),
    ]


_AUC = "chance that a right answer has more of it than a wrong one: 0.5 says nothing"


def card(result: AuditorResult, threshold: float) -> str:
    """What the run found, in sentences."""
    if result.batch is not None:
        title, rows = "Does p know whether the answer is right?", _of_batch(result, threshold)
    elif result.thought is not None:
        title, rows = f"“{result.setup.question}”", _of_thought(result, threshold)
    else:
        title, rows = f"A curve that follows {_law(result.setup)}", _of_curve(result, threshold)
    lines = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in rows.items())
    head = f"<h2>{escape(title)}</h2>"
    return f'<div class="ml-card ml-answer" role="status">{head}<dl>{lines}</dl></div>'


def _of_thought(result: AuditorResult, threshold: float) -> dict[str, str]:
    thought = result.thought
    assert thought is not None
    rule, last = result.setup.rule, result.shown.f.shape[1]
    wave = tables.stops(result, threshold)[rule]
    meta = MetaAuditor("ours")
    least, task = meta.threshold(thought.task), thought.task or "no type"
    at = tables.first(result, least, rule)
    where = "it goes on to the last wave" if at is None else f"it stops after wave {at}"
    rows = {
        f"After all {last} waves": f"“{thought.answers[last]}”",
        "At the slider": f"{NAMES[rule]} does not stop this thought at p > {threshold:g}."
        if wave is None
        else f"{NAMES[rule]} stops after wave {wave}. There the model says"
        f" “{thought.answers[wave]}”.",
        "Verdict": sentence(verdicts(result.shown.f[0].tolist(), threshold), threshold),
        "Task type": f"The reflex takes the question for {task}: p > {least:g} ({where}).",
        "Good to know": caution(result),
    }
    return rows


def _of_curve(result: AuditorResult, threshold: float) -> dict[str, str]:
    setup, draws = result.setup, result.draws
    assert draws is not None
    p = draws.p[:, -1]
    low, high = (float(p.quantile(at)) for at in (0.05, 0.95))
    count, waves = draws.f.shape
    shares_of = {rule: float(draws.stops(threshold, rule).fired.double().mean()) for rule in RULES}
    finite = setup.p > 1 if setup.law == "power" else setup.q < 1
    return {
        "This curve": sentence(verdicts(result.shown.f[0].tolist(), threshold), threshold),
        "Fitted p": f"{low:.2f} to {high:.2f} in 90 % of {count:,} draws of {waves} waves.",
        "Stopped": f"{NAMES['ours']} stops {shares_of['ours']:.1%} of the draws at"
        f" p > {threshold:g}, the printed rule {shares_of['printed']:.1%}.",
        "The truth": f"Without noise the sum of all steps is {'finite' if finite else 'infinite'}.",
    }


def _of_batch(result: AuditorResult, threshold: float) -> dict[str, str]:
    frame = tables.problems(result, threshold)
    wrong = len(frame) - sum(frame["right"])
    spread = shares(frame["p"].tolist(), frame["right"].tolist())
    low, high = spread.iloc[0], spread.iloc[-1]
    return {
        "Problems": f"{len(frame)} that training never showed, seed {result.setup.seed};"
        f" {wrong} answered wrong at the exit.",
        "Lowest p": f"{low['share']:.0%} right ({low['low']:.0%} to {low['high']:.0%}) where p is"
        f" {low['low_p']:.2f} to {low['high_p']:.2f}.",
        "Highest p": f"{high['share']:.0%} right ({high['low']:.0%} to {high['high']:.0%}) where p"
        f" is {high['low_p']:.2f} to {high['high_p']:.2f}.",
        "Good to know": "Ranges are 95 % intervals; where they overlap, it may be chance. "
        + caution(result),
    }


def _law(setup: AuditorSetup) -> str:
    law = f"t^-{setup.p:g}" if setup.law == "power" else f"{setup.q:g}^t"
    return f"{law}, with noise of {setup.noise:g} on ln f"


def source(values: Mapping[str, object], threshold: float, figure: str) -> str:
    """Python that gives the numbers again, then the view, whether the values go together or not."""
    default = {field.name: field.default for field in fields(AuditorSetup)}
    given = [f"{name}={value!r}" for name, value in values.items() if value != default[name]]
    shown = [*given, f"threshold={threshold!r}", f"figure={figure!r}"]
    lines = [
        "import panel as pn",
        "from marslab.widgets.views import AuditorView",
        "from marslab.widgets.views.auditor import AuditorSetup, run",
        "",
        'pn.extension("plotly")',
        f"found = run(AuditorSetup({', '.join(given)}))",
        f"exits = found.shown.stops({threshold!r}, found.setup.rule)",
        f"AuditorView({', '.join(shown)})  # the view itself, in a notebook",
    ]
    return "\n".join(lines) + "\n"
