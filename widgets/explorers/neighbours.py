"""Ask a question and see which texts stand near it."""

from collections.abc import Sequence

import ipywidgets
import numpy as np
from plotly.graph_objects import Figure

from marslab.memory import HashedNgramEmbedder
from marslab.memory.embedding import Embedder
from marslab.widgets.explorers.explorer import Explorer
from marslab.widgets.figures.neighbours import neighbour_map

HEIGHT = 460


def nearest_texts(
    texts: Sequence[str],
    question: str,
    embedder: Embedder | None = None,
    *,
    groups: Sequence[str] | None = None,
) -> Explorer:
    """Type a question, turn how many neighbours are shown, and see them among all texts.

    Errors:
        ValueError: there are no texts, or the question has no visible character

    >>> explorer = nearest_texts(["the sea is deep", "the moon is far"], "how deep is the sea?")
    >>> explorer.sentence.value.split(" (")[0]
    'Nearest: the sea is deep'
    """
    if not texts or not question.strip():
        raise ValueError("nearest_texts needs texts, and a question to begin with")
    embed = embedder or HashedNgramEmbedder()
    rows = embed(list(texts))
    controls = {
        "asked": ipywidgets.Text(value=question, description="question"),
        "k": ipywidgets.IntSlider(
            value=min(3, len(texts)), min=1, max=min(8, len(texts)), description="k"
        ),
    }

    def found(asked: str) -> tuple[np.ndarray, np.ndarray]:
        """The vector of what is asked (of the first question while nothing is), and cosines."""
        vector = embed([asked if asked.strip() else question])[0]
        return vector, rows @ vector

    def draw(asked: str, k: int) -> Figure:
        vector, cosines = found(asked)
        near = np.argsort(-cosines, kind="stable")[:k].tolist()
        return neighbour_map(rows, texts, vector, near, groups=groups, height=HEIGHT)

    def tell(asked: str, k: int) -> str:
        _, cosines = found(asked)
        near = np.argsort(-cosines, kind="stable")[:k]
        return "Nearest: " + "; ".join(f"{texts[i]} ({cosines[i]:.2f})" for i in near)

    return Explorer(draw, tell, controls)
