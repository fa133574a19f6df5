"""How a language model learns: plan, batches, schedule, loop."""

from marslab.learning.language.ema import Average
from marslab.learning.language.log import read_log
from marslab.learning.language.loop import Outcome, Pace, train_language
from marslab.learning.language.plan import LanguagePlan, Phase
from marslab.learning.language.schedule import training_cost
from marslab.learning.language.source import BatchSource, MixedSource, TokenSource
from marslab.learning.language.transfer import transfer_embedding

__all__ = [
    "Average",
    "BatchSource",
    "LanguagePlan",
    "MixedSource",
    "Outcome",
    "Pace",
    "Phase",
    "TokenSource",
    "read_log",
    "train_language",
    "training_cost",
    "transfer_embedding",
]
