"""A checkpoint gives all its weights, or none and one sentence."""

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from safetensors.torch import save as pack
from torch import nn

from marslab import checkpoint
from marslab.errors import UserError

JOBS = Path(__file__).parent / "jobs"


@dataclass(frozen=True)
class Config:
    width: int = 3


class Model(nn.Module):
    def __init__(self, width: int = 3, bias: bool = True) -> None:
        super().__init__()
        self.read = nn.Linear(width, 2, bias=bias)
        self.tied = nn.Linear(width, 2, bias=False)
        self.tied.weight = self.read.weight
        self.register_buffer("seen", torch.tensor(7))
        self.coarse = nn.Parameter(torch.ones(2, dtype=torch.bfloat16))


def save(path: Path, model: nn.Module, **extra: Any) -> dict[str, Any]:
    return checkpoint.save(
        path, model, system="toy", preset="toy-mini", config=Config(), extra=extra
    )


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    save(tmp_path / "toy.safetensors", Model())
    return tmp_path / "toy.safetensors"


def same(one: nn.Module, two: nn.Module) -> bool:
    a, b = one.state_dict(), two.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def refused(path: Path, model: nn.Module | None = None) -> str:
    """The sentence; the model must be as it was."""
    model = model or Model()
    before = {k: x.clone() for k, x in model.state_dict().items()}
    with pytest.raises(UserError) as error:
        checkpoint.load_into(path, model)
    assert all(torch.equal(before[k], x) for k, x in model.state_dict().items())
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_model_comes_back_with_its_header(tmp_path: Path) -> None:
    model, other, path = Model(), Model(), tmp_path / "toy.safetensors"
    header = save(path, model, seed=3, scores={"held_out": 0.5}, licence="MIT", data="дигиты")
    assert not same(model, other)
    assert checkpoint.load_into(path, other) == header == checkpoint.read_header(path)
    assert same(model, other)
    assert header["config"] == {"width": 3} and header["scores"] == {"held_out": 0.5}
    assert (header["kind"], header["schema"]) == ("checkpoint", 1)
    assert (header["system"], header["preset"], header["seed"]) == ("toy", "toy-mini", 3)
    assert header["parameters"] == sum(p.numel() for p in model.parameters())
    assert time.strptime(header["created"], "%Y-%m-%d") and len(header["sha256"]) == 64


def test_other_tools_can_read_the_tensors(saved: Path) -> None:
    assert set(load_file(saved)) == {"read.weight", "read.bias", "tied.weight", "seen", "coarse"}


def test_what_extra_may_not_hold(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"extra may not name config, sha256$"):
        save(tmp_path / "x", Model(), sha256="0", config=1)
    with pytest.raises(ValueError, match="extra must be JSON: Object of type set"):
        save(tmp_path / "x", Model(), scores={1})
    assert not (tmp_path / "x").exists()


def test_a_model_with_other_state_is_refused(tmp_path: Path) -> None:
    class Stateful(nn.Linear):
        def get_extra_state(self) -> dict[str, int]:
            return {"a": 1}

    with pytest.raises(ValueError, match="holds tensors only, the model also has '_extra_state'"):
        save(tmp_path / "x", Stateful(1, 1))


def test_no_file_and_a_folder_are_one_sentence(tmp_path: Path) -> None:
    assert refused(tmp_path / "no").startswith("there is no checkpoint at ")
    assert refused(tmp_path).endswith(" cannot be read: Is a directory")
    with pytest.raises(UserError, match="there is no checkpoint at "):
        checkpoint.read_header(tmp_path / "no")


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        (Model(bias=False), "it has 'read.bias' (0 missing, 1 unexpected)"),
        (nn.Linear(3, 2), "it lacks 'bias' and has 'coarse' (2 missing, 5 unexpected)"),
        (Model(width=4), "'read.weight' is [2, 3] float32, the model has [2, 4] float32"),
        (Model().double(), "'coarse' is [2] bfloat16, the model has [2] float64"),
    ],
)
def test_a_model_of_another_make_is_refused(saved: Path, model: nn.Module, sentence: str) -> None:
    told = refused(saved, model)
    assert sentence in told and told.endswith("; build it with the same config")


def test_a_file_cut_off_anywhere_is_refused(saved: Path) -> None:
    data = saved.read_bytes()
    for end in range(0, len(data), 7):
        saved.write_bytes(data[:end])
        assert "toy.safetensors is not a checkpoint, or is cut off" in refused(
            saved
        ) or "is damaged: its checksum is not the one" in refused(saved)


def test_a_file_with_more_at_its_end_is_refused(saved: Path) -> None:
    saved.write_bytes(saved.read_bytes() + b"\0")
    assert "is damaged: its checksum is not the one it was saved with" in refused(saved)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.floats(0, 1, exclude_max=True), st.integers(0, 7), st.booleans())
def test_a_flipped_bit_is_refused_or_harmless(place: float, bit: int, in_tensors: bool) -> None:
    with TemporaryDirectory() as folder:
        path, model, other = Path(folder) / "toy", Model(), Model()
        header = save(path, model, seed=3, scores={"é": 1e-3})
        data = bytearray(path.read_bytes())
        start = 8 + int.from_bytes(data[:8], "little") if in_tensors else 0
        data[start + int(place * (len(data) - start))] ^= 1 << bit
        path.write_bytes(data)
        before = {k: x.clone() for k, x in other.state_dict().items()}
        try:
            found = checkpoint.load_into(path, other)
        except UserError as error:
            assert "\n" not in str(error)
            assert all(torch.equal(before[k], x) for k, x in other.state_dict().items())
        else:  # the case of an escape or of an exponent's e
            assert not in_tensors and found == header and same(model, other)


def rewritten(path: Path, **changes: Any) -> None:
    """Change the header and keep the tensors."""
    header = checkpoint.read_header(path) | changes
    path.write_bytes(pack(load_file(path), {checkpoint.KEY: json.dumps(header)}))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"schema": 2}, "has format 2 of a checkpoint, this marslab reads 1: "),
        ({"kind": "cake"}, "is not a checkpoint file of marslab: it says 'cake'"),
        ({"scores": {"held_out": 1.0}}, "is damaged: its checksum is not the one"),
        ({"sha256": "0"}, "is damaged: its checksum is not the one"),
    ],
)
def test_a_changed_header_is_refused(saved: Path, changes: dict[str, Any], sentence: str) -> None:
    rewritten(saved, **changes)
    assert sentence in refused(saved)


@pytest.mark.parametrize(
    ("metadata", "sentence"),
    [
        (None, "is not a checkpoint of marslab: it has no header"),
        ({"other": "x"}, "is not a checkpoint of marslab: it has no header"),
        ({checkpoint.KEY: "{"}, "is damaged: its header is not JSON"),
        ({checkpoint.KEY: "[" * 100_000}, "is damaged: its header is not JSON"),
        ({checkpoint.KEY: "[]"}, "is not a checkpoint file of marslab"),
    ],
)
def test_a_foreign_file_is_refused(
    tmp_path: Path, metadata: dict[str, str] | None, sentence: str
) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(pack(Model().state_dict() | {"tied.weight": torch.ones(2, 3)}, metadata))
    assert sentence in refused(path)
    with pytest.raises(UserError, match="is "):
        checkpoint.read_header(path)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.binary(max_size=60), st.integers(0, 70))
def test_any_bytes_are_one_sentence(data: bytes, size: int) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "x"
        for content in (data, size.to_bytes(8, "little") + data):
            path.write_bytes(content)
            refused(path)


def test_a_table_without_end_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes((2**63).to_bytes(8, "little") + b"{}")
    assert "is not a checkpoint, or is cut off" in refused(path)
    with pytest.raises(UserError, match="or is cut off"):
        checkpoint.read_header(path)


@pytest.mark.slow
def test_a_process_killed_while_it_saves_leaves_a_whole_file(tmp_path: Path) -> None:
    path, model = tmp_path / "model.safetensors", nn.Linear(300, 300)
    for wait in (0.0, 0.007, 0.019):
        saver = subprocess.Popen(
            [sys.executable, str(JOBS / "save_forever.py"), str(path)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert saver.stdout is not None
        turn = int(saver.stdout.readline())
        time.sleep(wait)
        saver.kill()
        turn = max([turn, *(int(line) for line in saver.stdout.read().split())])
        saver.stdout.close()
        saver.wait()
        header = checkpoint.load_into(path, model)
        assert header["turn"] >= turn
        assert all((x == header["turn"] % 2).all() for x in model.parameters())
