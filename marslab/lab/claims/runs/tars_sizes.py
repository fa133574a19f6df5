"""TARS's printed numbers of parameters and megabytes, beside what the modules have."""

import torch
from torch import nn

from marslab.kernels.ternary_matmul.packing import pack_ternary
from marslab.lab.claims.outcome import Outcome
from marslab.layers.wave_merge import WaveMerge
from marslab.systems.registry import build
from marslab.systems.tars.parameters import ternary_bytes
from marslab.thinking.mini_block import MiniBlock

WIDTH, WAVES = 768, 6
PRINTED_MERGE, PRINTED_BLOCK = 7_085_574, 590_000
PRINTED_BASE, PRINTED_LARGE = 137e6, 1e9
PRINTED_MB = {10**9: 630.0, 130 * 10**6: 60.0}  # of so many ternary weights
SIDE = 2000  # of the matrix that is packed to see how many bytes a weight takes


def wave_merge() -> Outcome:
    """Six merges at d = 768: the printed sum, what its formula gives, what the layers have."""
    with torch.device("meta"):
        counted = WAVES * count(WaveMerge(WIDTH))
    formula = WAVES * (2 * WIDTH**2 + WIDTH + 2 * WIDTH + 1)
    figures = {
        "off_by_a_factor": counted / PRINTED_MERGE,
        "counted": counted,
        "by_the_printed_formula": formula,
        "printed": PRINTED_MERGE,
    }
    says = (
        f"The printed sum is {PRINTED_MERGE:,}, its own formula gives {formula:,}, and the layers "
        f"have {counted:,}: a map from 2 d over d to d takes 3 d^2 + 2 d, not 2 d^2 + d."
    )
    return Outcome(figures, says)


def base() -> Outcome:
    """The model of d = 768 in six waves, as the preset tars-base builds it."""
    return _total("tars-base", PRINTED_BASE, "d = 768, 12 blocks in 6 waves", 48)


def large() -> Outcome:
    """The model of d = 2048 in twelve waves, as the preset tars-2048 builds it."""
    return _total("tars-2048", PRINTED_LARGE, "d = 2048, 24 blocks in 12 waves", 0)


def mini_block() -> Outcome:
    """A block of the pool at d = 768, full and of rank 16."""
    with torch.device("meta"):
        full, low = count(MiniBlock(WIDTH)), count(MiniBlock(WIDTH, 16))
    figures = {
        "off_by_a_factor": full / PRINTED_BLOCK,
        "counted": full,
        "counted_of_rank_16": low,
    }
    says = (
        f"A block has three matrices of 768 x 768 and so {full:,} parameters; 590 K is one of "
        f"them. The repair is low rank: {low:,} at rank 16."
    )
    return Outcome(figures, says)


def ternary() -> Outcome:
    """Megabytes of the printed numbers of ternary weights, by entropy and as the library packs."""
    W = torch.zeros(SIDE, SIDE, dtype=torch.int8)
    each = {name: pack_ternary(W, name).numel() / W.numel() for name in ("2bit", "5trit")}
    packed = {n: each["2bit"] * n / 1e6 for n in PRINTED_MB}
    figures = {
        "off_by_a_factor": max(PRINTED_MB[n] / packed[n] for n in PRINTED_MB),
        "mb_of_1b_in_2_bits": packed[10**9],
        "mb_of_1b_five_to_a_byte": each["5trit"] * 1e3,
        "mb_of_1b_at_1.58_bits": ternary_bytes(10**9) / 1e6,
        "mb_of_130m_in_2_bits": packed[130 * 10**6],
    }
    says = (
        f"A billion weights of 1.58 bits are {figures['mb_of_1b_at_1.58_bits']:.0f} MB, packed in "
        f"2 bits {packed[10**9]:.0f} MB, not 630; 130 million are {packed[130 * 10**6]:.1f} MB, "
        "not 60. The printed figures are too high, and do not come from the printed bits."
    )
    return Outcome(figures, says)


def _total(preset: str, printed: float, sizes: str, blocks: int) -> Outcome:
    """Count a preset; with `blocks`, say what the pool has if they were full matrices."""
    with torch.device("meta"):
        model = build(preset)
        full = blocks * count(MiniBlock(WIDTH))
    counts = {name: x.numel() for name, x in model.named_parameters()}
    total, pool = sum(counts.values()), _under(counts, "lm.idme.pool.")
    figures = {
        "off_by_a_factor": max(total / printed, printed / total),
        "counted": total,
        "counted_in_the_waves": _under(counts, "lm.waves."),
        "counted_in_the_pool": pool,
    }
    more = f" With the pool's {blocks} blocks in full it is {(total - pool + full) / 1e6:,.0f} M."
    says = (
        f"Built here with {sizes}, all of TARS has {total / 1e6:,.0f} M parameters, "
        f"{figures['counted_in_the_waves'] / 1e6:,.0f} M of them in the waves; the design prints "
        f"{printed / 1e6:,.0f} M and no formula for a block.{more if blocks else ''}"
    )
    return Outcome(figures, says)


def _under(counts: dict[str, int], prefix: str) -> int:
    return sum(size for name, size in counts.items() if name.startswith(prefix))


def count(model: nn.Module) -> int:
    """The parameters of a model."""
    return sum(x.numel() for x in model.parameters())
