"""Rows on a small machine: right ones get a figure, wrong and missing ones a sentence."""

import re
from dataclasses import replace
from importlib.util import find_spec
from typing import NoReturn

import pytest
import torch

from marslab.kernels import linear_scan, roofline
from marslab.lab.bench import cases, measure, peers, timing
from marslab.lab.bench.cases import BOTH, FORWARD, Case
from marslab.lab.bench.peers import CHANNELS_FIRST, LOG_DECAY, PEERS, PLAIN, Peer

CASE = Case("linear_scan", 2, 32, 4, "float32", FORWARD)
BED = timing.Bed("cpu", torch.device("cpu"), roofline.watch)
pytestmark = pytest.mark.usefixtures("small")


def reference(a, b):
    return linear_scan(a, b, backend="torch")


def peer(load=lambda: reference, form=PLAIN, package="torch") -> Peer:
    return Peer("a peer", package, "a-peer", "cpu", load, form)


def measured(monkeypatch, one: Peer, case: Case = CASE):
    monkeypatch.setattr(measure, "PEERS", (one,))
    monkeypatch.setattr(measure, "BACKENDS", {"cpu": ("torch",)})
    row = measure.measure(case, BED, 2, "a machine")
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
    figures, absent = measured(monkeypatch, peer(lambda: scan, form), case)
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

    figures, absent = measured(monkeypatch, peer(lambda: scan))
    assert "a peer" not in figures
    assert "wrong result: relative error" in absent["a peer"].reason
    assert absent["a peer"].failed


def test_a_wrong_gradient_is_named(monkeypatch) -> None:
    def scan(a, b):
        return reference(a.detach(), b) + 0 * a

    case = replace(CASE, direction=BOTH)
    _, absent = measured(monkeypatch, peer(lambda: scan), case)
    assert "wrong result" in absent["a peer"].reason


def test_nan_is_wrong(monkeypatch) -> None:
    _, absent = measured(monkeypatch, peer(lambda: lambda a, b: b * float("nan")))
    assert "relative error nan" in absent["a peer"].reason


def test_a_missing_peer_is_named_with_its_remedy(monkeypatch) -> None:
    _, absent = measured(monkeypatch, peer(package="no-such-distribution"))
    assert absent["a peer"].reason == "not installed: pip install a-peer"
    assert not absent["a peer"].failed


def test_a_peer_that_cannot_be_loaded_is_tried_once(monkeypatch) -> None:
    tries = []

    def load() -> NoReturn:
        tries.append(1)
        raise RuntimeError("no compiler\nand more lines")

    one = peer(load)
    _, absent = measured(monkeypatch, one)
    assert re.search("cannot be loaded: RuntimeError: no compiler$", absent["a peer"].reason)
    measured(monkeypatch, one)
    assert tries == [1]


def test_a_peer_that_breaks_is_named(monkeypatch) -> None:
    def scan(a, b) -> NoReturn:
        raise MemoryError

    _, absent = measured(monkeypatch, peer(lambda: scan))
    assert absent["a peer"].reason == "failed: MemoryError: no message"


def test_rows_that_a_peer_does_not_do_are_named() -> None:
    by_name = {one.name: one for one in PEERS}
    odd = replace(CASE, L=48)
    assert "powers of two" in by_name["accelerated-scan warp"].unfit(odd)
    assert by_name["accelerated-scan warp"].unfit(CASE) == ""
    assert by_name["numpy loop"].unfit(replace(CASE, direction=BOTH)) == "it has no gradient"
    assert by_name["scipy lfilter"].unfit(replace(CASE, dtype="bfloat16")).startswith("numpy has")
    assert by_name["torch associative_scan"].unfit(replace(CASE, L=4096))


def test_the_peers_of_a_cpu_are_right(monkeypatch) -> None:
    row = measure.measure(CASE, BED, 1, "a machine")
    figures = {f.name: f for f in row.figures}
    assert {"numba", "torch", "naive", "numpy loop", "torch.add"} <= set(figures)
    assert all(f.error < 1e-6 for f in row.figures if f.error is not None)
    assert ("scipy lfilter" in figures) == (find_spec("scipy") is not None)
    assert row.floor_ms == pytest.approx(CASE.bytes / 1e9 * 1e3)
    assert not [a for a in row.absent if a.failed]


def test_inputs_repeat_and_are_not_zeros() -> None:
    first, second = (cases.inputs(CASE, torch.device("cpu")) for _ in range(2))
    assert torch.equal(first.b, second.b)
    assert first.b.std() > 0.5
    assert first.a.min() >= cases.DECAYS[0]
    assert first.a.max() <= cases.DECAYS[1]


def test_what_compilers_print_stays_out_of_the_data(capfd) -> None:
    import os

    with peers.stdout_to_stderr():
        os.write(1, b"ninja: building\n")
    print("data")
    out, err = capfd.readouterr()
    assert out == "data\n"
    assert "ninja" in err
