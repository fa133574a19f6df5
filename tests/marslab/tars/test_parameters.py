"""The table of parameters: every row by its formula, and what the design prints by its own."""

import pytest
import torch

from marslab.config import override, read
from marslab.presets import read_preset
from marslab.systems.registry import build
from marslab.systems.tars.config import TarsConfig
from marslab.systems.tars.parameters import Row, table, ternary_bytes
from marslab.systems.tars.reflex import ReflexConfig, ReflexCore

from tars_models import SMALL


def rows(config: TarsConfig) -> dict[str, Row]:
    return {row.part: row for row in table(config)}


def preset(name: str) -> TarsConfig:
    return read(TarsConfig, read_preset(name)["config"])


def by_formula(c: TarsConfig) -> dict[str, int]:
    """The formulas of the rows, worked out by hand."""
    d, M, W, b = c.d_model, c.thought.memory_dim, c.waves.count, c.block
    N, H, K, n, q = b.core.d_state, b.core.heads, b.core.d_conv, b.omega.n, b.omega.rank
    E, r, F, V, P = len(b.mole.experts), b.mole.rank, c.draft.hidden, c.vocabulary, c.idme.blocks
    code, h, low = b.omega.code_dim, d // 2, c.idme.rank
    return {
        "reflex": sum(p.numel() for p in ReflexCore(c.reflex).parameters()),
        "embedding = head": V * d,
        "core": 2 * W * (d * (12 * d + 2 * N + H) + (d + 2 * N) * (K + 1) + 3 * H + 7 * d),
        "VQ": 2 * code * d + code + 1,
        "Omega": (n * (n - 1) // 2 if q is None else 2 * q * n) * (d + 1) + 1,
        "MoLE": 2 * W * (2 * E * r * d + E * (2 * d + 1) + 1),
        "NoveltyGate": 2 * W * (h * (2 * d + 1) + h + 1),
        "memory injection": 2 * d * M + d + M + 1,
        "WaveGate": W * (2 * d + 1),
        "WaveMerge": W * (3 * d * d + 2 * d),
        "spine": d + M * (d + 1),
        "chain": d + M * (d + 1) + W * M + 5 * M * M + 3 * M,
        "draft head": F * (2 * d + 1) + V * (F + 1) + c.draft.length * F,
        "halting": 2 * d + 1,
        "read-out": d * M + d,
        "pool": P * ((3 * d * d if low is None else 4 * d * low) + 4 * d),
        "value head": d + 64 * (d + 2),
    }


@pytest.mark.parametrize("name", ["tars-mini", "tars-base", "tars-1b", "tars-2048"])
def test_each_row_is_its_formula_and_all_make_the_total(name: str) -> None:
    config = preset(name)
    found = rows(config)
    assert {part: found[part].count for part in by_formula(config)} == by_formula(config)
    with torch.device("meta"):
        whole = sum(p.numel() for p in build(name).parameters())
    assert found["total"].count == whole == sum(by_formula(config).values())


@pytest.mark.parametrize(
    "change",
    [
        {"waves.tied": True},
        {"waves.layout": "sequence"},
        {"block.omega.shared": False, "block.injection.shared": False},
        {"block.omega.recurrent": True},
        {"block.core.enabled": False, "idme.enabled": False, "draft.enabled": False},
        {"block.mole.added": ["chess"]},
    ],
    ids=str,
)
def test_no_parameter_is_without_a_row(change: dict) -> None:
    *parts, total = table(override(TarsConfig(), SMALL | change))
    assert sum(row.count for row in parts) == total.count


def test_what_the_design_prints_by_its_own_formulas() -> None:
    d = 2048
    assert 12 * (2 * d * d + d) == 100_687_872  # "~100M" follows, the formula is short of d^2 + d
    assert 12 * (2 * d + 1) == 49_164  # "~50K"
    assert 6 * (2 * 768**2 + 768 + 2 * 768 + 1) == 7_091_718 != 7_085_574
    assert 6 * (3 * 768**2 + 2 * 768 + 2 * 768 + 1) == 10_635_270
    printed = ReflexConfig(form="printed", task_head=False, complexity_head=False)
    assert sum(p.numel() for p in ReflexCore(printed).parameters()) == 25_159
    assert ternary_bytes(10**9) == 197_500_000 and ternary_bytes(130 * 10**6) == 25_675_000
    found = rows(preset("tars-2048"))
    assert found["WaveMerge"].count == 12 * (3 * d * d + 2 * d)
    assert found["WaveGate"].count == 49_164 and found["WaveGate"].follows
    assert found["reflex"].count == 25_159 and found["reflex"].follows is False
    assert found["pool"].count > 3 * 48 * d * d and found["pool"].follows is False
    for number in ("7,085,574", "7,091,718", "10,635,270"):
        assert number in found["WaveMerge"].note
