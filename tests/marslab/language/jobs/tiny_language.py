"""A language model of one hidden layer, and its training: `tiny_language.py FOLDER PAUSE`."""

import sys
import time
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from marslab.learning.language import LanguagePlan, Pace, Phase, TokenSource, train_language

V = 16


class Tiny(nn.Module):
    """Embedding, hidden layer, dropout, tied head; a buffer counts the passes in training."""

    def __init__(self, dropout: float = 0.1, width: int = 8) -> None:
        super().__init__()
        torch.manual_seed(7)
        self.embed = nn.Embedding(V, width)
        self.up = nn.Linear(width, 2 * width)
        self.drop = nn.Dropout(dropout)
        self.down = nn.Linear(2 * width, width)
        self.head = nn.Linear(width, V, bias=False)
        self.head.weight = self.embed.weight
        self.register_buffer("passes", torch.tensor(0))

    def forward(self, ids: Tensor) -> Tensor:
        x = self.embed(ids)
        return self.head(x + self.down(self.drop(F.silu(self.up(x)))))

    def losses(
        self, ids: Tensor, targets: Tensor, label_smoothing: float = 0.0, extra: float = 0.0
    ) -> dict[str, Tensor]:
        self.passes += 1
        logits = self(ids).flatten(0, 1)
        ce = F.cross_entropy(logits, targets.flatten(), label_smoothing=label_smoothing)
        square = logits.pow(2).mean()
        return {"loss": ce + extra * square, "ce": ce, "square": square}


def source() -> TokenSource:
    walk = torch.randint(0, 3, (500,), generator=torch.Generator().manual_seed(1)).cumsum(0) % V
    return TokenSource({"walk": walk, "count": torch.arange(300) % V})


ONE = Phase("one", 7, 1e-2, lengths=(4, 8), tokens=64, accumulate=2, optimizer="muon")
TWO = Phase("two", 6, 5e-3, (8,), tokens=64, freeze=("up.*",), mixture={"walk": 1.0, "count": 2.0})
THREE = replace(TWO, name="three", steps=4, freeze=("embed.*",), loss={"extra": 0.01})
PLAN = LanguagePlan((ONE, TWO, replace(THREE, optimizer="muon")), seed=3, ema=0.9)


def train(folder: Any, plan: LanguagePlan = PLAN, model: Any = None, **more: Any) -> Tiny:
    model = model or Tiny()
    more.setdefault("pace", Pace(log=1))
    train_language(model, plan, source(), folder, **more)
    return model


def main() -> None:
    torch.set_num_threads(1)
    pause = float(sys.argv[2])

    def told(record: dict[str, Any]) -> None:
        print(record["step"], flush=True)
        time.sleep(pause)

    train(sys.argv[1], pace=Pace(log=1, save=3), on_record=told)
    print("done", flush=True)


if __name__ == "__main__":
    main()
