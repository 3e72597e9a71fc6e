"""`describe`: for each variable how many persons have which value; of numbers the mean, the spread and quantiles."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hanse.analysis import distribution, method, variable
from hanse.analysis.data import Table
from hanse.analysis.distribution import QUANTILES, Distribution
from hanse.analysis.method import Aggregate, Method
from hanse.analysis.result import Column, Number, Result, Sheet
from hanse.analysis.variable import Variable
from hanse.core import release as rules
from hanse.core import shape
from hanse.core.errors import BadAnalysis
from hanse.core.fields import Vocabulary
from hanse.core.release import Draw, Limits, Why

MAX_VARIABLES = 30

Variables = tuple[Variable, ...]


@dataclass(frozen=True, slots=True)
class Moments:
    """`squares` is the sum of the squared distances from the mean, of `n` persons."""

    n: int = 0
    mean: float = 0.0
    squares: float = 0.0

    def __add__(self, other: "Moments") -> "Moments":
        """Of both together (Chan, Golub and LeVeque, Amer. Statistician 37, 1983)."""
        n = self.n + other.n
        if not self.n or not other.n:
            return self if self.n else other
        apart = other.mean - self.mean
        squares = self.squares + other.squares + apart**2 * self.n * other.n / n
        return Moments(n, self.mean + apart * other.n / n, squares)

    @property
    def deviation(self) -> float:
        """The standard deviation, with n - 1; NaN for fewer than two persons."""
        return math.sqrt(self.squares / (self.n - 1)) if self.n > 1 else math.nan


@dataclass(frozen=True, slots=True)
class Described:
    """Exact counts of one variable, and of a number its moments between the edges."""

    counts: NDArray[np.int64]
    moments: Moments | None


def _parameters(body: Any, vocabulary: Vocabulary) -> Variables:
    body = shape.members(body, "parameters", frozenset({"variables"}))
    found = shape.items(
        body, "variables", lambda one: variable.read(one, "variables", vocabulary), most=MAX_VARIABLES
    )
    if not found or len({one.field for one in found}) != len(found):
        raise BadAnalysis(
            "The variables are not one or more different fields.",
            hint='Write them as variables=[{"field": "person.sex"}].',
        )
    method.bounded(sum(one.size for one in found))
    return found


def _canonical(parameters: Variables) -> dict[str, Any]:
    return {"variables": [one.as_dict() for one in parameters]}


def _fields(parameters: Variables) -> tuple[str, ...]:
    return tuple(one.field for one in parameters)


def step(data: Table, parameters: Variables) -> dict[str, Any]:
    """For each variable the counts, and of numbers between the edges n, mean and squares."""
    return {"persons": data.persons, "variables": [_described(data, one) for one in parameters]}


def _described(data: Table, one: Variable) -> dict[str, Any]:
    found: dict[str, Any] = {"counts": distribution.counted(data, one).tolist()}
    if one.edges:
        values = data.numbers(one.field).values
        inside = values[(values >= one.edges[0]) & (values < one.edges[-1])]
        mean = float(inside.mean()) if len(inside) else 0.0
        found |= {"mean": mean, "squares": float(((inside - mean) ** 2).sum())}
    return found


def blur(aggregate: Aggregate, parameters: Variables, draw: Draw) -> dict[str, Any]:
    """The same with noise on each count. Moments are those of the noisy bins, as if each person had the value in the
    middle: exact ones would tell of a person what the counts hide."""
    found = method.blurred(aggregate, draw)
    found["variables"] = [
        _blurred(one, variable, partial(_named, draw, at))
        for at, (one, variable) in enumerate(zip(aggregate["variables"], parameters, strict=True))
    ]
    return found


def _named(draw: Draw, at: int, name: str, count: int) -> NDArray[np.int64]:
    return draw(f"{at} {name}", count)


def _blurred(one: Aggregate, variable: Variable, draw: Draw) -> dict[str, Any]:
    found = method.blurred(one, draw, "counts")
    if variable.edges:
        inside, edges = np.maximum(0, found["counts"][: variable.categories]), np.array(variable.edges)
        middles, n = (edges[:-1] + edges[1:]) / 2, max(1, int(inside.sum()))
        mean = float((inside * middles).sum() / n)
        found |= {"mean": mean, "squares": float((inside * (middles - mean) ** 2).sum())}
    return found


def merge(aggregates: Sequence[Aggregate], parameters: Variables) -> tuple[Described, ...]:
    """For each variable the counts and the moments over all nodes."""
    per_node = [shape.items(one, "variables", _part(one), most=len(parameters)) for one in aggregates]
    if any(len(one) != len(parameters) for one in per_node):
        raise BadAnalysis("An intermediate has another number of variables than the parameters.")
    return tuple(_merged([one[at] for one in per_node], variable) for at, variable in enumerate(parameters))


def _part(aggregate: Aggregate) -> Callable[[Any], Mapping[str, Any]]:
    """Reads one variable of an intermediate, which carries the noise of the whole."""
    noise = method.noise(aggregate)
    return lambda body: {**shape.mapping(body, "variables"), "noise": noise}


def _merged(parts: Sequence[Aggregate], variable: Variable) -> Described:
    counts = method.merged_counts(parts, "counts", variable.size)
    if not variable.edges:
        return Described(counts, None)
    return Described(counts, sum((_moments(one, variable) for one in parts), Moments()))


def _moments(aggregate: Aggregate, variable: Variable) -> Moments:
    counts = method.counts(aggregate, "counts", variable.size)[: variable.categories]
    n = int(np.maximum(0, counts).sum())
    mean, squares = (method.number(aggregate, name) for name in ("mean", "squares"))
    if n and not (variable.edges[0] <= mean <= variable.edges[-1] and squares >= 0):
        raise BadAnalysis("An intermediate has a mean outside the edges, or a negative sum of squares.")
    return Moments(n, mean, squares)


def release(merged: Sequence[Described], parameters: Variables, limits: Limits) -> Result:
    """A table of all numbers, then one of each variable's categories."""
    shown = [
        distribution.distribution(one.counts, variable, limits)
        for one, variable in zip(merged, parameters, strict=True)
    ]
    numbers = [
        _summary(described, one, limits)
        for described, one in zip(merged, shown, strict=True)
        if one.variable.edges
    ]
    sheets = [one.sheet() for one in shown]
    if numbers:
        names = ("n", "mean", "sd", "least edge", "greatest edge", *(f"{share:.0%}" for share in QUANTILES))
        sheets.insert(0, Sheet("Numbers", tuple(map(Column, ("variable", "unit", *names))), tuple(numbers)))
    notes = tuple(note for one in shown for note in one.notes())
    return Result("describe", tuple(sheets), shown[0].figure(), limits, notes)


def _summary(described: Described, shown: Distribution, limits: Limits) -> tuple[str | Number, ...]:
    """A row: n, mean and spread between the edges, the outermost edges that enough persons lie within, quantiles."""
    variable, names = shown.variable, (shown.variable.field, shown.variable.unit)
    if not shown.groups or described.moments is None:
        return (*names, *[Number(None, Why.WITHHELD)] * (5 + len(QUANTILES)))
    outer = variable.edges[shown.groups[0][0]], variable.edges[shown.groups[-1][-1] + 1]
    computed = (*outer, *map(shown.quantile, QUANTILES))
    n = Number(int(shown.counts.sum()), Why.COMPUTED)
    mean = _mean(described, variable, limits)
    return (*names, n, *mean, *(Number(one, Why.COMPUTED) for one in computed))


def _mean(described: Described, variable: Variable, limits: Limits) -> tuple[Number, Number]:
    moments = described.moments or Moments()
    if rules.dominated(described.counts[: variable.categories], variable.edges, limits):
        return Number(None, Why.DOMINANCE), Number(None, Why.DOMINANCE)
    spread = moments.deviation
    mean, deviation = (rules.coarse(one, spread, moments.n, limits) for one in (moments.mean, spread))
    return Number(mean, Why.COARSE), Number(deviation, Why.COARSE)


DESCRIBE: Method[Variables, tuple[Described, ...]] = Method(
    "describe",
    "For each variable how many persons have which value; of numbers the mean, the spread and quantiles.",
    _parameters,
    _canonical,
    _fields,
    step,
    blur,
    merge,
    release,
    len,
)
