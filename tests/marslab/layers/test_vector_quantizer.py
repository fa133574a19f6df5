"""The quantiser against the two recurrences of its moving averages, and what must not move."""

from typing import Any

import pytest
import torch
from torch import Tensor

from marslab.layers.vector_quantizer import VectorQuantizer
from marslab.tracing import trace


def nearest(codes: Tensor, z: Tensor) -> Tensor:
    """The index of the nearest code, by distances that are written out."""
    return (z[..., None, :] - codes).square().sum(-1).argmin(-1)


def test_it_chooses_the_nearest_code() -> None:
    vq, z = VectorQuantizer(9, 4).double().eval(), torch.randn(3, 7, 4, dtype=torch.float64)
    found = vq(z)
    assert torch.equal(found.index, nearest(vq.codes, z))
    assert torch.equal(found.value, vq.codes[found.index])
    torch.testing.assert_close(found.loss, 0.25 * (z - found.value).square().mean())


def test_the_encoder_has_both_gradients_and_the_codes_none() -> None:
    vq = VectorQuantizer(9, 4).double()
    z = torch.randn(3, 7, 4, dtype=torch.float64, requires_grad=True)
    found, far = vq(z), torch.randn(3, 7, 4, dtype=torch.float64)
    (through,) = torch.autograd.grad((found.value * far).sum(), z, retain_graph=True)
    assert torch.equal(through, far)
    (commitment,) = torch.autograd.grad(found.loss, z)
    torch.testing.assert_close(commitment, 0.25 * 2 * (z - found.value) / z.numel())
    assert list(vq.parameters()) == []


def test_the_codes_are_the_moving_average_of_sums_over_that_of_counts() -> None:
    vq = VectorQuantizer(5, 3, decay=0.9, dead=0.0).double()
    count, total, codes = torch.zeros(5).double(), torch.zeros(5, 3).double(), vq.codes.clone()
    for _ in range(20):
        z = torch.randn(2, 6, 3, dtype=torch.float64)
        found = vq(z)
        assert torch.equal(found.index, nearest(codes, z))
        torch.testing.assert_close(found.value, codes[found.index])  # the old codes
        for k in range(5):
            mine = z[found.index == k]
            count[k] = 0.9 * count[k] + 0.1 * len(mine)
            total[k] = 0.9 * total[k] + 0.1 * mine.sum(0)
            codes[k] = total[k] / count[k] if count[k] > 0 else codes[k]
    torch.testing.assert_close(vq.codes, codes)
    torch.testing.assert_close(vq.counts, count)


def test_the_first_batch_gives_the_codes_their_places() -> None:
    vq, z = VectorQuantizer(8, 3), torch.randn(1, 40, 3) + 30
    vq(z)
    assert (vq.codes - 30).abs().max() < 5
    assert len(vq(z).index.unique()) > 4


def test_dead_codes_jump_to_vectors_of_the_batch_alike_for_one_seed() -> None:
    z = torch.randn(4, 16, 3) / 10 + torch.tensor([3.0, 0.0, 0.0])

    def trained() -> VectorQuantizer:
        torch.manual_seed(0)
        vq = VectorQuantizer(8, 3, decay=0.8)
        for _ in range(60):
            vq(z)
        return vq

    vq, again = trained(), trained()
    assert torch.equal(vq.codes, again.codes) and torch.equal(vq.counts, again.counts)
    near = (vq.codes[:, None] - z.flatten(0, 1)).norm(dim=-1).amin(-1)
    assert near.max() < 0.3  # all codes live where the vectors are
    assert len(vq.eval()(z).index.unique()) >= 6
    torch.manual_seed(0)
    kept = VectorQuantizer(8, 3, decay=0.8, dead=0.0)
    for _ in range(60):
        kept(z)
    assert len(kept.eval()(z).index.unique()) < 4


def test_eval_changes_nothing_and_the_state_dict_carries_all() -> None:
    vq, z = VectorQuantizer(8, 3), torch.randn(2, 9, 3)
    vq(z)
    vq.eval()
    before = {name: value.clone() for name, value in vq.state_dict().items()}
    assert set(before) == {"codes", "counts"}
    first = vq(z)
    assert all(torch.equal(before[name], value) for name, value in vq.state_dict().items())
    other = VectorQuantizer(8, 3).eval()
    other.load_state_dict(before)
    assert torch.equal(other(z).value, first.value)


def test_in_training_too_a_step_does_not_depend_on_others() -> None:
    z = torch.randn(1, 9, 3)
    torch.manual_seed(1)
    whole = VectorQuantizer(8, 3)(z)
    torch.manual_seed(1)
    changed = VectorQuantizer(8, 3)(torch.cat([z[:, :5], 9 * z[:, 5:]], 1))
    assert torch.equal(whole.value[:, :5], changed.value[:, :5])


def test_it_tells_how_many_codes_are_in_use() -> None:
    vq = VectorQuantizer(4, 2).eval()
    with trace() as t:
        vq(vq.codes[torch.tensor([[0, 0, 3, 3]])])
    fields: dict[str, Any] = t.events[-1].fields
    assert fields["index"].tolist() == [[0, 0, 3, 3]]
    assert fields["perplexity"].item() == pytest.approx(2) and fields["used"].item() == 0.5


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_the_dtype_is_kept(dtype: torch.dtype) -> None:
    vq = VectorQuantizer(4, 2)
    assert vq(torch.ones(1, 3, 2, dtype=dtype)).value.dtype == dtype
    assert vq.codes.dtype == torch.float32 and vq.codes.isfinite().all()


def test_bfloat16_autocast_chooses_as_float32() -> None:
    vq, z = VectorQuantizer(64, 8).eval(), torch.randn(2, 50, 8)
    with torch.autocast("cpu", torch.bfloat16):
        found = vq(z)
    assert torch.equal(found.index, vq(z).index) and found.loss.dtype == torch.float32


def test_an_empty_batch_moves_nothing() -> None:
    vq = VectorQuantizer(4, 2)
    codes = vq.codes.clone()
    found = vq(torch.ones(0, 5, 2))
    assert found.value.shape == (0, 5, 2) and found.loss == 0 and torch.equal(codes, vq.codes)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"codes": 0, "dim": 2}, "codes must be positive, got 0"),
        ({"codes": 2, "dim": -1}, "dim must be positive, got -1"),
        ({"codes": 2, "dim": 2, "decay": 1.0}, r"decay must be in \[0, 1\), got 1.0"),
        ({"codes": 2, "dim": 2, "dead": -0.1}, r"dead must be in \[0, 1\), got -0.1"),
    ],
)
def test_settings_that_make_no_quantiser(arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^VectorQuantizer: {sentence}$"):
        VectorQuantizer(**arguments)


def test_input_of_another_shape() -> None:
    with pytest.raises(
        ValueError, match=r"VectorQuantizer: z must be \[B, L, 2\], got \[1, 3, 5\]"
    ):
        VectorQuantizer(4, 2)(torch.ones(1, 3, 5))
