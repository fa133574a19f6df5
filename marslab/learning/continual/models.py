"""Small classifiers for the scenarios."""

from torch import Tensor, nn

from marslab.layers.slot_memory import SlotMemory
from marslab.tasks.continual import Scenario


def mlp(scenario: Scenario, hidden: int = 100) -> nn.Module:
    """Return a perceptron with one hidden layer.

    >>> from marslab.tasks.continual import split_digits
    >>> sum(p.numel() for p in mlp(split_digits()).parameters())
    7510
    """
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(scenario.inputs, hidden),
        nn.ReLU(),
        nn.Linear(hidden, scenario.classes),
    )


class MemoryMlp(nn.Module):
    """A perceptron whose hidden layer also reads a memory: head(h + memory(h)).

    Shapes (n examples, C classes):
        forward: x [n, ...] -> [n, C]

    >>> from marslab.tasks.continual import split_digits
    >>> MemoryMlp(split_digits(), hidden=8)(split_digits().tasks[0].split.test_x).shape
    torch.Size([69, 10])
    """

    def __init__(self, scenario: Scenario, hidden: int = 100) -> None:
        super().__init__()
        self.encode = nn.Sequential(nn.Flatten(), nn.Linear(scenario.inputs, hidden), nn.ReLU())
        self.memory = SlotMemory(hidden)
        self.head = nn.Linear(hidden, scenario.classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        h = self.encode(x)
        return self.head(h + self.memory(h))
