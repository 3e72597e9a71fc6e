"""Survival from counts: at risk and events at each point of a grid of days. Pure functions of arrays."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hanse.analysis import chance

LEVEL = 0.95

Values = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Curve:
    """At the days of `grid`, which begins with 0: the share without the event, its variance and its band. `at_risk` has
    one number for each interval."""

    grid: Values
    at_risk: Counts
    survival: Values
    variance: Values
    low: Values
    high: Values


@dataclass(frozen=True, slots=True)
class LogRank:
    """`p` is the chance of a chi-square as large when the groups do not differ."""

    chi_square: float
    freedom: int
    p: float


def at_risk(events: Counts, censored: Counts, persons: Counts) -> Counts:
    """Who is followed at the start of each interval, a row a group."""
    gone = np.cumsum(events + censored, axis=1)
    return persons[:, None] - gone + events + censored


def curve(grid: Values, at_risk: Counts, events: Counts) -> Curve:
    """The product-limit estimator with Greenwood's variance and a band on the scale of log(-log) (Kalbfleisch and
    Prentice, 2002, 1.4); the band has no width where nobody or everybody had the event."""
    alive = at_risk - events
    with np.errstate(divide="ignore", invalid="ignore"):
        survival = np.cumprod(np.where(at_risk > 0, alive / at_risk, 1.0))
        hazard = np.cumsum(np.where(events > 0, events / (at_risk * alive.astype(float)), 0.0))
        variance = np.where(survival > 0, survival**2 * hazard, 0.0)
        width = chance.normal_quantile((1 + LEVEL) / 2) * np.sqrt(hazard) / np.abs(np.log(survival))
        inner = (survival > 0) & (survival < 1)
        low = np.where(inner, survival ** np.exp(width), survival)
        high = np.where(inner, survival ** np.exp(-width), survival)
    first = [(1.0, survival), (0.0, variance), (1.0, low), (1.0, high)]
    return Curve(grid, at_risk, *(np.concatenate([[start], one]) for start, one in first))


def median(curve: Curve) -> float | None:
    """The first day of the grid on which half or fewer are without the event; None when it is never reached."""
    reached = np.flatnonzero(curve.survival <= 0.5 + 1e-12)
    return float(curve.grid[reached[0]]) if len(reached) else None


def restricted_mean(curve: Curve) -> float:
    """The mean days without the event up to the last day of the grid: the area under the steps."""
    return float((np.diff(curve.grid) * curve.survival[:-1]).sum())


def log_rank(at_risk: Counts, events: Counts) -> LogRank | None:
    """Whether groups (the rows) have the same survival (Mantel, Cancer Chemother. Rep. 50, 1966), with the
    hypergeometric variance for ties. None when it cannot be said: fewer than two groups with anybody, or no event."""
    present = at_risk.sum(axis=1) > 0
    risk, dead = at_risk[present].astype(float), events[present].astype(float)
    total, fallen = risk.sum(axis=0), dead.sum(axis=0)
    use = (total > 1) & (fallen > 0)
    risk, dead, total, fallen = risk[:, use], dead[:, use], total[use], fallen[use]
    if len(risk) < 2 or not use.any():
        return None
    share = risk / total
    apart = (dead - fallen * share).sum(axis=1)[:-1]
    spread = fallen * (total - fallen) / (total - 1)
    covariance = np.diag((spread * share).sum(axis=1)) - (spread * share) @ share.T
    covariance = covariance[:-1, :-1]  # the last group follows from the others
    if np.linalg.matrix_rank(covariance) < len(covariance):
        return None
    found, freedom = float(apart @ np.linalg.solve(covariance, apart)), len(apart)
    return LogRank(found, freedom, chance.chi_square_tail(found, freedom))
