"""Save two models in turn to one path until killed: `save_forever.py PATH`."""

import sys
from dataclasses import dataclass
from itertools import count

import torch
from torch import nn

from marslab import checkpoint


@dataclass(frozen=True)
class Config:
    width: int


def main() -> None:
    model = nn.Linear(300, 300)
    for turn in count():
        with torch.no_grad():
            for x in model.parameters():
                x.fill_(turn % 2)
        extra = {"turn": turn}
        checkpoint.save(sys.argv[1], model, system="x", preset="x", config=Config(300), extra=extra)
        print(turn, flush=True)


if __name__ == "__main__":
    main()
