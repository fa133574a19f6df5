"""TARS's context: the state of the whole model, and what its memory stream recalls from afar."""

import torch
import torch.nn.functional as F
from torch import Tensor

from marslab.lab.claims.outcome import Outcome
from marslab.lab.claims.runs.tars_generation import brain
from marslab.layers.block_config import CoreConfig
from marslab.layers.wuneng_streams import SLOWEST, WKVStream

SHORT, LONG, PIECE = 16, 4096, 512
WIDTH, HEADS = 256, 4  # keys and values of 64 numbers a head, as in RWKV-7
TRIALS = 16
AFTER = (0, 16, 64, 256, 1024, 4096)
PAIRS = 32  # of which all are recalled where nothing is turned
DISTANCES = (32, 256, 1024, 4096, 32768)
KEPT = 1e-6  # of what a step forgets: almost nothing, so that forgetting is not what is seen


def model_state() -> Outcome:
    """Bytes that tars-mini carries after 16 and after 4,096 bytes; in pieces and at once."""
    lm = brain()
    ids = torch.randint(4, 256, (1, LONG))
    state = lm.prefill(ids[:, :SHORT])
    sizes = {SHORT: state.bytes}
    for at in range(SHORT, LONG, PIECE):
        _, state = lm.step(ids[:, at : at + PIECE], state)
    sizes[LONG] = state.bytes
    whole = lm.prefill(ids).logits
    figures = {
        "state_growth": sizes[LONG] / sizes[SHORT],
        "error_when_continued": ((state.logits - whole).norm() / whole.norm()).item(),
        "state_bytes": sizes[LONG],
    }
    says = (
        f"The whole model (tars-mini, six waves, random weights) carries {sizes[SHORT]:,} bytes "
        f"after {SHORT} bytes of text and {sizes[LONG]:,} after {LONG:,}. Read in pieces of "
        f"{PIECE} it answers as read at once, up to {figures['error_when_continued']:.0e}."
    )
    return Outcome(figures, says)


def first_association() -> Outcome:
    """Write a pair, then n others into the core's WKV stream, and ask for the first."""
    torch.manual_seed(0)
    cosine = {n: _first_recalled(n) for n in AFTER}
    figures = {
        "cosine_after_4096": cosine[4096],
        "cosine_after_0": cosine[0],
        "cosine_after_64": cosine[64],
        "cosine_after_256": cosine[256],
        "cosine_after_1024": cosine[1024],
    }
    says = (
        f"Asked at once, the first pair comes back (cosine {cosine[0]:.2f}); after 64 other pairs "
        f"at {cosine[64]:.2f}, after 256 at {cosine[256]:.2f}, after 4,096 at {cosine[4096]:.2f}. "
        "Nothing was forgotten over time here: the later pairs overwrite it, since a head of 64 "
        "keys has 64 directions."
    )
    return Outcome(figures, says)


def rope_at_a_distance() -> Outcome:
    """Write 32 pairs, wait, ask for all: with RoPE and without, by the distance in steps."""
    off, on = ({n: _nearest(n, rope=rope) for n in DISTANCES} for rope in (False, True))
    figures = {
        "recall_kept_at_32768": on[32768] / off[32768],
        "recall_at_32": on[32],
        "recall_at_1024": on[1024],
        "recall_at_4096": on[4096],
        "recall_at_32768": on[32768],
        "recall_at_32768_without": off[32768],
    }
    says = (
        f"Of {PAIRS} pairs with random keys {on[32]:.0%} are recalled 32 steps later, "
        f"{on[1024]:.0%} after 1,024, {on[4096]:.0%} after 4,096 and {on[32768]:.0%} after 32,768, "
        f"where without RoPE {off[32768]:.0%} are at any distance: the key that asks was turned "
        "on meanwhile. "
        "(Trained keys may keep to the slow channels; these do not.)"
    )
    return Outcome(figures, says)


def _columns(ask: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """The stream's columns: every write is a full one, nothing fades, the gate g is one number."""
    slow = torch.full_like(keys, torch.tensor(KEPT).logit().item() - SLOWEST[1])
    return torch.cat(
        [ask, keys, values, torch.ones_like(keys), slow, keys.new_full(keys.shape, 20.0)], -1
    )


def _unit(k: Tensor) -> Tensor:
    """Keys [..., WIDTH] of length 1 in each head."""
    return F.normalize(k.unflatten(-1, (HEADS, -1)), dim=-1).flatten(-2)


def _centred(v: Tensor) -> Tensor:
    """Values by head, as the stream's own norm leaves them."""
    heads = v.unflatten(-1, (HEADS, -1))
    return F.normalize(heads - heads.mean(-1, keepdim=True), dim=-1)


@torch.no_grad()
def _first_recalled(others: int) -> float:
    """Write a pair and others, ask for the first; the cosine of the answer with its value."""
    k, v = (torch.randn(TRIALS, others + 1, WIDTH) for _ in "kv")
    stream = WKVStream(WIDTH, CoreConfig(heads=HEADS, rope=False))
    state = stream.fresh(v, torch.float32)
    _, state = stream(_columns(torch.zeros_like(k), _unit(k), v), state, 0)
    nothing = torch.zeros_like(k[:, :1])
    y, _ = stream(_columns(_unit(k[:, :1]), nothing, nothing), state, others + 1)
    return F.cosine_similarity(_centred(y), _centred(v[:, :1]), dim=-1).mean().item()


@torch.no_grad()
def _nearest(distance: int, *, rope: bool) -> float:
    """Write PAIRS pairs, ask for each `distance` steps later: the share nearest to its own value.

    The steps in between would write nothing, so that the position is all that they change.
    """
    torch.manual_seed(0)
    k, v = (torch.randn(TRIALS, PAIRS, WIDTH) for _ in "kv")
    stream = WKVStream(WIDTH, CoreConfig(heads=HEADS, rope=rope))
    state = stream.fresh(v, torch.float32)
    _, state = stream(_columns(torch.zeros_like(k), _unit(k), v), state, 0)
    nothing = torch.zeros_like(k)
    y, _ = stream(_columns(_unit(k), nothing, nothing), state, distance)
    answers, values = (_centred(x).transpose(1, 2) for x in (y, v))
    best = (answers @ values.mT).argmax(-1)
    return (best == torch.arange(PAIRS)).double().mean().item()
