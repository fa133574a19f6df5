"""Known wrong answers to the exercises of notebook 21, and what whoever gives one is told."""

from torch import Tensor

from marslab.lab.course.registry import Wrong


def _levels(x: Tensor, levels: Tensor) -> Tensor:
    return levels[(x.clamp(0, 1) * (len(levels) - 1)).round().long()]


def _rounded_down(x: Tensor, keys: Tensor, levels: Tensor) -> Tensor:
    return (keys * levels[(x.clamp(0, 1) * (len(levels) - 1)).long()]).sum(0)


def _round_the_end(x: Tensor, keys: Tensor, levels: Tensor) -> Tensor:
    return (keys * levels[(x * (len(levels) - 1)).round().long() % len(levels)]).sum(0)


def _moved(classes: Tensor, h: Tensor, y: int, near: Tensor, gain: float, loss: float) -> Tensor:
    """Gains and losses whether they are due or not."""
    classes = classes.clone()
    classes[y] += gain * h
    classes[int(near.argmax())] -= loss * h
    return classes


def _full_steps(classes: Tensor, h: Tensor, y: int, near: Tensor) -> Tensor:
    return classes if near.argmax() == y else _moved(classes, h, y, near, 1.0, 1.0)


def _gain_alone(classes: Tensor, h: Tensor, y: int, near: Tensor) -> Tensor:
    gain = 0.0 if near.argmax() == y else float(1 - near[y])
    return _moved(classes, h, y, near, gain, 0.0)


def _always(classes: Tensor, h: Tensor, y: int, near: Tensor) -> Tensor:
    right = near.argmax() == y
    loss = 0.0 if right else float(1 - near.max())
    return _moved(classes, h, y, near, float(1 - near[y]), loss)


def _by_the_cosine(classes: Tensor, h: Tensor, y: int, near: Tensor) -> Tensor:
    if near.argmax() == y:
        return classes
    return _moved(classes, h, y, near, float(near[y]), float(near.max()))


def _no_end(x: Tensor, bits: int, step: float) -> Tensor:
    shift = (2**bits - 1) / 2
    return ((x / step + shift).round() - shift) * step


def _through_zero(x: Tensor, bits: int, step: float) -> Tensor:
    half = 2 ** (bits - 1)
    return (x / step).round().clamp(-half, half - 1) * step


RECORD = (
    Wrong(
        "no keys",
        lambda x, keys, levels: _levels(x, levels).sum(0),
        "when the keys are left out: a sum of levels does not say which feature has which.",
    ),
    Wrong(
        "keys added",
        lambda x, keys, levels: (keys + _levels(x, levels)).sum(0),
        "when keys are added to levels: a product binds them.",
    ),
    Wrong(
        "rounded down",
        _rounded_down,
        "when the level below is taken: the nearest counts.",
    ),
    Wrong(
        "round the end",
        _round_the_end,
        "when numbers below 0 or above 1 begin at the other end: they count as the end itself.",
    ),
)

CORRECTED = (
    Wrong(
        "full steps",
        _full_steps,
        "when every mistake moves by the whole of h: the weight is 1 less the cosine.",
    ),
    Wrong(
        "nothing is lost",
        _gain_alone,
        "when the class that h was taken for loses nothing.",
    ),
    Wrong(
        "corrected without a mistake",
        _always,
        "when an example that is right already moves its class.",
    ),
    Wrong(
        "the cosine as weight",
        _by_the_cosine,
        "when the weight is the cosine: a class that is far needs the larger step.",
    ),
)

ROUNDED = (
    Wrong(
        "no end",
        _no_end,
        "when there is no last level: 2^bits levels are all there are.",
    ),
    Wrong(
        "a level at 0",
        _through_zero,
        "when 0 is a level: then one side has a level more than the other.",
    ),
    Wrong(
        "the level and not its number",
        lambda x, bits, step: (x / step + (2**bits - 1) / 2).round().clamp(0, 2**bits - 1),
        "of the levels as counted from 0: give back the numbers that they stand for.",
    ),
    Wrong(
        "signs alone",
        lambda x, bits, step: x.sign() * step / 2,
        "when only the sign is kept: that is right for 1 bit, and for others much is lost.",
    ),
)
