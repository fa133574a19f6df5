"""Rows on a small machine: right ones get a figure, wrong and missing ones a sentence."""

import os
import re
from dataclasses import replace
from importlib.util import find_spec
from typing import NoReturn

import pytest
import torch

from marslab.kernels import linear_scan, roofline
from marslab.lab.bench import measure, ops, timing
from marslab.lab.bench.cases import BOTH, FORWARD, Case
from marslab.lab.bench.forms import PLAIN, part
from marslab.lab.bench.measure import Who
from marslab.lab.bench.ops import linear_scan as scans
from marslab.lab.bench.ops.linear_scan import CHANNELS_FIRST, LOG_DECAY
from marslab.lab.bench.variants import Variant, peer, stdout_to_stderr

CASE = Case("linear_scan", {"B": 2, "L": 32, "D": 4}, "float32", FORWARD)
BED = timing.Bed("cpu", torch.device("cpu"), roofline.watch)
pytestmark = pytest.mark.usefixtures("small")


def reference(a, b):
    return linear_scan(a, b, backend="torch")


def a_peer(load=lambda: reference, form=PLAIN, needs="torch", **about) -> Variant:
    return peer("a peer", needs, "cpu", load, form=form, install="a-peer", **about)


def measured(monkeypatch, one: Variant, case: Case = CASE, seconds: float = 60.0):
    kept = tuple(v for v in scans.OP.variants if v.name in ("torch", "torch.add"))
    monkeypatch.setattr(scans, "OP", replace(scans.OP, variants=(*kept, one)))
    row = measure.measure(case, BED, 2, "a machine", seconds)
    return {f.name: f for f in row.figures}, {a.name: a for a in row.absent}


@pytest.mark.parametrize("direction", [FORWARD, BOTH])
@pytest.mark.parametrize(
    "form, scan",
    [
        (PLAIN, reference),
        (CHANNELS_FIRST, lambda x, y: reference(x.mT, y.mT).mT),
        (LOG_DECAY, lambda x, y: reference(x.exp(), y)),
    ],
)
def test_a_right_peer_is_timed_in_its_own_form(monkeypatch, form, scan, direction) -> None:
    case = replace(CASE, direction=direction)
    figures, absent = measured(monkeypatch, a_peer(lambda: scan, form), case)
    assert not absent
    assert figures["a peer"].kind == "peer"
    assert figures["a peer"].error == pytest.approx(0, abs=1e-6)
    assert figures["a peer"].note == torch.__version__
    assert ("torch.add" in figures) == (direction == FORWARD)


def test_a_wrong_result_is_named_and_not_timed(monkeypatch) -> None:
    # right but for the last step of the last batch row
    def scan(a, b):
        h = reference(a, b).clone()
        h[-1, -1] += 1
        return h

    figures, absent = measured(monkeypatch, a_peer(lambda: scan))
    assert "a peer" not in figures
    assert "wrong result: relative error" in absent["a peer"].reason
    assert absent["a peer"].failed


@pytest.mark.parametrize(
    "scan",
    [lambda a, b: reference(a.detach(), b) + 0 * a, lambda a, b: reference(a, b.detach()) + 0 * b],
)
def test_a_wrong_gradient_is_named(monkeypatch, scan) -> None:
    _, absent = measured(monkeypatch, a_peer(lambda: scan), replace(CASE, direction=BOTH))
    assert "wrong result" in absent["a peer"].reason


def test_nan_is_wrong(monkeypatch) -> None:
    _, absent = measured(monkeypatch, a_peer(lambda: lambda a, b: b * float("nan")))
    assert "relative error nan" in absent["a peer"].reason


def test_a_missing_peer_is_named_with_its_remedy(monkeypatch) -> None:
    _, absent = measured(monkeypatch, a_peer(needs="no-such-distribution"))
    assert absent["a peer"].reason == "not installed: pip install a-peer"
    assert not absent["a peer"].failed


def test_a_peer_that_cannot_be_loaded_is_tried_once(monkeypatch) -> None:
    tries = []

    def load() -> NoReturn:
        tries.append(1)
        raise RuntimeError("no compiler\nand more lines")

    one = a_peer(load)
    _, absent = measured(monkeypatch, one)
    assert re.search("cannot be loaded: RuntimeError: no compiler$", absent["a peer"].reason)
    measured(monkeypatch, one)
    assert tries == [1]


def test_a_peer_that_breaks_is_named(monkeypatch) -> None:
    def scan(a, b) -> NoReturn:
        raise MemoryError

    _, absent = measured(monkeypatch, a_peer(lambda: scan))
    assert absent["a peer"].reason == "failed: MemoryError: no message"


def test_too_little_memory_is_no_failure(monkeypatch) -> None:
    def scan(a, b) -> NoReturn:
        raise torch.OutOfMemoryError("CUDA out of memory")

    _, absent = measured(monkeypatch, a_peer(lambda: scan))
    assert absent["a peer"].reason == "it needs more memory than the device has"
    assert not absent["a peer"].failed


def test_what_is_not_begun_in_time_is_left_out(monkeypatch) -> None:
    figures, absent = measured(monkeypatch, a_peer(), seconds=-1.0)
    assert not figures
    assert absent["a peer"].reason == "not run: the -1 s for this row were over"
    assert not absent["a peer"].failed


def test_risky_variants_are_measured_apart(monkeypatch) -> None:
    figures, absent = measured(monkeypatch, a_peer(risky=True))
    assert "a peer" not in {**figures, **absent}
    row = measure.measure(CASE, BED, 1, "a machine", 60.0, Who(risky=True))
    assert [figure.name for figure in row.figures] == ["a peer"]


def test_rows_that_a_peer_does_not_do_are_named() -> None:
    by_name = {one.name: one for one in scans.OP.variants}
    odd, long = (replace(CASE, sizes={"B": 2, "L": L, "D": 4}) for L in (48, 4096))
    assert "powers of two" in by_name["accelerated-scan warp"].unfit(odd)
    assert by_name["accelerated-scan warp"].unfit(CASE) == ""
    assert by_name["numpy loop"].unfit(replace(CASE, direction=BOTH)) == "it has no gradient"
    assert by_name["scipy lfilter"].unfit(replace(CASE, dtype="bfloat16")).startswith("numpy has")
    assert by_name["torch associative_scan"].unfit(long)
    absent = measure.gather(scans.OP, replace(CASE, direction=BOTH), "cpu")[1]
    assert {gone.name for gone in absent} == {"numpy loop", "scipy lfilter"}  # no yardstick


def test_the_peers_of_a_cpu_are_right() -> None:
    row = measure.measure(CASE, BED, 1, "a machine", 60.0)
    figures = {f.name: f for f in row.figures}
    assert {"numba", "torch", "naive", "numpy loop", "torch.add"} <= set(figures)
    assert all(f.error < 1e-6 for f in row.figures if f.error is not None)
    assert ("scipy lfilter" in figures) == (find_spec("scipy") is not None)
    assert not [a for a in row.absent if a.failed]


def test_the_floor_is_the_longer_of_moving_and_working(monkeypatch) -> None:
    cost = scans.OP.cost((2, 32, 4), 4)
    floor = measure.floor(scans.OP, CASE, "cpu")
    assert floor == (pytest.approx(cost.bytes / 1e9 * 1e3), "memory")
    monkeypatch.setattr(roofline, "_matmul_rate", lambda device, dtype: 1e6)
    floor = measure.floor(scans.OP, CASE, "cpu")
    assert floor == (pytest.approx(cost.flops / 1e6 * 1e3), "arithmetic")


def test_a_cpu_works_on_16_bits_in_float32() -> None:
    assert measure.worker("cpu", torch.bfloat16) == torch.float32
    assert measure.worker("cpu", torch.float64) == torch.float64
    assert measure.worker("cuda", torch.bfloat16) == torch.bfloat16


def test_a_part_reaches_across_the_whole() -> None:
    x = torch.arange(2 * 3 * 10).view(2, 3, 10)
    cut = part(x, "BLD", {"B": 1, "D": 4})
    assert torch.equal(cut, x[-1:, :, 1::2])
    assert part(x, "BLD", {"D": 99}) is x


def test_inputs_repeat_and_are_within_their_law() -> None:
    first, second = (scans.OP.draw(CASE, torch.device("cpu")) for _ in range(2))
    assert torch.equal(first[1], second[1])
    assert first[1].std() > 0.5
    low, high = scans.DECAYS
    assert first[0].min() >= low
    assert first[0].max() <= high


def test_drawing_leaves_the_generator_as_it_was() -> None:
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    ops.find("linear_scan").draw(CASE, torch.device("cpu"))
    assert torch.equal(torch.rand(2), expected)


def test_what_compilers_print_stays_out_of_the_data(capfd) -> None:
    with stdout_to_stderr():
        os.write(1, b"ninja: building\n")
    print("data")
    out, err = capfd.readouterr()
    assert out == "data\n"
    assert "ninja" in err
