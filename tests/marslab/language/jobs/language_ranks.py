"""One of two processes that train together: `language_ranks.py RANK WORLD STORE FOLDER`."""

import os
import sys
from datetime import timedelta

import torch
import torch.distributed as dist
from tiny_language import PLAN, Tiny, train


def main() -> None:
    torch.set_num_threads(1)
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    rank, world = int(sys.argv[1]), int(sys.argv[2])
    dist.init_process_group(
        "gloo",
        init_method=f"file://{sys.argv[3]}",
        rank=rank,
        world_size=world,
        timeout=timedelta(seconds=60),
    )
    model = Tiny(dropout=0.0).double()
    with torch.no_grad():
        model.down.bias.add_(rank)  # all begin with the weights of the first
    for steps in (5, None):  # the second call goes on from the checkpoint of the first
        train(sys.argv[4], PLAN, model, steps=steps, group=dist.group.WORLD)
    print(sum(p.double().sum().item() for p in model.parameters()))
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
