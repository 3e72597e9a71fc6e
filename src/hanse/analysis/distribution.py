"""How persons are distributed over the categories of one variable: what `histogram` and `describe` share."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hanse.analysis.data import Table
from hanse.analysis.result import Column, Figure, Number, Sheet, histogram
from hanse.analysis.variable import Variable
from hanse.core import release
from hanse.core.release import Counts, Groups, Limits, Why

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def counted(table: Table, variable: Variable) -> NDArray[np.int64]:
    """How many persons are in each category, then in each of the variable's `others`."""
    return np.bincount(variable.places(table), minlength=variable.size)


@dataclass(frozen=True, slots=True)
class Distribution:
    """What may be seen of a variable: rounded `counts` of groups of categories, and `others` by name, -1 where
    withheld."""

    variable: Variable
    groups: Groups
    counts: Counts
    others: Counts
    why: Why

    @property
    def labels(self) -> list[str]:
        return [self.variable.label(one) for one in self.groups]

    def sheet(self) -> Sheet:
        """A row for each group and each of the others, and the persons in categories that are shown."""
        named = [*self.labels, *self.variable.others]
        rows = [
            (name, one if isinstance(one, Number) else Number(one, self.why))
            for name, one in zip(named, [*self.counts.tolist(), *map(self._other, self.others)], strict=True)
        ]
        total = Number(int(self.counts.sum()), Why.COMPUTED) if self.groups else Number(None, Why.WITHHELD)
        columns = (Column(self.variable.field, self.variable.unit), Column("persons"))
        return Sheet(self.variable.field, columns, (*rows, ("all shown", total)))

    def _other(self, count: int) -> Number:
        return Number(None, Why.WITHHELD) if count == release.WITHHELD else Number(int(count), self.why)

    def figure(self) -> Figure:
        """Bars of the groups."""
        x = Column(self.variable.field, self.variable.unit)
        return histogram(self.variable.field, x, self.labels, self.counts.tolist(), self.variable.ordered)

    def quantile(self, share: float) -> float | None:
        """The value below which this share of the shown persons lies, as if they were spread evenly within each bin."""
        total = self.counts.sum()
        if not self.variable.edges or not total:
            return None
        edges = [self.variable.edges[one[0]] for one in self.groups]
        edges.append(self.variable.edges[self.groups[-1][-1] + 1])
        reached = np.concatenate([[0], np.cumsum(self.counts)])
        return release.significant(float(np.interp(share * total, reached, edges)), 3)

    def notes(self) -> tuple[str, ...]:
        """What of the categories is not shown as it was asked for."""
        field, shown = self.variable.field, sum(map(len, self.groups))
        found = []
        if any(len(one) > 1 for one in self.groups):
            found.append(f"{field}: categories with too few persons are shown as one.")
        if shown < self.variable.categories:
            found.append(f"{field}: categories with too few persons are left out, of the totals too.")
        return tuple(found)


def distribution(counts: Counts, variable: Variable, limits: Limits) -> Distribution:
    """What may be seen of merged counts by category."""
    inside, outside = counts[: variable.categories], counts[variable.categories :]
    groups = release.groups(inside, limits, ordered=variable.ordered)
    others = np.where(outside >= limits.floor(), release.shown(outside, limits), release.WITHHELD)
    return Distribution(
        variable, groups, release.shown(release.summed(inside, groups), limits), others, limits.counted
    )
