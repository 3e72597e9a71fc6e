"""The two distributions that tests and confidence bands need, in closed form."""

import math
from statistics import NormalDist


def normal_quantile(share: float) -> float:
    """The value below which this share of the standard normal distribution lies."""
    return NormalDist().inv_cdf(share)


def chi_square_tail(value: float, freedom: int) -> float:
    """The chance that a chi-square variable of so many degrees of freedom (1 or more) exceeds `value`.

    The recurrence of the upper incomplete gamma function (DLMF 8.8.6), from erfc or exp upwards, each term by its
    logarithm.
    """
    if value <= 0:
        return 1.0
    half = value / 2
    found, shape = (math.erfc(math.sqrt(half)), 0.5) if freedom % 2 else (math.exp(-half), 1.0)
    while shape < freedom / 2:
        found += math.exp(shape * math.log(half) - half - math.lgamma(shape + 1))
        shape += 1
    return min(found, 1.0)
