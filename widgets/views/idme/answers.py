"""The IDME view's tables, its sentences and its Python, made from what one run found."""

from collections.abc import Mapping
from dataclasses import fields
from html import escape

import pandas as pd

from marslab.widgets.figures.idme_mask import LEVELS, mask
from marslab.widgets.figures.idme_record import LoopSeen
from marslab.widgets.views.idme.run import MOST, IdmeRun
from marslab.widgets.views.idme.setup import IdmeSetup

GAINS = {"value": "gain in value (logit)", "dp": "dp, gain in p (no unit)"}
SHORT = {"no_improvement": "no winner", "pool": "empty pool"}
REASONS = {
    "converged": "The auditor says that the steps shrink fast enough.",
    "no_improvement": "{patience} rounds went by without a winner.",
    "loop": "The detector found a loop for the second time.",
    "pool": "No block is left, and the pool may not grow.",
    "rounds": "All {rounds} rounds are spent.",
}
SPENT = (
    "All waves were spent first, whatever the model's own exit rule would have said, so that the"
    " pool is always asked."
)


def facts(run: IdmeRun) -> list[tuple[str, str, str]]:
    """What one run says of itself: (label, value, what it means)."""
    record, setup = run.record, run.setup
    won = [one for one in record.rounds if one.winner >= 0]
    loops = [one.at for one in record.rounds if one.loop is not None and one.loop.dropped]
    grew = f"{record.first} to {record.last}" if record.grown else f"{record.first}"
    rows = [
        ("Rounds", f"{len(record.rounds)} of {setup.rounds}", "taken, of those allowed"),
        ("Stopped by", SHORT.get(record.reason, record.reason), _reason(run)),
        ("Winners", str(len(won)), "rounds that moved the thought"),
        ("Gained", f"{sum(one.gain for one in won):+.2f}", f"by all winners: {GAINS[setup.score]}"),
        ("Pool", grew, f"blocks; it grew {len(record.grown)} times"),
        ("Loops", str(len(loops)), "rounds that lost their winner to the detector"),
    ]
    if run.answers is not None:
        same = "the same" if run.answers.on == run.answers.off else "another"
        rows.append(("Answer", same, "with the pool, against the one without it"))
    return rows


def card(run: IdmeRun) -> str:
    """The answers, and why the rounds went as they did."""
    rows = {}
    if run.answers is not None:
        rows = {"Pool off": _told(run.answers.off), "Pool on": _told(run.answers.on)}
    rows |= {"Why it stopped": _reason(run), "Loops": loop_sentence(run)}
    rows["Growth"] = growth_sentence(run)
    rows["The thought"] = SPENT if run.answers is not None else _turning_sentence(run.setup)
    lines = "".join(f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in rows.items())
    head = f"“{run.setup.question}”" if run.answers is not None else "A state that turns"
    return (
        f'<div class="ml-card ml-answer" role="status"><h2>{escape(head)}</h2>'
        f"<dl>{lines}</dl></div>"
    )


def loop_sentence(run: IdmeRun) -> str:
    """What the detector did in this thought."""
    judged = [(one.at, one.loop) for one in run.record.rounds if one.loop is not None]
    dropped = [(at, loop) for at, loop in judged if loop.dropped]
    if dropped:
        told = "; ".join(f"round {at}: {_loop(loop)}" for at, loop in dropped)
        return f"Found, and the winner dropped: {told}."
    asked = sum(loop.counted for _, loop in judged)
    if not asked:
        return "None: the window of six steps was never full while a block was winning."
    return f"None in {asked} verdict{'s' * (asked != 1)} that counted."


def growth_sentence(run: IdmeRun) -> str:
    """When and to what size the pool grew."""
    record, setup = run.record, run.setup
    if record.grown:
        at = ", ".join(str(round) for round, _ in record.grown[:8])
        s = "s" if len(record.grown) > 1 else ""
        more = f" and {len(record.grown) - 8} more" if len(record.grown) > 8 else ""
        return (
            f"Fewer than {setup.candidates} blocks were left before round{s} {at}{more}:"
            f" {setup.expand} were added each time, {record.last} blocks now."
        )
    why = "enough were left" if setup.grow else "growth is switched off"
    return f"The pool kept its {record.first} blocks: {why}."


def rounds(run: IdmeRun) -> pd.DataFrame:
    """One row for each candidate of each round."""
    rows = [
        (one.at, block, gain, block == one.winner, one.pool)
        for one in run.record.rounds
        for block, gain in zip(one.tried, one.gains, strict=True)
    ]
    return pd.DataFrame(rows, columns=["round", "block", "gain", "winner", "pool"])


def pool(run: IdmeRun) -> pd.DataFrame:
    """The size of the pool in each round, what is barred after it, and whether it grew before."""
    grown = dict(run.record.grown)
    rows = [
        (one.at, one.pool, len(one.barred | set(one.tried)), one.at in grown)
        for one in run.record.rounds
    ]
    return pd.DataFrame(rows, columns=["round", "blocks", "barred", "grew_before"])


def efficiencies(run: IdmeRun) -> pd.DataFrame:
    """What each block had earned before the thought, and earned in it."""
    record, earned = run.record, run.record.earned
    blocks = range(record.last)
    table = {
        "block": blocks,
        "before": [record.start[at] if at < record.first else 0.0 for at in blocks],
        "earned": [earned.get(at, 0.0) for at in blocks],
        "grown": [at >= record.first for at in blocks],
    }
    return pd.DataFrame(table)


def barred(run: IdmeRun) -> pd.DataFrame:
    """The anti-repeat mask in words, a row a round, a column a block."""
    words = [[LEVELS[level] for level in row] for row in mask(run.record)]
    frame = pd.DataFrame(words, columns=[f"block {at}" for at in range(run.record.last)])
    frame.insert(0, "round", [one.at for one in run.record.rounds])
    return frame


def hankel(run: IdmeRun) -> pd.DataFrame:
    """The singular values of each round, and the detector's verdict."""
    rows = []
    for one in run.record.rounds:
        assert one.loop is not None  # the view's detector always tells
        values = {f"value_{at}": value for at, value in enumerate(one.values, 1)}
        rows.append({"round": one.at, **values, **one.loop._asdict(), "dropped": one.loop.dropped})
    return pd.DataFrame(rows)


def path(run: IdmeRun) -> pd.DataFrame:
    """The states of the thought, one a row."""
    frame = pd.DataFrame(run.path.numpy(), columns=[f"h{at}" for at in range(run.path.shape[1])])
    frame.insert(0, "state", range(len(frame)))
    return frame


def source(values: Mapping[str, object], figure: str) -> str:
    """Python that gives the numbers again, then the view, whether the values go together or not."""
    default = {field.name: field.default for field in fields(IdmeSetup)}
    given = [f"{name}={value!r}" for name, value in values.items() if value != default[name]]
    shown = [*given, *([f"figure={figure!r}"] if figure != "candidates" else [])]
    lines = [
        "import panel as pn",
        "from marslab.widgets.views import IdmeView",
        "from marslab.widgets.views.idme import IdmeSetup, run",
        "",
        'pn.extension("plotly")',
        f"found = run(IdmeSetup({', '.join(given)}))",
        "rounds, answers = found.record.rounds, found.answers",
        'events = found.trace.frame("idme")',
        f"IdmeView({', '.join(shown)})  # the view itself, in a notebook",
    ]
    return "\n".join(lines) + "\n"


def _reason(run: IdmeRun) -> str:
    setup = run.setup
    return REASONS[run.record.reason].format(patience=setup.patience, rounds=setup.rounds)


def _told(answer: str) -> str:
    cut = f" (cut after {MOST} bytes)" if len(answer) >= MOST else ""
    return f"{answer}{cut}" if answer.strip() else "(nothing)"


def _loop(loop: LoopSeen) -> str:
    return f"{loop.kind}, period {loop.lag} steps"


def _turning_sentence(setup: IdmeSetup) -> str:
    return (
        f"No model: every block turns a point by {setup.angle}° on a circle whose radius it"
        f" multiplies by {setup.shrink:g}. The circle's first radius is 1, its centre stands"
        f" {setup.centre:g} from 0. The judge likes every step, so only the detector, the auditor"
        " or a limit ends it."
    )
