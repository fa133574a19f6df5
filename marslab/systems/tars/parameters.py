"""What TARS's parameters are for: counted part by part, beside what the design prints."""

from fnmatch import fnmatchcase
from typing import NamedTuple

import torch

from marslab.systems.tars.config import TarsConfig
from marslab.systems.tars.system import Tars


class Row(NamedTuple):
    """One part: its formula here, its count in this config, what the design prints and why not.

    `printed` is for d = 2048 and 12 waves (design 10.1), whatever the config; `follows` says
    whether that number is what the design's own formula gives, None where one of them is missing.
    """

    part: str
    formula: str
    count: int  # pyright: ignore[reportIncompatibleMethodOverride]
    printed: str = ""
    follows: bool | None = None
    note: str = ""


class Part(NamedTuple):
    """A part by the globs of its parameters' names, and what stands beside its count."""

    name: str
    globs: tuple[str, ...]
    formula: str
    printed: str = ""
    follows: bool | None = None
    note: str = ""


# d width, M memory width, H heads, N state, K taps, n rotated dims, E experts, r their rank,
# V ids, F hidden width of the draft head, P blocks of the pool. The first that fits, counts.
PARTS = (
    Part(
        "reflex",
        ("reflex.*",),
        "see ReflexCore; as printed 256*64 + 2*(64*64 + 64) + 7*64 + 7",
        "~16K",
        False,
        "16,384 is the embedding alone; with MinGRU and heads the printed form has 25,159 (T16)",
    ),
    Part("embedding = head", ("lm.embed.*",), "V*d", "Vocab 256", None, "one matrix for both"),
    Part(
        "core",
        ("*.core.*",),
        "a block: d*(12d + 2N + H) + (d + 2N)*(K + 1) + 3H + 7d; 2d^2 of it are for RAG",
        "24 blocks: ~1B",
        None,
        "no formula is printed; the original code counts 3.60 B at d = 2048, 332 M at 768 (T13)",
    ),
    Part(
        "VQ",
        ("*omega.vq.*", "*omega.to_code.*", "*omega.from_code.*", "*omega.beta"),
        "2*64*d + 64 + 1 for the way in and out",
        "256x64",
        None,
        "the 16,384 numbers of the codebook are buffers, moved by averages and not by gradients",
    ),
    Part(
        "Omega",
        ("*omega.*",),
        "n(n-1)/2 * (d + 1) + 1; of rank q: 2*q*n*(d + 1) + 1",
        "496",
        True,
        "496 = 32*31/2 entries of Omega, but each comes from the mean through d + 1 weights",
    ),
    Part(
        "MoLE",
        ("*.mole.*",),
        "a block: 2*E*r*d for LoRA, E*(2d + 1) + 1 for the router",
        "8*2*d*8",
        None,
        "262,144 for the LoRA of one block; the router is left out, and each of 24 blocks has both",
    ),
    Part(
        "NoveltyGate", ("*.novelty.*",), "a block: h*(2d + 1) + h + 1, h = d/2", "", None, "no row"
    ),
    Part(
        "memory injection",
        ("*injection.*",),
        "2*d*M + d + M + 1, once where shared",
        "2048->384 + 384->2048 + gate, per block",
        None,
        "1,575,297 a block; one for all waves here, unless block.injection.shared is False",
    ),
    Part(
        "WaveGate",
        ("*.merge.gate.*",),
        "a wave: 2d + 1",
        "~50K (2d+1 per wave)",
        True,
        "12 * 4,097 = 49,164",
    ),
    Part(
        "WaveMerge",
        ("*.merge.*",),
        "a wave: 3d^2 + 2d",
        "~100M (2d^2+d per wave)",
        True,
        "12 * (2d^2 + d) = 100.7 M, but 2d -> d -> d has 3d^2 + 2d: 151.0 M. At d = 768 the printed"
        " sum 7,085,574 is 7,091,718 by its formula, and 10,635,270 really (T14)",
    ),
    Part("spine", ("lm.spine.*",), "d + M*(d + 1)", "", None, "no row"),
    Part("chain", ("lm.chain.*",), "d + M*(d + 1) + waves*M + 5M^2 + 3M", "", None, "no row"),
    Part(
        "draft head",
        ("lm.draft.*",),
        "F*(2d + 1) + V*(F + 1) + length*F",
        "2048->512->256",
        None,
        "1,179,648 as printed; here it reads the last byte beside h (T49)",
    ),
    Part("halting", ("lm.halting.*",), "2d + 1", "", None, "not in the design"),
    Part("read-out", ("lm.from_memory.*", "lm.norm.*"), "d*M + d", "", None, "no row"),
    Part(
        "pool",
        ("lm.idme.pool.*",),
        "P*(3d^2 + 4d), of rank q: P*(4dq + 4d); d of it is the domain",
        "48*d^2",
        False,
        "a block has three matrices: 48 * 3d^2, three times as much; 590K for one at d = 768 is"
        " one d^2 of 1.77 M (T15)",
    ),
    Part("value head", ("lm.idme.*",), "d + 64*(d + 2)", "", None, "ours: scores a candidate"),
)
# Rows of the printed table that have no parameters in the model.
OUTSIDE = (
    Row("LEANN embeddings", "0", 0, "MiniLM 384d", None, "the weights of another model"),
    Row("Titans", "see Titans", 0, "384->2048->384", None, "1,572,864, in the hub and not the LM"),
    Row("RoPE", "0", 0, "32K tables", None, "made as they are needed"),
)


def table(config: TarsConfig) -> list[Row]:
    """Count the parameters of a config part by part, without making them; the total comes last.

    Source:
        design 10.1, 2.1, 3.3, 7.5; errata T13 to T16 and T45.

    >>> rows = table(TarsConfig())
    >>> sum(row.count for row in rows[:-1]) == rows[-1].count
    True
    """
    with torch.device("meta"):
        sizes = {name: x.numel() for name, x in Tars(config).named_parameters()}
    counts = dict.fromkeys([part.name for part in PARTS], 0)
    for name, size in sizes.items():
        counts[_part(name).name] += size
    rows = [Row(part.name, part.formula, counts[part.name], *part[3:]) for part in PARTS]
    return [*rows, *OUTSIDE, _total(sum(sizes.values()))]


def ternary_bytes(count: int, bits: float = 1.58) -> int:
    """Bytes of `count` weights of `bits` bits each.

    >>> ternary_bytes(10**9), ternary_bytes(130 * 10**6)
    (197500000, 25675000)
    """
    return round(count * bits / 8)


def _part(name: str) -> Part:
    return next(part for part in PARTS if any(fnmatchcase(name, glob) for glob in part.globs))


def _total(count: int) -> Row:
    packed = ternary_bytes(count) / 1e6
    note = (
        f"all of them in 1.58 bits would be {packed:,.0f} MB. The design says 630 MB for 1 B, which"
        " makes 198 (250 in 2 bits), and 60 for 130 M, which makes 26 (T45)"
    )
    return Row("total", "the sum of all rows", count, "~1B+", False, note)
