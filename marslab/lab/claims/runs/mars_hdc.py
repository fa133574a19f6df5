"""MARS's hyperdimensional memory: what is learned, what one vector holds, what the print reads."""

from statistics import mean

import torch
import torch.nn.functional as F
from torch import Tensor

from marslab.lab.claims.outcome import Outcome
from marslab.learning.hdc import hdc_table
from marslab.learning.hdc_plan import Method
from marslab.memory.hdc import (
    HolographicConfig,
    HolographicMemory,
    bind,
    expected_accuracy,
    unbind,
    unitary,
)
from marslab.memory.hdc.superposition import PRINTED

CLASSES, DIM = 1000, 10_000  # the design's
TRAINED, NARROW, SEEDS = 256, 16, (0, 1, 2)  # widths and seeds of the classifiers
METHODS: tuple[Method, ...] = ("centroid", "online", "prototypes", "trainable")


def trainable_encoder() -> Outcome:
    """Held-out digits by what of a classifier is learned, 256 numbers of 8 bits; then 16."""
    share, narrow = (_classified(dim) for dim in (TRAINED, NARROW))
    figures = {f"accuracy_{method}": share[method] for method in METHODS}
    figures["gain_over_a_centroid"] = share["trainable"] - share["centroid"]
    figures["gain_over_trained_classes"] = share["trainable"] - share["prototypes"]
    figures["gain_at_16_numbers"] = narrow["trainable"] - narrow["centroid"]
    says = (
        f"Of 360 held-out digits, a random encoder of {TRAINED} numbers with added-up classes gets "
        f"{share['centroid']:.1%}, with mistakes corrected {share['online']:.1%}, with classes "
        f"trained by gradient {share['prototypes']:.1%}; a trained encoder gets "
        f"{share['trainable']:.1%}. At {NARROW} numbers it is {narrow['centroid']:.1%} and "
        f"{narrow['trainable']:.1%}: a trained encoder buys width."
    )
    return Outcome(figures, says)


def one_vector() -> Outcome:
    """1,000 pairs in one vector of 10,000 numbers, and in as many banks as theory asks for."""
    torch.manual_seed(1)  # not the seed of the keys: they would be the values
    values = torch.randn(CLASSES, DIM)
    fidelity = {n: _fidelity(values[:n]) for n in (10, 100, CLASSES)}
    one, banks = (_recalled(values, HolographicConfig(banks=count)) for count in (1, 0))
    figures = {
        "found_of_1000": one,
        "found_of_1000_by_theory": expected_accuracy(CLASSES, CLASSES, DIM),
        "found_with_banks": banks,
        "banks": _memory(HolographicConfig()).banks,
        **{f"cosine_at_{n}": cosine for n, cosine in fidelity.items()},
    }
    says = (
        f"Read from one vector, the value of one of 1,000 pairs has the cosine "
        f"{fidelity[CLASSES]:.3f} with itself, about 1 / sqrt(n); cleaned up against all 1,000, "
        f"{one:.0%} are found, by theory {figures['found_of_1000_by_theory']:.0%}. In "
        f"{figures['banks']} banks {banks:.1%} are."
    )
    return Outcome(figures, says)


def printed_retrieve() -> Outcome:
    """One pair stored and asked for: the printed line, the right order, and unitary keys."""
    torch.manual_seed(0)
    key, value = torch.randn(8, DIM), torch.randn(8, DIM)
    memory = bind(key, value)
    printed = torch.fft.ifft(torch.fft.fft(key) * torch.fft.fft(memory).conj()).real
    figures = {
        "cosine_printed": _cosine(printed, value),
        "cosine_printed_with_the_reversed": _cosine(printed, value.flip(-1).roll(1, -1)),
        "cosine_right_order": _cosine(unbind(key, memory), value),
        "cosine_unitary_key": _cosine(unbind(unitary(key), bind(unitary(key), value)), value),
    }
    says = (
        "The printed line conjugates the memory in place of the query: it returns the value "
        f"backwards (cosine {figures['cosine_printed']:.2f} with the value, "
        f"{figures['cosine_printed_with_the_reversed']:.2f} with its reversal). In the right order "
        f"{figures['cosine_right_order']:.2f}; with a unitary key "
        f"{figures['cosine_unitary_key']:.2f}."
    )
    return Outcome(figures, says)


def eight_bits() -> Outcome:
    """The printed quantisation on its complex memory, its gradient, and what 8 bits take here."""
    torch.manual_seed(0)
    x = torch.randn(DIM, requires_grad=True)
    scale = x.detach().abs().max() / 127
    (torch.round(x / scale) * scale).sum().backward()
    ours, plain = (_memory(HolographicConfig(bits=bits, banks=1)) for bits in (8, 32))
    value = torch.randn(64, DIM)
    for memory in (ours, plain):
        memory.write(torch.arange(64), value)
    assert x.grad is not None
    figures = {
        "runs_on_the_printed_memory": float(_rounds(torch.zeros(4, dtype=torch.complex64))),
        "share_of_numbers_with_a_gradient": (x.grad != 0).double().mean().item(),
        "bytes_a_number_printed": torch.zeros(1, dtype=torch.complex64).element_size(),
        "bytes_a_number_ours": ours.kept_bytes / DIM,
        "cosine_of_8_bits_with_32": _cosine(ours.kept(), plain.kept()),
    }
    says = (
        "The printed memory is complex, and torch rounds no complex numbers: it stops with an "
        "error. On real ones its training form has a gradient of 0 everywhere, and its inference "
        "form returns floats. Packed here, 8 bits take "
        f"{figures['bytes_a_number_ours']:.3f} bytes a number and keep the cosine "
        f"{figures['cosine_of_8_bits_with_32']:.4f}."
    )
    return Outcome(figures, says)


def _classified(dim: int) -> dict[Method, float]:
    """Mean held-out share of each method over the seeds."""
    rows: list[dict] = []
    hdc_table("digits", dims=[dim], bits=[8], methods=METHODS, seeds=SEEDS, on_row=rows.append)
    return {m: mean(row["held_out"] for row in rows if row["method"] == m) for m in METHODS}


def _memory(config: HolographicConfig) -> HolographicMemory:
    return HolographicMemory(CLASSES, DIM, config)


def _fidelity(values: Tensor) -> float:
    """Mean cosine of what is read with what was written, by the printed keys rightly unbound."""
    memory, key = _memory(PRINTED), torch.arange(len(values))
    memory.write(key, values)
    return _cosine(memory.read(key), values)


def _recalled(values: Tensor, config: HolographicConfig) -> float:
    memory, key = _memory(config), torch.arange(CLASSES)
    memory.write(key, values)
    found = [memory.recall(part, values, false_accept=1.0).index for part in key.split(100)]
    return (torch.cat(found) == key).double().mean().item()


def _rounds(x: Tensor) -> bool:
    try:
        torch.round(x)
    except RuntimeError:
        return False
    return True


def _cosine(a: Tensor, b: Tensor) -> float:
    return mean(F.cosine_similarity(a.detach(), b.detach(), dim=-1).tolist())
