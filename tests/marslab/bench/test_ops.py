"""Every op that is timed: its rows are whole, ours and the peers of this machine are right.

The peers of a GPU are not here. Stand-ins that follow their conventions step by step show that the
forms in which they are called are the right ones.
"""

from dataclasses import replace
from importlib import import_module

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from marslab.kernels import roofline
from marslab.lab.bench import measure, ops, timing
from marslab.lab.bench.cases import BOTH, FORWARD, Case, Size
from marslab.lab.bench.report import OURS, PEER

BED = timing.Bed("cpu", torch.device("cpu"), roofline.watch)
MOST = {"L": 12, "C": 5}
pytestmark = pytest.mark.usefixtures("small")


def tiny(op: ops.Op, size: Size, direction: str) -> Case:
    pairs = zip(op.letters, size.numbers, strict=True)
    return Case(op.name, {k: min(n, MOST.get(k, 6)) for k, n in pairs}, size.dtype, direction)


@pytest.mark.parametrize("name", ops.NAMES)
def test_ours_and_the_peers_of_a_cpu_are_right(name: str) -> None:
    op = ops.find(name)
    size = op.sizes["cpu"][0]
    case = tiny(op, size, size.directions[-1])
    row = measure.measure(case, BED, 1, "a machine", 600.0)
    assert not [gone for gone in row.absent if gone.failed]
    assert {"torch", "naive"} <= {figure.name for figure in row.figures if figure.kind == OURS}
    assert row.floor_ms > 0


@pytest.mark.parametrize("name", ops.NAMES)
def test_rows_and_goals_are_whole(name: str) -> None:
    op = ops.find(name)
    names = {variant.name for variant in op.variants}
    assert len(names) == len(op.variants)
    assert any(op.goals(case, "") or case for case in op.cases("cuda"))
    for sizes in op.sizes.values():
        for size in sizes:
            assert len(size.numbers) == len(op.letters)
            assert set(size.goals) <= set(size.directions)
            for goal in [goal for goals in size.goals.values() for goal in goals]:
                assert {goal.beside or "naive", goal.of or "naive"} <= names
                assert (goal.ms is None) != (goal.speed is None)


def test_the_goals_of_the_design_page() -> None:
    def best(name: str, direction: str) -> list[float | None]:
        op = ops.find(name)
        case = next(c for c in op.cases("cuda") if c.direction == direction and "b" in c.dtype)
        return [goal.ms for goal in op.goals(case, "NVIDIA H200")]

    assert (best("ssd", FORWARD), best("ssd", BOTH)) == ([0.30], [1.8])
    assert (best("wkv7", FORWARD), best("wkv7", BOTH)) == ([2.0], [6.5])
    assert best("gated_recurrence", FORWARD) == [9.0, 6.0]


def walk(
    decay: Tensor, k: Tensor, v: Tensor, q: Tensor, a: Tensor, b: Tensor, S: Tensor | None = None
) -> Tensor:
    """S = diag(exp decay) S + b (a S) + k v, o = q S: what flash-linear-attention's papers say."""
    S = torch.zeros(*k[:, 0].shape, v.shape[-1]) if S is None else S
    S, out = S.double(), []
    for t in range(k.shape[1]):
        hit = torch.einsum("bhk,bhkv->bhv", a[:, t].double(), S)
        S = decay[:, t].double().exp()[..., None] * S
        S = S + torch.einsum("bhk,bhv->bhkv", b[:, t].double(), hit)
        S = S + torch.einsum("bhk,bhv->bhkv", k[:, t].double(), v[:, t].double())
        out.append(torch.einsum("bhk,bhkv->bhv", q[:, t].double(), S))
    return torch.stack(out, 1).to(v.dtype)


def chunk_rwkv7(r, w, k, v, a, b, scale):
    return walk(w, k, v, scale * r, a, b), None


def chunk_simple_gla(q, k, v, g, scale):
    none = torch.zeros_like(k)
    return walk(g[..., None].expand_as(k), k, v, scale * q, none, none), None


def chunk_hgrn(x, g):
    h, out = torch.zeros_like(x[:, 0]), []
    for t in range(x.shape[1]):
        h = g[:, t].exp() * h + x[:, t]
        out.append(h)
    return torch.stack(out, 1), None


def selective_scan_fn(u, delta, A, B, C):
    h, out = torch.zeros(*u.shape[:2], A.shape[1]), []
    for t in range(u.shape[2]):
        decay = torch.exp(delta[:, :, t, None] * A)
        h = decay * h + (delta * u)[:, :, t, None] * B[:, None, :, t]
        out.append((h * C[:, None, :, t]).sum(-1))
    return torch.stack(out, 2)


def mamba_chunk_scan_combined(x, dt, A, B, C, chunk_size):
    heads = x.shape[2] // B.shape[2]
    k, q = (t.repeat_interleave(heads, 2) for t in (B, C))
    return chunk_simple_gla(q, k, x * dt[..., None], dt * A, 1.0)[0]


def scan(a, b):
    return chunk_hgrn(b.mT, a.log().mT)[0].mT


def fused_recurrent_rwkv7(r, w, k, v, a, b, scale, initial_state=None, output_final_state=False):
    return walk(w, k, v, scale * r, a, b, initial_state), initial_state


def selective_state_update(state, x, dt, A, B, C, D, dt_bias):
    assert not D.any() and not dt_bias.any()
    heads = x.shape[1] // B.shape[1]
    k, q = (t.repeat_interleave(heads, 1) for t in (B, C))
    state *= torch.exp(dt[..., None] * A)
    state += (dt * x)[..., None] * k[:, :, None]
    return (state * q[:, :, None]).sum(-1)


STAND_INS = {f.__name__: f for f in (chunk_rwkv7, chunk_simple_gla, chunk_hgrn, scan)}
STAND_INS |= {f.__name__: f for f in (selective_scan_fn, mamba_chunk_scan_combined)}
STAND_INS |= {f.__name__: f for f in (fused_recurrent_rwkv7, selective_state_update)}
STAND_INS |= {"fused_recurrent_hgrn": chunk_hgrn}
PEERS = [
    (name, variant.name)
    for name in ops.NAMES
    for variant in ops.find(name).variants
    if variant.kind == PEER and variant.devices == ("cuda",)
]


@pytest.mark.parametrize("name, who", PEERS)
def test_a_peer_of_a_gpu_is_called_in_its_own_form(name: str, who: str, monkeypatch) -> None:
    op = ops.find(name)
    variant = next(variant for variant in op.variants if variant.name == who)
    module = import_module(f"marslab.lab.bench.ops.{name}")
    for loader in {"attribute", "mamba"} & set(vars(module)):
        monkeypatch.setattr(module, loader, lambda package, wanted: STAND_INS[wanted])
    direction = FORWARD if variant.unfit(tiny(op, op.sizes["cuda"][0], BOTH)) else BOTH
    case = replace(tiny(op, op.sizes["cuda"][0], direction), dtype="float32")
    ready = measure.prepare(replace(variant, note="a stand-in"), measure.Job(op, case, BED, 60.0))
    assert isinstance(ready, measure.Ready), ready
    assert ready.error is not None
    assert ready.error < 2e-6


def test_a_gru_stands_beside_the_gated_recurrence() -> None:
    op = ops.find("gated_recurrence")
    z = torch.randn(2, 5, 4)
    gru = next(variant for variant in op.variants if variant.name == "torch GRU").load()
    first, second = (gru(z, torch.eye(4), F.sigmoid(z)) for _ in range(2))
    assert first.shape == z.shape
    assert torch.equal(first, second)
