"""Text to vectors by meaning: a small sentence transformer, when its extra is installed."""

from collections.abc import Sequence
from importlib import import_module

import numpy as np

from marslab.errors import MissingExtra, UserError
from marslab.memory.embedding import unit

SENTENCE = "all-MiniLM-L6-v2"


class SentenceEmbedder:
    """The embedder of the design: all-MiniLM-L6-v2 through sentence-transformers, 384 wide.

    Its weights are fetched on first use unless sentence-transformers has them already.

    Shapes (N texts):
        texts: N strings
        returns: [N, 384] float32

    Errors:
        MissingExtra: sentence-transformers is not installed
        UserError: the model cannot be loaded

    Source:
        design section 4.1, LEANN.
    """

    def __init__(self) -> None:
        try:
            package = import_module("sentence_transformers")
        except ModuleNotFoundError as error:
            raise MissingExtra("embed", "sentence-transformers") from error
        try:
            self._model = package.SentenceTransformer(SENTENCE)
        except OSError as error:
            raise UserError(
                f"the sentence model {SENTENCE} cannot be loaded ({error}): connect once so that "
                "it is fetched, or use the embedder 'hashed'"
            ) from error
        self.name = SENTENCE
        self.dim = 384

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        if not texts:
            return np.empty((0, self.dim), dtype=np.float32)
        return unit(np.asarray(self._model.encode(list(texts)), dtype=np.float64))
