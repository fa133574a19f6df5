"""Small pieces of HTML; everything that comes in is escaped."""

import traceback
from collections.abc import Iterable
from html import escape


def problem(sentence: str, detail: str = "") -> str:
    """A card for something that went wrong: one sentence, with the detail folded away.

    >>> "&lt;b&gt;" in problem("<b>")
    True
    """
    folded = f"<details><summary>Detail</summary><pre>{escape(detail)}</pre></details>"
    return (
        f'<div class="ml-card ml-problem" role="alert"><p>{escape(sentence)}</p>'
        f"{folded if detail else ''}</div>"
    )


def note(sentence: str) -> str:
    """A card for something worth knowing, where nothing went wrong."""
    return f'<div class="ml-card" role="status"><p>{escape(sentence)}</p></div>'


def sentence_of(error: Exception) -> str:
    """The sentence that a reader gets for `error`: its own if it was meant for one.

    >>> sentence_of(ValueError("L must be positive"))
    'L must be positive'
    """
    words = " ".join(str(error).split())
    if isinstance(error, ValueError | TypeError) and words:
        return words
    return f"This view could not be worked out ({type(error).__name__}: {words or 'no message'})."


def detail_of(error: Exception) -> str:
    """Where `error` came from, for whoever mends it."""
    return "".join(traceback.format_exception(error, limit=-3))


def facts(rows: Iterable[tuple[str, str, str]]) -> str:
    """A row of figures, each (label, value, what it means).

    >>> "<dt>time</dt><dd>2 ms" in facts([("time", "2 ms", "")])
    True
    """
    cells = (
        f'<div title="{escape(hint)}"><dt>{escape(label)}</dt><dd>{escape(value)}</dd></div>'
        for label, value, hint in rows
    )
    return f'<dl class="ml-facts">{"".join(cells)}</dl>'


def code(text: str) -> str:
    """A box of source text."""
    return f'<pre class="ml-code" tabindex="0"><code>{escape(text)}</code></pre>'
