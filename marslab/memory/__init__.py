"""What a model keeps outside of its weights."""

from marslab.memory.calibration import calibrate
from marslab.memory.embedding import HashedNgramEmbedder, embedder_named
from marslab.memory.fast_weights import TitansState
from marslab.memory.hub import MemoryHub, Recalled
from marslab.memory.leann import Leann
from marslab.memory.memo import Hit, Memo
from marslab.memory.projection import Projection
from marslab.memory.records import Record
from marslab.memory.sentence_embedder import SentenceEmbedder
from marslab.memory.store import Store
from marslab.memory.titans import Titans, TitansConfig
from marslab.memory.transfer import export_records, import_records

__all__ = [
    "HashedNgramEmbedder",
    "Hit",
    "Leann",
    "Memo",
    "MemoryHub",
    "Projection",
    "Recalled",
    "Record",
    "SentenceEmbedder",
    "Store",
    "Titans",
    "TitansConfig",
    "TitansState",
    "calibrate",
    "embedder_named",
    "export_records",
    "import_records",
]
