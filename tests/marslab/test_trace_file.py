"""A trace comes back from its file as it was, and a bad file is one sentence."""

import json
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from marslab.errors import UserError
from marslab.tracing import Trace, emit, trace

DTYPES = [
    torch.float32,
    torch.float64,
    torch.bfloat16,
    torch.float16,
    torch.int64,
    torch.uint8,
    torch.bool,
    torch.complex64,
    torch.complex128,
]
SHAPES = st.lists(st.integers(0, 3), max_size=3)
TENSORS = st.builds(
    lambda shape, dtype, seed: (
        torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 9
    ).to(dtype),
    SHAPES,
    st.sampled_from(DTYPES),
    st.integers(0, 99),
)
NAMES = st.text(min_size=1, max_size=5)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
EVENTS = st.lists(
    st.tuples(NAMES, st.integers(-9, 9), st.dictionaries(NAMES, SCALARS | TENSORS, max_size=3)),
    max_size=4,
)


def equal(a: Any, b: Any) -> bool:
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and torch.equal(a, b)
    return type(a) is type(b) and a == b


@settings(max_examples=40, deadline=None, derandomize=True)
@given(EVENTS)
def test_every_trace_comes_back(events: list[tuple[str, int, dict[str, Any]]]) -> None:
    kept = Trace()
    for event in events:
        kept.add(*event)
    with TemporaryDirectory() as folder:
        kept.save(Path(folder) / "a.trace")
        back = Trace.load(Path(folder) / "a.trace")
        back.save(Path(folder) / "b.trace")
        first, second = (Path(folder, f"{x}.trace").read_bytes() for x in "ab")
    assert first == second
    assert len(back.events) == len(kept.events)
    for one, two in zip(kept.events, back.events, strict=True):
        assert one[:2] == two[:2] and one.fields.keys() == two.fields.keys()
        assert all(equal(one.fields[k], two.fields[k]) for k in one.fields)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    with trace() as t:
        emit("wave", alpha=torch.arange(6.0).reshape(2, 3))
    t.save(tmp_path / "run.trace")
    return tmp_path / "run.trace"


def test_numbering_goes_on_after_loading(saved: Path) -> None:
    t = Trace.load(saved)
    t.add("wave", None, {})
    assert t.events[-1].step == 1


def refused(path: Path, **arguments: int) -> str:
    with pytest.raises(UserError) as error:
        Trace.load(path, **arguments)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_no_file_is_one_sentence(tmp_path: Path) -> None:
    assert refused(tmp_path / "no.trace").startswith("there is no trace at ")


def test_a_folder_and_a_text_are_no_traces(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("hello")
    assert "is not a trace" in refused(tmp_path)
    assert "is not a trace" in refused(tmp_path / "x")


def test_a_file_cut_off_anywhere_is_refused(saved: Path) -> None:
    data = saved.read_bytes()
    for end in range(0, len(data), 17):
        saved.write_bytes(data[:end])
        assert "run.trace is not a trace, or is damaged: " in refused(saved)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 10_000), st.integers(0, 7))
def test_a_flipped_bit_is_refused_or_harmless(place: int, bit: int) -> None:
    with trace() as t:
        emit("wave", alpha=torch.arange(6.0), word="x")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "run.trace"
        t.save(path)
        data = bytearray(path.read_bytes())
        data[place % len(data)] ^= 1 << bit
        path.write_bytes(data)
        try:
            back = Trace.load(path)
        except UserError:
            return
    (event,) = back.events
    assert event.name == "wave" and event.fields["word"] == "x"
    assert equal(event.fields["alpha"], torch.arange(6.0))


def rewritten(path: Path, content: Any = None, **more: bytes) -> None:
    """Replace what the events file holds, and add files."""
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    if content is not None:
        entries["events.json"] = json.dumps(content).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in (entries | more).items():
            archive.writestr(name, data)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"kind": "trace", "schema": 2}, "has format 2 of a trace, this marslab reads 1"),
        ({"kind": "cake"}, "is not a trace file of marslab: it says 'cake'"),
        ([], "is not a trace file of marslab: it does not say what it is"),
        ({"kind": "trace", "schema": 1}, "is damaged: its events cannot be read"),
        ({"kind": "trace", "schema": 1, "events": [1]}, "its events cannot be read"),
        ({"kind": "trace", "schema": 1, "events": [["a", "b", {}]]}, "its events cannot be read"),
        ({"kind": "trace", "schema": 1, "events": [["a", 0, {"x": [1]}]]}, "cannot be read"),
        ({"kind": "trace", "schema": 1, "events": [["a", 0, {"x": {}}]]}, "cannot be read"),
        (
            {"kind": "trace", "schema": 1, "events": [["a", 0, {"x": {"tensor": "9"}}]]},
            "cannot be read",
        ),
        (
            {
                "kind": "trace",
                "schema": 1,
                "events": [["a", 0, {"x": {"tensor": "0", "complex": True}}]],
            },
            "cannot be read",
        ),
    ],
)
def test_content_that_is_no_trace_is_one_sentence(saved: Path, content: Any, sentence: str) -> None:
    rewritten(saved, content)
    assert sentence in refused(saved)


def test_json_nested_without_end_is_refused(saved: Path) -> None:
    rewritten(saved, **{"events.json": b"[" * 100_000})
    assert "is damaged" in refused(saved)


def test_a_third_file_is_refused(saved: Path) -> None:
    rewritten(saved, extra=b"x")
    assert "is not a trace: it lacks events.json or tensors.safetensors" in refused(saved)


def test_a_bomb_is_refused_by_its_size(saved: Path) -> None:
    rewritten(saved, **{"tensors.safetensors": bytes(5_000_000)})
    assert saved.stat().st_size < 20_000
    assert "would unpack to 5,000," in refused(saved, max_bytes=1_000_000)


def test_a_bomb_that_lies_about_its_size_is_refused(saved: Path) -> None:
    rewritten(saved, **{"tensors.safetensors": bytes(5_000_000)})
    true, false = (5_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little")
    data = saved.read_bytes()
    assert data.count(true) == 2
    saved.write_bytes(data.replace(true, false))
    assert "is damaged" in refused(saved, max_bytes=1_000_000)
