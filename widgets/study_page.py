"""A study as one page that needs no network, for a reader who looks at no code.

Run as `python -m marslab.widgets.study_page STUDY_FOLDER PAGE.html`.
"""

import sys
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

from marslab.errors import UserError
from marslab.files import write_text
from marslab.lab.ablation import Results, again, numbers, words
from marslab.lab.ablation.metrics import Metric
from marslab.widgets import study_figures
from marslab.widgets.offline import Looks, document, place

USAGE = "usage: python -m marslab.widgets.study_page STUDY_FOLDER PAGE.html"
STYLE = """
h1 { line-height: 1.2; margin: 0 0 .3rem; } h2 { margin: 2.6rem 0 .4rem; font-size: 1.35rem; }
p { margin: .4rem 0; max-width: 75ch; }
.answers { list-style: none; padding: 0; margin: 1rem 0; max-width: 80ch; }
.answers li { padding: .45rem .9rem; margin: 0 0 .4rem; border-left: 4px solid var(--edge);
  background: var(--field); border-radius: 0 6px 6px 0; }
.answers li.worse { border-color: var(--warn); } .answers li.better { border-color: var(--accent); }
.answers li.baseline { border-color: var(--ink); }
.card { border: 1px solid var(--edge); border-left: 4px solid var(--warn); border-radius: 6px;
  background: var(--warn-paper); padding: .5rem .9rem; margin: 1rem 0; }
.wide { overflow-x: auto; } table { font-size: .88rem; font-variant-numeric: tabular-nums; }
td, th { padding: .3rem 1rem .3rem 0; border-bottom: 1px solid var(--edge); white-space: nowrap; }
th { color: var(--quiet); font-weight: 600; } .whole { font-size: 1.15rem; font-weight: 600; }
pre { background: var(--field); border: 1px solid var(--edge); border-radius: 6px; overflow: auto;
  padding: .6rem .9rem; font-size: .88rem; } summary { cursor: pointer; margin: .4rem 0; }
"""
EFFECTS = (
    "The best variant stands on top. A large mark is the mean over the seeds, the bar its 95 % "
    "interval, the small dots are the single runs. The dashed line is the baseline. A filled mark "
    "is clearly better or worse: the interval of the difference, seed by seed, leaves out 0. "
    "Points are points of a hundred."
)
CURVES = "A line is the mean over the seeds after each epoch, the band spans all of them."
COST = "What a variant costs in parameters, beside what it reaches."


def page(results: Results) -> str:
    """Build the HTML of a study's page; everything it needs is inside."""
    metric, figures = results.metric, _figures(results)
    sections = [_heading(results), _answers(results, metric), _shortfall(results)]
    for number, (title, sentence, _) in enumerate(figures):
        box = place(number, f"{title}: {results.study.title or results.study.study}")
        sections.append(f"<h2>{title}</h2><p class='quiet'>{sentence}</p>{box}")
    sections += [_table(results, each) for each in results.metrics]
    sections += [_cautions(results), _again(results), _conditions(results)]
    looks = [looks for _, _, looks in figures]
    title = results.study.title or results.study.study
    return document(f"{title} · marslab", "\n".join(sections), looks, STYLE)


def main(arguments: Sequence[str]) -> int:
    """Write the page that the arguments ask for; return the exit code."""
    if len(arguments) != 2:
        print(USAGE, file=sys.stderr)
        return 2
    folder, target = map(Path, arguments)
    try:
        write_text(target, page(Results.load(folder)))
    except (UserError, OSError) as mistake:
        print(mistake, file=sys.stderr)
        return 2
    return 0


def _figures(results: Results) -> list[tuple[str, str, Looks]]:
    """Each figure with its heading, a sentence that says how to read it, and its two looks."""
    metric = results.metric
    makers: list[tuple[str, str, Any]] = [
        (
            "Effect of each change",
            EFFECTS,
            lambda dark: study_figures.effects(results, metric, dark=dark),
        )
    ]
    if study_figures.has_curves(results):
        makers.append(
            ("While it learned", CURVES, lambda dark: study_figures.curves(results, dark=dark))
        )
    if len({run.parameters for run in results.runs}) > 1:
        makers.append(("Cost", COST, lambda dark: study_figures.cost(results, metric, dark=dark)))
    return [(title, words_, (make(False), make(True))) for title, words_, make in makers]


def _heading(results: Results) -> str:
    study = results.study
    facts = [
        f"preset {study.preset}" if study.preset else "",
        f"task {study.task}",
        words.counted(len(results.variants), "variant"),
        words.counted(len(study.seeds), "seed"),
        f"{len(results.runs)} of {words.counted(len(results.ids), 'run')} made",
    ]
    told = " · ".join(escape(fact) for fact in facts if fact)
    return f"<h1>{escape(study.title or study.study)}</h1><p class='quiet'>{told}</p>"


def _answers(results: Results, metric: Metric) -> str:
    rows = results.summary(metric.name)
    kinds = {v: words.kind(told) for v, told in zip(rows["variant"], rows["verdict"], strict=True)}
    items = "".join(
        f"<li class='{kinds[name]}'>{escape(sentence)}</li>"
        for name, sentence in words.answers(results, metric)
    )
    whole = f"<p class='whole'>{escape(words.outcome(results, metric))}</p>"
    return f"<h2>In words</h2>{whole}<ul class='answers'>{items}</ul>"


def _shortfall(results: Results) -> str:
    told = words.shortfall(results)
    if not told:
        return ""
    failed = "".join(
        f"<details><summary>{escape(words.failure(run))}</summary>"
        f"<pre>{escape(run.trace or 'no trace was kept')}</pre></details>"
        for run in results.failed
    )
    return f"<div class='card' role='note'>{_paragraphs(told)}{failed}</div>"


def _table(results: Results, metric: Metric) -> str:
    rows = numbers.rows(results, metric)
    head = "".join(f"<th>{escape(name)}</th>" for name in rows[0])
    lines = "".join(f"<tr>{_cells(row.values())}</tr>" for row in rows)
    table = f"<div class='wide'><table><tr>{head}</tr>{lines}</table></div>"
    axis = escape(study_figures.axis(metric))
    if metric == results.metric:
        return f"<h2>As numbers</h2><p class='quiet'>{axis}</p>{table}"
    return f"<details><summary>{axis}</summary>{table}</details>"


def _cells(values: Iterable[str]) -> str:
    return "".join(f"<td>{escape(str(value))}</td>" for value in values)


def _cautions(results: Results) -> str:
    told = words.cautions(results)
    if not told:
        return ""
    items = "".join(f"<li>{escape(each)}</li>" for each in told)
    return f"<h2>What could be wrong</h2><ul>{items}</ul>"


def _again(results: Results) -> str:
    study, command = results.study, again.command(results.study)
    told = f"<h2>Run it again</h2><pre>{escape(command)} --fresh</pre>"
    file = f"<pre>{escape(again.as_yaml(study))}</pre>"
    if command.endswith(".yaml"):
        return f"{told}<p>with this in the file {escape(study.study)}.yaml:</p>{file}"
    return f"{told}<details><summary>the study as a file</summary>{file}</details>"


def _conditions(results: Results) -> str:
    entries = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>"
        for name, value in words.conditions(results).items()
    )
    return f"<h2>Conditions</h2><dl>{entries}</dl>"


def _paragraphs(sentences: Iterable[str]) -> str:
    return "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
