"""TARS's first tier: how many numbers it has, how fast it reads, and how much memory it takes."""

import time
from statistics import median

import psutil
import torch

from marslab import workers
from marslab.lab.claims.outcome import Outcome
from marslab.lab.claims.runs.tars_sizes import count
from marslab.systems.registry import build
from marslab.systems.tars.reflex import LONGEST, ReflexConfig, ReflexCore

PRINTED = ReflexConfig(form="printed", task_head=False, complexity_head=False)
PHRASES = ("привет", "включи свет в спальне", "как дела", "which time is it?", "объясни ООП")
READS = 2000


def size() -> Outcome:
    """Parameters of the printed form, of its embedding alone, and of ours."""
    with torch.device("meta"):
        printed, ours = ReflexCore(PRINTED), build("tars-reflex")
    figures = {
        "parameters_of_the_printed_form": count(printed),
        "parameters_of_its_embedding": printed.embed.weight.numel(),
        "parameters_of_ours": count(ours),
    }
    says = (
        f"256 x 64 = {figures['parameters_of_its_embedding']:,} is the embedding alone. With the "
        f"MinGRU and the two heads the printed form has {count(printed):,}. Ours, which sees "
        f"several bytes at a time and has four heads, has {count(ours):,}."
    )
    return Outcome(figures, says)


def latency() -> Outcome:
    """Milliseconds from a text to what the reflex makes of it, one text at a time."""
    reflex, longest = _made(), "а" * LONGEST
    short = _milliseconds(reflex, [PHRASES[at % len(PHRASES)] for at in range(READS)])
    long = _milliseconds(reflex, [longest] * (READS // 10))
    figures = {
        "ms_p99": _p99(short),
        "ms_p50": median(short),
        "ms_p99_longest": _p99(long),
        "reads": READS,
    }
    says = (
        f"Half of {READS:,} short texts were read within {figures['ms_p50']:.2f} ms, 99 % within "
        f"{figures['ms_p99']:.2f} ms; of texts of {LONGEST} bytes, the most it looks at, 99 % "
        f"within {figures['ms_p99_longest']:.2f} ms. The weights are random: time does not depend "
        "on them."
    )
    return Outcome(figures, says)


def memory() -> Outcome:
    """Bytes of the reflex's weights, and of a fresh process that holds nothing but it."""
    reflex = _made()
    tensors = (*reflex.parameters(), *reflex.buffers())
    figures = {
        "weights_mb": sum(x.numel() * x.element_size() for x in tensors) / 1e6,
        "process_mb": workers.run(_resident, [PHRASES], workers=1)[0] / 1e6,
    }
    says = (
        f"The weights take {figures['weights_mb']:.2f} MB in float32. The process that reads with "
        f"them takes {figures['process_mb']:,.0f} MB, nearly all of it Python and torch. The "
        "design does not say which is meant."
    )
    return Outcome(figures, says)


def _resident(phrases: tuple[str, ...]) -> int:
    """Bytes that this process has in memory after reading a few texts."""
    _made().read(phrases)
    return psutil.Process().memory_info().rss


def _made() -> ReflexCore:
    torch.manual_seed(0)
    reflex = build("tars-reflex").eval()
    assert isinstance(reflex, ReflexCore)
    return reflex


def _milliseconds(reflex: ReflexCore, texts: list[str]) -> list[float]:
    reflex.read(texts[:5])
    taken = []
    for text in texts:
        began = time.perf_counter()
        reflex.read([text])
        taken.append(1e3 * (time.perf_counter() - began))
    return taken


def _p99(values: list[float]) -> float:
    return sorted(values)[-1 - len(values) // 100]
