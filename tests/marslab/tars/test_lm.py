"""The eight checks of every language model here, on a small TARS with each part on and off."""

import pytest
import torch
from torch import Tensor

from marslab.errors import UserError
from marslab.systems.tars.lm import TarsLM
from marslab.systems.tars.state import TarsState, same, tensors_of

from tars_models import VARIANTS, bytes_of, small


@pytest.fixture(params=VARIANTS, ids=str)
def lm(request: pytest.FixtureRequest) -> TarsLM:
    return small(**VARIANTS[request.param])


@torch.no_grad()
def test_a_byte_changes_nothing_before_it_and_the_end_after_it(lm: TarsLM) -> None:
    ids = bytes_of()
    logits = lm(ids)
    changed = ids.clone()
    changed[:, 6] = (changed[:, 6] + 1) % 256
    other = lm(changed)
    assert torch.equal(logits[:, :6], other[:, :6])
    if lm.config.block.core.enabled or lm.spine is not None:
        assert not torch.equal(logits[:, -1], other[:, -1])


@torch.no_grad()
@pytest.mark.parametrize("cut", [1, 5, 12])
def test_step_by_step_is_all_at_once(lm: TarsLM, cut: int) -> None:
    ids = bytes_of()
    logits = lm(ids)
    state = lm.prefill(ids[:, :cut])
    torch.testing.assert_close(state.logits, logits[:, cut - 1], rtol=1e-9, atol=1e-9)
    for t in range(cut, ids.shape[1]):
        found, state = lm.step(ids[:, t], state)
        torch.testing.assert_close(found, logits[:, t], rtol=1e-9, atol=1e-9)


@torch.no_grad()
def test_a_state_goes_on_with_several_bytes(lm: TarsLM) -> None:
    ids = bytes_of()
    found, state = lm.step(ids[:, 4:], lm.prefill(ids[:, :4]))
    torch.testing.assert_close(found, lm(ids)[:, -1], rtol=1e-9, atol=1e-9)
    assert state.position == 13


@torch.no_grad()
def test_rows_do_not_see_each_other(lm: TarsLM) -> None:
    ids = bytes_of(3)
    torch.testing.assert_close(lm(ids)[1:2], lm(ids[1:2]), rtol=1e-9, atol=1e-9)


def test_the_same_twice_and_the_same_built_twice(lm: TarsLM) -> None:
    ids = bytes_of()
    assert torch.equal(lm(ids), lm(ids))
    made = []
    for _ in range(2):
        torch.manual_seed(3)
        made.append(TarsLM(lm.config).state_dict())
    assert all(torch.equal(made[0][name], made[1][name]) for name in made[0])


@torch.no_grad()
def test_fewer_waves_are_the_first_ones() -> None:
    lm, ids = small(), bytes_of()
    assert not torch.equal(lm(ids, waves=2), lm(ids))
    assert torch.equal(lm(ids, waves=3), lm(ids))
    torch.testing.assert_close(lm.prefill(ids, waves=2).logits, lm(ids, waves=2)[:, -1])
    with pytest.raises(ValueError, match="waves must be from 1 to 3, got 4"):
        lm(ids, waves=4)
    with pytest.raises(ValueError, match="ids must be integers"):
        lm(ids.double())


@torch.no_grad()
def test_what_is_remembered_or_retrieved_changes_the_answer() -> None:
    lm, ids = small(), bytes_of(1)
    plain = lm.prefill(ids).logits
    memory = torch.nn.functional.normalize(torch.ones(1, 8, dtype=torch.float64), dim=-1)
    assert not torch.equal(lm.prefill(ids, memory=memory).logits, plain)
    rag = lm.encode(bytes_of(1, 5, seed=1))
    assert not torch.equal(lm.prefill(ids, rag=rag).logits, plain)
    assert torch.equal(lm.prefill(ids, rag=torch.zeros_like(rag)).logits, plain)


def targets_of(ids: Tensor) -> Tensor:
    targets = ids.roll(-1, 1)
    targets[:, :4] = targets[:, -1] = -100
    return targets


def test_every_parameter_learns() -> None:
    lm, ids = small().train(), bytes_of(4)
    memory = torch.nn.functional.normalize(torch.randn(4, 8, dtype=torch.float64), dim=-1)
    beside = {"rag_ids": bytes_of(4, 6), "memory": memory, "task": torch.arange(4)}
    found = lm.losses(ids, targets_of(ids), rounds=2, **beside)
    found["loss"].backward()
    silent = [n for n, p in lm.named_parameters() if p.grad is None or not p.grad.any()]
    # Only the blocks that win have a gradient where the pool chooses as in use.
    allowed = {"idme.pool." + name for name in ("down", "up", "gate_in", "gate_out")}
    assert [name for name in silent if name not in allowed] == []
    assert {"next_byte", "waves", "halting", "draft", "pool", "value", "domain", "vq"} <= set(found)


def test_losses_count_marked_targets_only() -> None:
    lm, ids = small(), bytes_of()
    targets = targets_of(ids)
    logits = lm(ids)[:, 4:-1].flatten(0, 1)
    expected = torch.nn.functional.cross_entropy(logits, targets[:, 4:-1].flatten())
    torch.testing.assert_close(lm.losses(ids, targets)["next_byte"], expected)


@torch.no_grad()
def test_a_state_is_saved_and_read_again(tmp_path) -> None:
    lm, ids = small(), bytes_of(1)
    state = lm.prefill(ids)
    state.save(tmp_path / "prompt.state", model="one")
    again = TarsState.load(tmp_path / "prompt.state", model="one")
    assert same(state, again) and (again.position, again.depth) == (13, 3)
    assert torch.equal(lm.step(ids[:, 0], again)[0], lm.step(ids[:, 0], state)[0])
    with pytest.raises(UserError, match="the state of another model"):
        TarsState.load(tmp_path / "prompt.state", model="two")
    with pytest.raises(UserError, match="there is no state at"):
        TarsState.load(tmp_path / "none.state", model="one")
    data = (tmp_path / "prompt.state").read_bytes()
    (tmp_path / "cut.state").write_bytes(data[: len(data) // 2])
    with pytest.raises(UserError, match="is damaged"):
        TarsState.load(tmp_path / "cut.state", model="one")


@torch.no_grad()
def test_the_state_does_not_grow(lm: TarsLM) -> None:
    state = lm.prefill(bytes_of(1, 1))
    size = state.bytes
    for _ in range(20):
        _, state = lm.step(state.logits.argmax(-1) % 256, state)
    assert state.bytes == size and state.position == 21
    assert all(x.isfinite().all() for x in tensors_of(state).values())


@pytest.mark.slow
@torch.no_grad()
def test_compiled_waves_give_the_same_logits() -> None:
    lm, ids = small(), bytes_of()
    expected = lm(ids)
    for wave in lm.waves:
        wave.compile(backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(lm(ids), expected, rtol=1e-9, atol=1e-9)
    assert list(lm.state_dict()) == list(small().state_dict())
