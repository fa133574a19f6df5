"""What a cell showed, as HTML: figures that the page draws, tables, pictures, text, errors."""

import json
import re
from collections.abc import Mapping
from html import escape
from typing import Any

from nbconvert.filters import ansi2html

from marslab.lab.site.prose import Place, framed, prose
from marslab.lab.site.tidy import tidy, words

PLOTLY = "application/vnd.plotly.v1+json"
WIDGET = "application/vnd.jupyter.widget-view+json"
# The first of these that an output has is shown.
KINDS = (
    PLOTLY,
    "text/html",
    "image/svg+xml",
    "image/png",
    "image/jpeg",
    "text/markdown",
    "text/latex",
    "text/plain",
)
# Nothing that leaves the reader's machine.
SAFE = {"displaylogo": False, "showSendToCloud": False, "responsive": True}
HEIGHT = 450  # pixels of a figure that does not say
LIVE = "In JupyterLab this picture has controls that move it."
ONLY_LIVE = "Here stands a control that works in JupyterLab only."


def shown(output: Mapping[str, Any], place: Place) -> str:
    """Return the HTML of one output of a cell."""
    kind = output.get("output_type")
    if kind == "stream":
        name = "stderr" if output.get("name") == "stderr" else "stdout"
        return f'<pre class="{name}">{ansi2html(_text(output["text"]))}</pre>'
    if kind == "error":
        trace = "\n".join(output.get("traceback") or [f"{output['ename']}: {output['evalue']}"])
        return f'<pre class="error">{ansi2html(trace)}</pre>'
    data = output.get("data", {})
    best = next((each for each in KINDS if each in data), None)
    if best == PLOTLY:
        place.figures += 1
        return figure(data[PLOTLY], place.figures)
    html = "" if best is None else _static(best, _text(data[best]), place)
    if WIDGET not in data:
        return html
    if best == "text/html":
        return f'{html}<p class="note">{LIVE}</p>'
    return f'<p class="note">{ONLY_LIVE}</p>'


def figure(found: Mapping[str, Any], number: int) -> str:
    """Return the place of a Plotly figure and what the page's script draws there."""
    layout = found.get("layout", {})
    config = {**(found.get("config") or {}), **SAFE}
    config.pop("plotlyServerURL", None)
    drawn = {"data": found.get("data", []), "layout": layout, "config": config}
    if found.get("frames"):
        drawn["frames"] = found["frames"]
    # "</" inside a script element would end it, "<!--" would hide the end.
    text = json.dumps(drawn, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    height = layout.get("height")
    height = height if isinstance(height, int | float) else HEIGHT
    label = escape(described(layout, number))
    return (
        f'<figure class="plot"><div id="figure-{number}" role="img" aria-label="{label}" '
        f'style="height:{height:g}px"></div><noscript>{label}. It is drawn by a script of this '
        f'site.</noscript><script type="application/json">{text}</script></figure>'
    )


def described(layout: Mapping[str, Any], number: int) -> str:
    """Return one line about a figure for those who do not see it: its title and its axes.

    >>> described({"title": {"text": "Speed"}, "xaxis": {"title": {"text": "L<sub>0</sub>"}}}, 1)
    'Figure 1: Speed. Along x: L0'
    """
    told = [f"Figure {number}" + (f": {title}" if (title := _titled(layout)) else "")]
    for way in ("x", "y"):
        name = _titled(layout.get(f"{way}axis") or {})
        told += [f"Along {way}: {name}"] if name else []
    return ". ".join(told)


def _titled(part: Mapping[str, Any]) -> str:
    title = part.get("title") or ""
    text = title.get("text") or "" if isinstance(title, Mapping) else str(title)
    return words(re.sub(r"<br\s*/?>", " ", text))


def _static(kind: str, text: str, place: Place) -> str:
    if kind == "text/html":
        return f'<div class="html">{framed(tidy(text, place.leading))}</div>'
    if kind == "image/svg+xml":
        return f'<div class="picture">{tidy(text)}</div>'
    if kind in ("image/png", "image/jpeg"):
        data = re.sub(r"[^A-Za-z0-9+/=]", "", text)
        return f'<img class="picture" src="data:{kind};base64,{data}" alt="Picture of this cell">'
    if kind in ("text/markdown", "text/latex"):
        return f'<div class="prose">{prose(text, place)[0]}</div>'
    return f'<pre class="value">{ansi2html(text)}</pre>'


def _text(value: str | list[str]) -> str:
    return value if isinstance(value, str) else "".join(value)
