"""`crosstab`: how many persons have each pair of categories of two variables, and whether the two go together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hanse.analysis import chance, method, variable
from hanse.analysis.data import Table
from hanse.analysis.method import Aggregate, Method
from hanse.analysis.result import Column, Number, Result, Sheet, histogram, numbers
from hanse.analysis.variable import Variable
from hanse.core import release as rules
from hanse.core import shape
from hanse.core.errors import BadAnalysis
from hanse.core.fields import Vocabulary
from hanse.core.release import Cross, Draw, Limits, Why


@dataclass(frozen=True, slots=True)
class Pair:
    rows: Variable
    columns: Variable


@dataclass(frozen=True, slots=True)
class Association:
    """Pearson's chi-square of a table; `p` is the chance of one as large when nothing goes together."""

    chi_square: float
    freedom: int
    p: float


def _parameters(body: Any, vocabulary: Vocabulary) -> Pair:
    body = shape.members(body, "parameters", frozenset({"rows", "columns"}))
    found = Pair(*(variable.read(body.get(name), name, vocabulary) for name in ("rows", "columns")))
    if found.rows.field == found.columns.field:
        raise BadAnalysis("The rows and the columns are the same field.", hint="Use describe for one field.")
    method.bounded(found.rows.size * found.columns.size)
    return found


def _canonical(parameters: Pair) -> dict[str, Any]:
    return {"rows": parameters.rows.as_dict(), "columns": parameters.columns.as_dict()}


def _fields(parameters: Pair) -> tuple[str, ...]:
    return parameters.rows.field, parameters.columns.field


def step(data: Table, parameters: Pair) -> dict[str, Any]:
    """Persons by pair of categories; the last rows and columns are those in no category."""
    rows, columns = parameters.rows, parameters.columns
    places = rows.places(data) * columns.size + columns.places(data)
    counts = np.bincount(places, minlength=rows.size * columns.size).reshape(rows.size, columns.size)
    return {"persons": data.persons, "counts": counts.tolist()}


def blur(aggregate: Aggregate, parameters: Pair, draw: Draw) -> dict[str, Any]:
    """The same with noise on each count."""
    return method.blurred(aggregate, draw, "counts")


def merge(aggregates: Sequence[Aggregate], parameters: Pair) -> NDArray[np.int64]:
    """The counts over all nodes."""
    return method.merged_counts(aggregates, "counts", parameters.rows.size, parameters.columns.size)


def association(counts: NDArray[np.int64]) -> Association | None:
    """Pearson's chi-square without correction, over rows and columns that hold somebody; None when fewer than two
    of either do."""
    table = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0].astype(float)
    if min(table.shape) < 2:
        return None
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    found, freedom = (
        float(((table - expected) ** 2 / expected).sum()),
        (table.shape[0] - 1) * (table.shape[1] - 1),
    )
    return Association(found, freedom, chance.chi_square_tail(found, freedom))


def release(merged: NDArray[np.int64], parameters: Pair, limits: Limits) -> Result:
    """A table with margins over what it shows; chi-square when no cell is withheld and none carries noise."""
    inside = merged[: parameters.rows.categories, : parameters.columns.categories]
    ordered = parameters.rows.ordered, parameters.columns.ordered
    shown = rules.cross(inside, limits, ordered=ordered)
    title = f"{parameters.rows.field} by {parameters.columns.field}"
    labels = [parameters.rows.label(one) for one in shown.rows]
    figure = histogram(
        parameters.rows.field,
        Column(parameters.rows.field, parameters.rows.unit),
        labels,
        shown.row_totals.tolist(),
        parameters.rows.ordered,
    )
    sheets = (_sheet(title, parameters, shown, limits), _statistics(inside, shown, limits))
    return Result("crosstab", sheets, figure, limits, _notes(parameters, shown))


def _sheet(title: str, parameters: Pair, shown: Cross, limits: Limits) -> Sheet:
    names = [*(parameters.columns.label(one) for one in shown.columns), "all shown"]
    columns = (
        Column(parameters.rows.field, parameters.rows.unit),
        *(Column(one, "persons") for one in names),
    )
    body = np.column_stack([shown.cells, shown.row_totals]) if shown.rows else np.zeros((0, 1), np.int64)
    rows: list[tuple[str | Number, ...]] = [
        (parameters.rows.label(group), *numbers(cells, limits.counted))
        for group, cells in zip(shown.rows, body.tolist(), strict=True)
    ]
    total = rules.WITHHELD if shown.total is None else shown.total
    last: tuple[str | Number, ...] = (
        "all shown",
        *numbers([*shown.column_totals.tolist(), total], limits.counted),
    )
    return Sheet(title, columns, (*rows, last))


def _statistics(inside: NDArray[np.int64], shown: Cross, limits: Limits) -> Sheet:
    """Of the groups that are shown, and to two digits: a withheld cell could be computed from more. Of counts with
    noise there are none, since noise would pass for an association."""
    table = rules.summed(rules.summed(inside, shown.rows), shown.columns, 1)
    hidden = not shown.rows or limits.noise > 0 or bool((shown.cells == rules.WITHHELD).any())
    found = None if hidden else association(table)
    why = Why.WITHHELD if hidden else Why.COARSE
    values = (
        ("chi-square", rules.significant(found.chi_square) if found else None),
        ("degrees of freedom", found.freedom if found else None),
        ("p", rules.significant(found.p) if found else None),
    )
    return Sheet(
        "Association",
        (Column("statistic"), Column("value")),
        tuple((name, Number(one, why)) for name, one in values),
    )


def _notes(parameters: Pair, shown: Cross) -> tuple[str, ...]:
    found = []
    for one, groups in ((parameters.rows, shown.rows), (parameters.columns, shown.columns)):
        if any(len(group) > 1 for group in groups):
            found.append(f"{one.field}: categories with too few persons are shown as one.")
        if sum(map(len, groups)) < one.categories:
            found.append(f"{one.field}: categories with too few persons are left out, of the totals too.")
    if (shown.cells == rules.WITHHELD).any():
        found.append("Some cells are withheld: they stand for too few persons, or hide one that does.")
    return tuple(found)


CROSSTAB: Method[Pair, NDArray[np.int64]] = Method(
    "crosstab",
    "How many persons have each pair of categories of two variables, with chi-square.",
    _parameters,
    _canonical,
    _fields,
    step,
    blur,
    merge,
    release,
)
