"""One harness for continual learning: scenarios, methods with one interface, and their scores."""

from marslab.learning.continual.ewc import Ewc, OnlineEwc
from marslab.learning.continual.fisher import fisher_diagonal
from marslab.learning.continual.hdc_memory import HdcMemory
from marslab.learning.continual.hdc_replay import HdcReplay
from marslab.learning.continual.lwf import LearningWithoutForgetting
from marslab.learning.continual.method import Combined, Method
from marslab.learning.continual.methods import make_method
from marslab.learning.continual.metrics import (
    average_accuracy,
    backward_transfer,
    bwt_limit,
    forgetting,
    forward_transfer,
)
from marslab.learning.continual.models import MemoryMlp, mlp
from marslab.learning.continual.replay import ExperienceReplay, Joint
from marslab.learning.continual.reptile import Reptile
from marslab.learning.continual.runner import Budget, learn_tasks
from marslab.learning.continual.si import SynapticIntelligence
from marslab.learning.continual.slots import SlotUpdate
from marslab.learning.continual.sparse import SparseUpdate

__all__ = [
    "Budget",
    "Combined",
    "Ewc",
    "ExperienceReplay",
    "HdcMemory",
    "HdcReplay",
    "Joint",
    "LearningWithoutForgetting",
    "MemoryMlp",
    "Method",
    "OnlineEwc",
    "Reptile",
    "SlotUpdate",
    "SparseUpdate",
    "SynapticIntelligence",
    "average_accuracy",
    "backward_transfer",
    "bwt_limit",
    "fisher_diagonal",
    "forgetting",
    "forward_transfer",
    "learn_tasks",
    "make_method",
    "mlp",
]
