"""TARS's memory hub: two printed thresholds of surprise, and what a lookup in Memo costs."""

from functools import partial
from statistics import median

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from marslab.kernels.roofline import watch
from marslab.lab.claims.outcome import Outcome
from marslab.lab.claims.runs.growth import exponent
from marslab.layers.memory_injection import MemoryInjection
from marslab.memory.memo import Memo
from marslab.memory.titans import PRINTED, PRINTED_GATE, PRINTED_LOSS, Titans

MEMORY, HIDDEN = 384, 768  # the design's Titans
WRITES, ITEMS = 10, 8  # each write is three steps
BLOCKS, BRAIN = 24, 768
ENTRIES = (1024, 2048, 4096, 8192, 16384)
ROUNDS = 15


def printed_threshold() -> Outcome:
    """Tell a few items again and again: how many come below 0.45, printed form and delta rule."""
    items = _items()
    printed, ours = _told(Titans(MEMORY, HIDDEN, PRINTED), items), _told(Titans(), items)
    figures = {
        "share_below_0.45": (printed < PRINTED_LOSS).double().mean().item(),
        "mean_loss": printed.mean().item(),
        "lowest_loss": printed.min().item(),
        "share_below_0.45_ours": (ours < PRINTED_LOSS).double().mean().item(),
        "mean_loss_ours": ours.mean().item(),
        "writes_of_each_item": WRITES,
    }
    says = (
        f"After {WRITES} writes of each of {ITEMS} items the printed loss is "
        f"{figures['mean_loss']:.2f}, of none of them below 0.45 "
        f"(lowest {figures['lowest_loss']:.2f}): a LayerNorm's output is too long for a unit "
        f"target. Without it, on learned keys and values, {figures['share_below_0.45_ours']:.0%} "
        f"are below, at {figures['mean_loss_ours']:.3f} in the mean."
    )
    if figures["share_below_0.45"]:
        says = says.replace("of none of them", f"of {figures['share_below_0.45']:.0%} of them")
    return Outcome(figures, says)


def need_gate() -> Outcome:
    """The need gates of 24 fresh blocks against 0.3, for items just written and for new ones."""
    known, new = _items(), _items(seed=1)
    titans = Titans()
    state = titans.fresh()
    for item in known:
        state, _ = titans.write(item, state)
    torch.manual_seed(2)
    blocks = [MemoryInjection(BRAIN, MEMORY) for _ in range(BLOCKS)]
    fired = {name: _fired(blocks, x) for name, x in (("known", known), ("new", new))}
    cut = float(titans.threshold)
    told = [titans.surprise(x, state) > cut for x in (known, new)]
    figures = {
        "accuracy_of_the_gate": (1 - fired["known"] + fired["new"]) / 2,
        "fires_on_known_items": fired["known"],
        "fires_on_new_items": fired["new"],
        "accuracy_of_the_loss": (1 - told[0].double().mean() + told[1].double().mean()).item() / 2,
    }
    says = (
        f"The gates of {BLOCKS} fresh blocks are above 0.3 in {fired['known']:.0%} of the items "
        f"that were just written and in {fired['new']:.0%} of new ones: sigmoid(0) is 0.5, and no "
        "gate looks at what Titans holds. The loss of the memory itself tells them apart in "
        f"{figures['accuracy_of_the_loss']:.0%}."
    )
    return Outcome(figures, says)


def memo_lookup() -> Outcome:
    """Time of one lookup by the number of entries, and at the design's 256."""
    torch.manual_seed(0)
    memos = {n: _filled(n) for n in (256, *ENTRIES)}
    asked = F.normalize(torch.randn(MEMORY), dim=-1).numpy()
    calls = {n: partial(memo.get, asked, "?") for n, memo in memos.items()}
    rounds = [{n: watch(call)() for n, call in calls.items()} for _ in range(ROUNDS)]
    medians = {n: median(each[n] for each in rounds[2:]) for n in memos}
    at_256 = medians.pop(256)
    figures = {
        "time_exponent": exponent(medians),
        "us_at_256_entries": 1e6 * at_256,
        "us_at_16384_entries": 1e6 * medians[ENTRIES[-1]],
        "rounds": ROUNDS,
    }
    says = (
        "A cosine has no exact hash: a lookup is one product with all keys. From 1,024 to 16,384 "
        f"entries its time grows to the power {figures['time_exponent']:.2f}. With the size fixed "
        f"at 256 it is {figures['us_at_256_entries']:.0f} microseconds, and that is constant."
    )
    return Outcome(figures, says)


def _items(seed: int = 0) -> Tensor:
    made = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(ITEMS, MEMORY, generator=made), dim=-1)


def _told(titans: Titans, items: Tensor) -> Tensor:
    """The loss of each item after all were told in turn, again and again."""
    state = titans.fresh()
    for _ in range(WRITES):
        for item in items:
            state, _ = titans.write(item, state)
    return titans.surprise(items, state).detach()


@torch.no_grad()
def _fired(blocks: list[MemoryInjection], items: Tensor) -> float:
    """The share of gates above the printed threshold, block by block and item by item."""
    x = torch.randn(len(items), 4, BRAIN)
    memory = items[:, None].expand(-1, 4, -1)
    needs = [block(x, x, memory).need for block in blocks]
    above = [need.mean(1) > PRINTED_GATE for need in needs if need is not None]
    return torch.stack(above).double().mean().item()


def _filled(count: int) -> Memo:
    memo = Memo(count, MEMORY)
    keys = F.normalize(torch.randn(count, MEMORY), dim=-1).numpy()
    for at, key in enumerate(np.asarray(keys)):
        memo.put(key, str(at), "")
    return memo
