"""The left column of the Ablations view; what can be chosen follows the study that is shown."""

from typing import Any

import panel as pn

from marslab.widgets.frame import widgets
from marslab.widgets.views.ablations import reading

ALL = "all"
Words = dict[str, str]


def column(view: Any) -> list[Any]:
    """Every control of the view, top to bottom."""
    select = pn.widgets.Select
    metric = _choice(view, "metric", "Metric")
    base = _choice(view, "base", "Differences from")
    setting = _choice(view, "setting", "Only changes of")
    variants = _several(view, "variants", "Only these variants")
    seeds = _several(view, "seeds", "Only these seeds")

    def follow(*_: object) -> None:
        """Offer what the study has, now that it is known."""
        if view.result is None:
            return
        whole = view.everything
        first = whole.variants[0].name
        _offer(metric, {each.title: each.name for each in whole.metrics}, view.metric)
        _offer(base, {each.name: each.name for each in whole.variants}, view.base or first)
        named = {ALL: ""} | {name: name for name in whole.study.grid}
        _offer(setting, named, view.setting)
        _tick(variants, [each.name for each in whole.variants[1:]], view.variants)
        _tick(seeds, sorted({str(run.seed) for run in whole.runs}, key=int), view.seeds)

    view.param.watch(follow, ["loaded", *view.looks])
    return [
        widgets.control(view, "study", "Study", select),
        metric,
        setting,
        variants,
        seeds,
        base,
        widgets.control(view, "beside", "Beside another study", select),
    ]


def _choice(view: Any, name: str, label: str) -> pn.widgets.Select:
    widget = pn.widgets.Select(label=label, options={ALL: ""}, width=268, margin=(4, 8))

    def choose(event: Any) -> None:
        options = list(widget.options.values())
        default = "" if "" in options else (options or [""])[0]
        view.param.update({name: "" if event.new in (None, default) else event.new})

    widget.param.watch(choose, "value")
    return widget


def _several(view: Any, name: str, label: str) -> pn.widgets.MultiChoice:
    widget = pn.widgets.MultiChoice(
        label=label, options=[], placeholder=ALL, width=268, margin=(4, 8)
    )

    def choose(event: Any) -> None:
        view.param.update({name: reading.SEPARATOR.join(event.new)})

    widget.param.watch(choose, "value")
    return widget


def _offer(widget: pn.widgets.Select, options: Words, value: str) -> None:
    values = list(options.values())
    if value not in values:
        value = values[0]
    if widget.options != options or widget.value != value:
        widget.param.update(options=options, value=value)


def _tick(widget: pn.widgets.MultiChoice, options: list[str], text: str) -> None:
    value = [name for name in reading.split(text) if name in options]
    if widget.options != options or widget.value != value:
        widget.param.update(options=options, value=value)
