"""The presets of TARS: their sizes, and that what they build runs."""

import pytest
import torch

from marslab.config import read
from marslab.presets import read_preset
from marslab.systems.registry import build
from marslab.systems.tars.config import TarsConfig
from marslab.systems.tars.system import Tars

SIZES = {  # parameters: at least, at most
    "tars-mini": (3.0e6, 4.0e6),
    "tars-base": (1.0e8, 1.4e8),
    "tars-1b": (0.98e9, 1.05e9),
    "tars-2048": (2.0e9, 2.2e9),
}


@pytest.mark.parametrize("name", SIZES)
def test_the_sizes_counted_without_memory(name: str) -> None:
    with torch.device("meta"):
        model = build(name)
    assert isinstance(model, Tars)
    least, most = SIZES[name]
    assert least <= sum(p.numel() for p in model.parameters()) <= most


@pytest.mark.parametrize(
    ("name", "width", "waves"),
    [("tars-mini", 28, 6), ("tars-base", 64, 6), ("tars-1b", 64, 12), ("tars-2048", 64, 12)],
)
def test_waves_and_head_widths(name: str, width: int, waves: int) -> None:
    config = read(TarsConfig, read_preset(name)["config"])
    assert config.d_model // config.block.core.heads == width
    assert config.waves.count == waves


def test_the_small_one_fits_its_file_and_speaks() -> None:
    torch.manual_seed(0)
    model = build("tars-mini").eval()
    assert isinstance(model, Tars)
    assert 2 * sum(x.numel() for x in model.parameters()) <= 8e6  # bytes of bfloat16
    assert model.lm(torch.tensor([[2, 50, 43]])).shape == (1, 3, 256)
    assert model.ask("2+2=?", max_bytes=2, reflexes=False).tier in ("brain", "omega")


def test_a_model_is_made_where_and_as_asked() -> None:
    with torch.device("meta"):
        assert {x.device.type for x in build("tars-1b").parameters()} == {"meta"}
