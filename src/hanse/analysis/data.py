"""What a step sees of the permitted persons: a small table, one row a person, one column a field.

A person can have several rows of an entity (several conditions, many images). A step sees the person's *first* row of
each entity: the one with the earliest day, rows without a day last. So every number of an analysis counts persons.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hanse.core.errors import BadAnalysis


@dataclass(frozen=True, slots=True)
class Coded:
    """Codes, or truth values as `false` and `true`: for each person the place of the code in `names`, -1 where there is
    no value."""

    places: NDArray[np.int16]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.places)


@dataclass(frozen=True, slots=True)
class Numbers:
    """Numbers, or whole days since the person's baseline; NaN where there is no value."""

    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True, slots=True)
class Table:
    """The columns by the names of their fields, each with a value or a missing mark for every one of `persons`."""

    persons: int
    columns: Mapping[str, Coded | Numbers]

    def __post_init__(self) -> None:
        if any(len(column) != self.persons for column in self.columns.values()):
            raise ValueError("the columns of a table have different lengths")

    def coded(self, field: str) -> Coded:
        """The column of a field with codes."""
        column = self._column(field)
        if not isinstance(column, Coded):
            raise BadAnalysis(f"{field} holds numbers here.", hint="Name bin edges instead of codes.")
        return column

    def numbers(self, field: str) -> Numbers:
        """The column of a field with numbers or days."""
        column = self._column(field)
        if not isinstance(column, Numbers):
            raise BadAnalysis(f"{field} holds codes here.", hint="Name codes instead of bin edges.")
        return column

    def _column(self, field: str) -> Coded | Numbers:
        if field not in self.columns:
            raise BadAnalysis(
                f"The dataset has no data in {field}.", hint="Leave the dataset out, or choose another field."
            )
        return self.columns[field]
