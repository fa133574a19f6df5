"""numba: exp(z), its mean over a step, and the slope of that mean, in vector registers."""

import math

import numba
import numpy as np
from numba import types
from numba.extending import overload

from marslab.kernels.threads import FASTMATH

TERMS = 14  # of exp near 0, enough for float64


def _power_of_two(k):
    raise NotImplementedError


@overload(_power_of_two, inline="always")
def _(k):
    if k == types.float32:
        return lambda k: np.int32((np.int32(k) + np.int32(127)) << np.int32(23)).view(np.float32)
    return lambda k: np.int64((np.int64(k) + np.int64(1023)) << np.int64(52)).view(np.float64)


@numba.njit(fastmath=FASTMATH, error_model="numpy", inline="always")
def exponential(z, least):
    """exp(z) and (exp(z) - 1) / z for z <= 0, both to the last digits, in vector registers.

    z = k log 2 + r with |r| <= log 2 / 2, and exp(r) - 1 is r times a series. At k = 0 that series
    is the quotient; elsewhere exp(z) is far from 1 and nothing cancels.
    """
    T = type(z)
    held = least if z < least else z
    k = np.floor(held * T(1 / math.log(2)) + T(0.5))
    r = held - k * T(0.693359375) + k * T(2.12194440054690583e-4)  # log 2 in two parts
    series = T(1)
    for n in range(TERMS, 1, -1):
        series = T(1) + r * series * T(1 / n)
    scale = _power_of_two(k)
    above = scale * r * series
    decay = T(0) if z < least else above + scale
    return decay, series if k == T(0) else (above + (scale - T(1))) / z


@numba.njit(fastmath=FASTMATH, error_model="numpy", inline="always")
def slope(z, decay, mean):
    """d/dz of (exp(z) - 1) / z, which is (exp(z) - mean) / z away from 0."""
    T = type(z)
    near = abs(z) < T(0.3466)
    held = T(-1) if near else z
    series = T(1)
    for n in range(TERMS, 0, -1):
        series = T(1) + z * series * T((n + 1) / (n * (n + 2)))
    return T(0.5) * series if near else (decay - mean) / held
