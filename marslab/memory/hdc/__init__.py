"""Hyperdimensional memory: wide random vectors that are bound, added and found again."""

from marslab.memory.hdc.binding import Phasors, bind, unbind, unitary
from marslab.memory.hdc.capacity import (
    band,
    capacity,
    expected_accuracy,
    expected_cosine,
    kept,
    rejection_cosine,
)
from marslab.memory.hdc.cleanup import Cleaned, cleanup, cosines
from marslab.memory.hdc.complex_scan import ComplexScan
from marslab.memory.hdc.encoders import NgramEncoder, ProjectionEncoder, RecordEncoder
from marslab.memory.hdc.measuring import StoredPairs, measured_accuracy, seeded, store_pairs
from marslab.memory.hdc.prototypes import Prototypes
from marslab.memory.hdc.quantization import Packed, dequantize, fake_quantize, quantize
from marslab.memory.hdc.superposition import HolographicConfig, HolographicMemory

__all__ = [
    "Cleaned",
    "ComplexScan",
    "HolographicConfig",
    "HolographicMemory",
    "NgramEncoder",
    "Packed",
    "Phasors",
    "ProjectionEncoder",
    "Prototypes",
    "RecordEncoder",
    "StoredPairs",
    "band",
    "bind",
    "capacity",
    "cleanup",
    "cosines",
    "dequantize",
    "expected_accuracy",
    "expected_cosine",
    "fake_quantize",
    "kept",
    "measured_accuracy",
    "quantize",
    "rejection_cosine",
    "seeded",
    "store_pairs",
    "unbind",
    "unitary",
]
