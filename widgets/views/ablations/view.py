"""The Ablations view: choose a study, run it, and see what each change brings."""

import json
from collections import deque
from functools import partial
from html import escape
from typing import Any, ClassVar

import pandas as pd
import panel as pn
import param
import plotly.graph_objects as go

from marslab.errors import unknown
from marslab.lab.ablation import Results, words
from marslab.lab.ablation.metrics import Metric
from marslab.widgets import study_figures
from marslab.widgets.figures import records_table
from marslab.widgets.frame import HEIGHT, Job, View
from marslab.widgets.views.ablations import answers, controls, reading
from marslab.widgets.views.ablations.running import Loaded, look, run

STOPPED = "Stopped. The runs that ended are kept; “Run the study” goes on from there."
ROW_HEIGHT = 30  # pixels of a variant in a tall figure
NOTHING = (
    "There is no study yet. `marslab ablate digits-scan --off ssm.enabled` makes one, and it"
    " appears here when the page is loaded again."
)


class Ablations(View):
    """Choose a study, run it, and compare its variants.

    >>> Ablations(figure="table").drawn
    'table'
    """

    slug: ClassVar[str] = "ablations"
    title: ClassVar[str] = "Ablations"
    sentence: ClassVar[str] = (
        "Switch parts of a model off or over, train each variant with several seeds, and compare."
    )
    inputs: ClassVar[tuple[str, ...]] = ("study", "beside")
    looks: ClassVar[tuple[str, ...]] = (
        *("figure", "metric", "base", "setting", "variants", "seeds"),
    )
    choices: ClassVar[dict[str, str]] = {
        "Effects": "effects",
        "Curves": "curves",
        "Cost": "cost",
        "Runs": "table",
    }

    study = param.Selector(default="", objects=[""])
    beside = param.Selector(default="", objects=[""])
    metric = param.String("", doc="What is compared; the study's main metric when empty.")
    base = param.String("", doc="The variant that differences are taken from.")
    setting = param.String("", doc="Show only variants that change this setting.")
    variants = param.String("", doc="Show only these variants, joined by |.")
    seeds = param.String("", doc="Count only these seeds, joined by |.")
    figure = param.Selector(default="effects", objects=list(choices.values()))
    loaded = param.Integer(0, doc="Counts what arrived: the controls follow it.")

    def __init__(self, **params: Any) -> None:
        names = reading.known()
        super().__init__()
        self.param.study.objects = names or [""]
        self.param.study.default = self.param.study.objects[0]
        self.param.beside.objects = {"none": ""} | {name: name for name in names}
        self._partial: deque[Loaded] = deque(maxlen=1)
        self._at_work = False
        self._said = ""  # before the sentence about a study without a run
        self.param.update(study=self.param.study.default)
        self.param.update(params)

    @property
    def everything(self) -> Results:
        """The study, and the one beside it, before anything is filtered away."""
        loaded: Loaded = self.result
        if loaded.beside is None:
            return loaded.results
        return reading.together(loaded.results, loaded.beside)

    @property
    def shown(self) -> Results:
        """What the figure is drawn from."""
        whole = self.everything
        names = {variant.name for variant in whole.variants}
        known = {str(run.seed): run.seed for run in whole.runs}
        return reading.narrowed(
            whole,
            base=self.base,
            setting=self.setting if self.setting in whole.study.grid else "",
            variants=names & set(reading.split(self.variants)),
            seeds=[known[text] for text in reading.split(self.seeds) if text in known],
        )

    @property
    def measured(self) -> Metric:
        """The metric in use: the one asked for, or the main one where there is no such."""
        metrics = self.everything.metrics
        return next((metric for metric in metrics if metric.name == self.metric), metrics[0])

    def controls(self) -> list[Any]:
        return controls.column(self)

    def actions(self) -> list[Any]:
        button = pn.widgets.Button(label="Run the study", color="primary")
        button.on_click(lambda *_: self.run())
        return [button]

    def job(self) -> Job:
        return partial(look, self.study, self.beside)

    def refresh(self) -> None:
        self._at_work = False
        if self.study:
            super().refresh()
        else:
            self.tell(NOTHING)

    def run(self) -> None:
        """Do the runs of the study that are missing or failed, in a process of its own."""
        if self.study:
            self._at_work, self._said = True, ""
            self._notice.visible = False
            self._partial.clear()
            self.start(lambda: partial(run, self.study, self.beside, self._partial))

    def cancel(self) -> None:
        stopped = self._at_work
        super().cancel()
        if stopped:
            self._said = STOPPED
            self.tell(STOPPED)
            self.refresh()

    def show_again(self) -> None:
        if self.result is None:
            return
        loaded: Loaded = self.result
        if any(each.runs for each in loaded if each is not None):
            self._plot.height = self._tall
            super().show_again()
        else:
            self._shown.visible = False
            self.tell(f"{self._said} {answers.not_yet(loaded.results)}".strip())

    def draw(self) -> go.Figure:
        results, title = self.shown, {"title": self._title()}
        look = {**title, "dark": self.dark, "height": self._tall}
        if self.drawn == "curves":
            return study_figures.curves(results, **look)
        if self.drawn == "cost":
            return study_figures.cost(results, self.measured, **look)
        if self.drawn == "table":
            return records_table(answers.short(self.table(), results), **look)
        return study_figures.effects(results, self.measured, **look)

    def table(self) -> pd.DataFrame:
        results = self.shown
        if self.drawn == "table":
            return answers.runs(results)
        if self.drawn == "curves":
            return answers.points(results)
        return results.summary(self.measured.name)

    def code(self) -> str:
        given = {name: getattr(self, name) for name in self.state}
        plain = {n: v for n, v in given.items() if n == "study" or v != self.param[n].default}
        arguments = ", ".join(f"{name}={_quoted(value)}" for name, value in plain.items())
        lines = [
            "from marslab.lab.ablation import Results",
            "from marslab.widgets.views import Ablations",
            "",
            f"results = Results.load({_quoted(self.study)})",
            f"print(results.summary({_quoted(self.measured.name)}))",
            f"Ablations({arguments})",
        ]
        return "\n".join(lines) + "\n"

    def readouts(self) -> list[tuple[str, str, str]]:
        return answers.facts(self.everything, self.shown, self.measured)

    def complain(self, sentences: list[str]) -> None:
        super().complain(sentences + self._strangers())

    def _strangers(self) -> list[str]:
        """A sentence for each name in the address that this study does not have."""
        if not self.study or not (self.metric or self.setting):
            return []
        try:
            whole = reading.load(self.study)
        except ValueError:  # the card of the job says so
            return []
        has = [metric.name for metric in whole.metrics]
        told = [unknown("metric", self.metric, has)] if self.metric not in ("", *has) else []
        if self.setting not in ("", *whole.study.grid):
            told.append(unknown("setting in this study", self.setting, whole.study.grid))
        return told

    @property
    def _tall(self) -> int:
        """The height of the figure: each variant has its row, however many there are."""
        rows = len(self.shown.variants) if self.drawn == "effects" else 0
        return max(HEIGHT, study_figures.FRAME_HEIGHT + ROW_HEIGHT * rows)

    def _title(self) -> str:
        loaded: Loaded = self.result
        names = [each.study.title or each.study.study for each in loaded if each is not None]
        return escape(" / ".join(names))

    def _say(self, line: str) -> None:
        super()._say(line)
        if self._at_work and self._partial:
            self._arrived(self._partial.pop())
            self.show_again()

    def _finished(self, result: Any) -> None:
        ran, self._at_work = self._at_work, False
        self._arrived(result)
        super()._finished(result)
        if ran:
            self.tell(words.outcome(result.results, result.results.metric))

    def _failed(self, error: Exception) -> None:
        self._at_work = False
        super()._failed(error)

    def _arrived(self, loaded: Loaded) -> None:
        self.result = loaded
        self.loaded += 1


def _quoted(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
