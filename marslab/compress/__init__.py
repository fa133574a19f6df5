"""Smaller weights."""

from marslab.compress.int8 import Int8Linear, to_bfloat16, to_int8
from marslab.compress.ternary import PackedTernaryLinear, TernaryLinear, pack, to_ternary

__all__ = [
    "Int8Linear",
    "PackedTernaryLinear",
    "TernaryLinear",
    "pack",
    "to_bfloat16",
    "to_int8",
    "to_ternary",
]
