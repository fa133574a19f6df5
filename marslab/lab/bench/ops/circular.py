"""What `circular_conv` and `circular_corr` share: sizes, peers, and the transforms they need."""

from collections.abc import Callable
from functools import partial

from torch import Tensor, fft, from_numpy

from marslab.kernels.circular import work
from marslab.lab.bench.cases import FORWARD, Case, Size, beside
from marslab.lab.bench.ops import Op, drawn
from marslab.lab.bench.variants import Function, attribute, forward_only, ours, peer, yardstick

TRANSFORMS = "FFTs alone"
GOAL = {FORWARD: beside(TRANSFORMS, 1 / 1.1)}  # at most 1.1 times the time
LONGEST = 2048  # numbers of a vector that the plain sum over all pairs is given


def _transforms(a: Tensor, b: Tensor) -> Tensor:
    f = fft.rfft(a)
    fft.rfft(b)
    return fft.irfft(f, n=a.shape[-1])


def _all_pairs(case: Case) -> str:
    return "" if case.sizes["D"] <= LONGEST else f"D^2 products, slow beyond {LONGEST}"


def _torchhd(inverse: bool) -> Function:
    kind = attribute("torchhd", "HRRTensor")

    def run(a: Tensor, b: Tensor) -> Tensor:
        key = a.as_subclass(kind)
        return (key.inverse() if inverse else key).bind(b.as_subclass(kind)).as_subclass(Tensor)

    return run


def _scipy(inverse: bool) -> Function:
    rfft, irfft = attribute("scipy.fft", "rfft"), attribute("scipy.fft", "irfft")

    def run(a: Tensor, b: Tensor) -> Tensor:
        f, g = rfft(a.numpy()), rfft(b.numpy())
        return from_numpy(irfft((f.conj() if inverse else f) * g, n=a.shape[-1]))

    return run


def circular(name: str, function: Callable[..., Tensor]) -> Op:
    """Describe one of the two."""
    inverse = name == "circular_corr"
    return Op(
        name=name,
        letters=work.LETTERS,
        operands=("BD", "BD"),
        result="BD",
        draw=drawn(work.draw, ("a", "b")),
        cost=work.cost,
        truth=partial(function, backend="torch"),
        sizes={
            "cpu": (Size((256, 1024), goals=GOAL), Size((64, 10000), goals=GOAL)),
            "cuda": (Size((8192, 1024), goals=GOAL), Size((1024, 10000), goals=GOAL)),
            "quick": (Size((8, 128)),),
        },
        few={"B": 16},
        variants=(
            *ours(function, "torch"),
            *ours(function, "naive", unfit=_all_pairs),
            yardstick(
                TRANSFORMS,
                _transforms,
                note="two rfft and one irfft, without the product between them",
            ),
            peer("torchhd HRR", "torch-hd", "cpu cuda", partial(_torchhd, inverse)),
            peer("scipy rfft", "scipy", "cpu", partial(_scipy, inverse), unfit=forward_only),
        ),
        inputs="a normal with variance 1/D, b normal",
    )
