"""MARS's printed megabytes, beside what a model of the printed sizes takes up."""

from marslab.lab.claims.outcome import Outcome
from marslab.systems.registry import build

PRESET, PRINTED_MB = "mars-v4", 100.0
CLASSES, DIM = 1000, 10_000  # of the printed hypervectors, float32


def megabytes() -> Outcome:
    """Weights and memory of the preset mars-v4 (erratum M41); what a pass works in is left out."""
    model = build(PRESET)
    parameters = {name: p.numel() for name, p in model.named_parameters()}
    kept = sum(x.numel() * x.element_size() for x in model.buffers())
    total = sum(parameters.values())
    of_memory = sum(n for name, n in parameters.items() if name.startswith("memory."))
    found = (4 * total + kept) / 1e6
    figures = {
        "off_by_a_factor": max(found / PRINTED_MB, PRINTED_MB / found),
        "float32_mb": found,
        "int8_mb": (total + kept) / 1e6,
        "memory_mb": (4 * of_memory + kept) / 1e6,
        "printed_hypervectors_mb": 4 * CLASSES * DIM / 1e6,
        "parameters": total,
    }
    says = (
        f"Built with the printed sizes MARS has {total / 1e6:.1f} M parameters: {found:.0f} MB in "
        f"float32, {figures['int8_mb']:.0f} MB in 8 bits; {figures['memory_mb']:.0f} MB of the "
        f"former are its memory. The printed hypervectors alone are "
        f"{figures['printed_hypervectors_mb']:.0f} MB."
    )
    return Outcome(figures, says)
