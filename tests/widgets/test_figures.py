"""Figures are pure functions of their data, and say what is on their axes."""

from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
import torch

from marslab.widgets.figures import (
    COLOURS,
    chunk_steps,
    hamming_distances,
    matrix_heatmap,
    products,
    roofline,
    scan_lines,
    similarity_bars,
    solve_sweeps,
    spread,
    state_heatmap,
    storage_bars,
    times_of_floor,
    timing_bars,
    weight_levels,
)
from marslab.widgets.figures.sequence import plain, thin

H = torch.randn(2, 30, 8, generator=torch.Generator().manual_seed(0))
MAKERS = {
    "lines": lambda **look: scan_lines(H, H, H.abs(), **look),
    "heatmap": lambda **look: state_heatmap(H, **look),
    "times": lambda **look: timing_bars({"naive": [90.0, 100.0], "numba": 1.0}, 0.5, **look),
    "roofline": lambda **look: roofline({"numba": (2e6, 12e6, 1e-3)}, 2e10, 3e11, **look),
    "matrix": lambda **look: matrix_heatmap(H[0], **look),
    "chunks": lambda **look: chunk_steps(H[0, :3], H, 10, **look),
    "sweeps": lambda **look: solve_sweeps([1, 2, 3], [0.1, 1e-4, 0.0], 1e-6, **look),
    "similarity": lambda **look: similarity_bars([0.9, 0.1], 0, chance=0.1, **look),
    "distances": lambda **look: hamming_distances([3, 9], [0], 16, flipped=0.2, **look),
    "levels": lambda **look: weight_levels(H[0].sign(), **look),
    "products": lambda **look: products(H[0], H[1], **look),
    "floors": lambda **look: times_of_floor([("fwd", "triton", "ours", 0.2, 1.1)], **look),
    "storage": lambda **look: storage_bars({"float32": 4096, "packed": 256}, "packed", **look),
}


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("dark", [False, True])
def test_same_data_gives_the_same_figure(kind: str, dark: bool) -> None:
    assert MAKERS[kind](dark=dark) == MAKERS[kind](dark=dark)


@pytest.mark.parametrize("kind", MAKERS)
def test_every_figure_has_a_height_and_says_what_its_axes_are(kind: str) -> None:
    layout = MAKERS[kind](height=321).to_plotly_json()["layout"]
    assert layout["height"] == 321
    assert "(" in _last(layout, "xaxis")["title"]["text"]  # the unit
    assert layout["yaxis"]["title"]["text"]
    assert "$" not in str(layout)  # LaTeX would show raw


def _last(layout: dict[str, Any], axis: str) -> dict[str, Any]:
    return layout[max(name for name in layout if name.startswith(axis))]


@pytest.mark.parametrize("kind", MAKERS)
def test_ink_stands_out_from_paper_in_both_looks(kind: str) -> None:
    for dark in (False, True):
        layout = MAKERS[kind](dark=dark).layout
        assert _contrast(layout.font.color, layout.paper_bgcolor) > 7  # WCAG AAA


def _contrast(one: str, other: str) -> float:
    def light(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))

    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


def test_lines_carry_the_states_of_the_chosen_channels() -> None:
    fig = scan_lines(H, channels=[1, 6], labels=["<b>one</b>", "six"])
    assert np.allclose(_trace(fig, 0).y, H[0, :, 1])
    assert np.allclose(_trace(fig, 1).y, H[0, :, 6])
    assert _trace(fig, 0).name == "&lt;b&gt;one&lt;/b&gt;"


def test_heat_map_carries_every_state_with_time_to_the_right() -> None:
    assert np.allclose(np.asarray(_trace(state_heatmap(H), 0).z), H[0].T)


def test_a_matrix_is_drawn_as_it_is_written() -> None:
    fig = matrix_heatmap(H[0], row_labels=["<b>"] * 30, column_labels=["<i>"] * 8)
    assert np.allclose(np.asarray(_trace(fig, 0).z), H[0])
    layout: Any = fig.layout
    assert layout.yaxis.autorange == "reversed" and layout.yaxis.ticktext is None  # no room
    assert layout.xaxis.ticktext[0] == "&lt;i&gt;"


def test_the_levels_of_two_chunks_are_not_connected() -> None:
    fig = chunk_steps(torch.tensor([[1.5], [3.5]]), torch.arange(5.0)[:, None], 2)
    level = _trace(fig, 1)
    assert np.array_equal(level.x, [-0.5, 1.5, 1.5, 1.5, 3.5, 3.5])
    assert np.array_equal(level.y, [1.5, 1.5, np.nan, 3.5, 3.5, np.nan], equal_nan=True)


def test_what_is_looked_for_stands_out() -> None:
    right, others = _traces(similarity_bars([0.1, 0.9, 0.2], wanted=1))
    assert (right.x, right.y) == ((1,), (0.9,)) and others.x == (0, 2)
    near, far = _traces(hamming_distances([9, 3, 8, 1], [3, 1], 16))
    assert near.x == (3, 1) and near.y == (1, 3) and far.y == (9, 8)
    assert near.marker.color != far.marker.color


def test_a_large_codebook_is_drawn_as_dots() -> None:
    assert {t.type for t in _traces(hamming_distances(list(range(300)), [0], 600))} == {"scatter"}


def test_a_residual_of_zero_has_a_place_on_a_log_axis() -> None:
    line = _trace(solve_sweeps([1, 2], [1e-3, 0.0], 1e-6), 0)
    assert line.y == (1e-3, 1e-7) and line.customdata == (1e-3, 0.0)


def test_weights_have_three_colours_and_bytes_the_length_of_a_bar() -> None:
    levels = _trace(weight_levels(torch.tensor([[-1, 0, 1]])), 0)
    assert (levels.zmin, levels.zmax) == (-1.5, 1.5) and len({c for _, c in levels.colorscale}) == 3
    assert _trace(storage_bars({"a": 2048, "b": 512}, "b"), 0).x == (2.0, 0.5)
    assert np.allclose(_trace(products(H[0], H[1]), 1).y, H[0].flatten())


def test_bars_end_at_the_median_and_the_floor_is_drawn() -> None:
    fig = timing_bars({"naive": [4.0, 1.0, 2.0], "numba": 1.0}, 0.5)
    bars = [trace for trace in _traces(fig) if trace.type == "bar"]
    assert [bar.x[0] for bar in bars] == [2.0, 1.0]
    assert [bar.marker.color for bar in bars] == [COLOURS["naive"], COLOURS["numba"]]
    assert fig.layout.shapes[0].x0 == 0.5


def test_far_apart_times_go_on_a_log_axis() -> None:
    assert timing_bars({"naive": 100.0, "numba": 1.0}).layout.xaxis.type == "log"
    assert timing_bars({"naive": 2.0, "numba": 1.0}).layout.xaxis.type is None


def test_roofline_puts_a_run_at_its_intensity_and_rate() -> None:
    fig = roofline({"numba": (2e6, 12e6, 1e-3)}, bandwidth=2e10, peak=3e11)
    point = _trace(fig, 1)
    assert point.x[0] == pytest.approx(1 / 6)
    assert point.y[0] == pytest.approx(2.0)  # GFLOP/s
    assert max(_trace(fig, 0).y) == pytest.approx(300.0)


def test_a_thinned_line_keeps_its_spikes() -> None:
    line = np.zeros(100_000)
    line[77_777], line[33_333] = 5.0, -3.0
    steps, values = thin(line)
    assert len(values) <= 2000 and values.max() == 5.0 and values.min() == -3.0
    assert np.all(np.diff(steps) >= 0) and np.array_equal(line[steps], values)


@pytest.mark.parametrize("shape", [(0, 4), (1, 1), (0, 3, 2), (2, 0, 3)])
def test_small_and_empty_sequences_are_drawn(shape: tuple[int, ...]) -> None:
    scan_lines(torch.zeros(shape))
    state_heatmap(torch.zeros(shape))


def test_what_cannot_be_drawn_is_refused_in_one_sentence() -> None:
    with pytest.raises(ValueError, match=r"takes \[L, D\] or \[B, L, D\], got shape \[3\]"):
        plain([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="real numbers, got complex ones; pass h.real"):
        plain(torch.zeros(2, 2, dtype=torch.complex64))


def test_bfloat16_can_be_drawn() -> None:
    assert plain(H.bfloat16()).dtype == np.float64


@pytest.mark.parametrize(("width", "n", "expected"), [(1, 5, [0]), (3, 5, [0, 1, 2]), (9, 1, [0])])
def test_spread_never_asks_for_more_than_there_is(width: int, n: int, expected: list[int]) -> None:
    assert spread(width, n) == expected


def _traces(fig: Any) -> list[Any]:
    return list(fig.data)


def _trace(fig: go.Figure, index: int) -> Any:
    return _traces(fig)[index]


def test_labels_that_do_not_fit_are_told() -> None:
    with pytest.raises(ValueError, match="labels must name the 2 channels drawn, got 1"):
        scan_lines(torch.zeros(4, 3), channels=[0, 1], labels=["a"])
