"""The tables of the index as arrays, each read when it is first needed.

A table's rows are sorted by person and stand at places from 0. Counting what a question found, and the criteria of
small tables, need no SQL: SQL is planned anew for every question, and that takes longer than to read 20 000 numbers.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from hanse.core.fields import PERSON, Field, Type

Places = NDArray[np.int32]
Values = NDArray[np.generic]

_CODED = frozenset({Type.CODE, Type.BOOLEAN})
NUMBERED = frozenset({Type.INTEGER, Type.NUMBER, Type.DAY})


class Columns:
    """`read` runs SQL and gives its columns by name; `persons` is how many persons there are."""

    def __init__(self, read: Callable[[str], Mapping[str, Values]], persons: int) -> None:
        self._read = read
        self._persons = persons
        self._owners: dict[str, Places] = {PERSON: np.arange(persons, dtype=np.int32)}
        self._starts: dict[str, Places] = {PERSON: np.arange(persons + 1, dtype=np.int32)}
        self._values: dict[str, Values] = {}
        self._coded: dict[str, tuple[NDArray[np.int16], tuple[str, ...]]] = {}

    def owners(self, entity: str) -> Places:
        """The person of each row."""
        if entity not in self._owners:
            owners = self._read(f'SELECT person FROM "{entity}" ORDER BY rowid')["person"].astype(np.int32)
            starts = np.searchsorted(owners, np.arange(self._persons + 1)).astype(np.int32)
            self._owners[entity], self._starts[entity] = owners, starts
        return self._owners[entity]

    def starts(self, entity: str) -> Places:
        """Where the rows of each person begin, and after the last person where they end."""
        self.owners(entity)
        return self._starts[entity]

    def rows_of(self, entity: str, persons: Places) -> Places:
        """The places of all rows of these persons."""
        starts = self.starts(entity)
        first, lengths = starts[persons], starts[persons + 1] - starts[persons]
        before = np.cumsum(lengths) - lengths
        return (np.arange(lengths.sum()) + np.repeat(first - before, lengths)).astype(np.int32)

    def values(self, field: Field) -> Values:
        """One for each row: the number of a code or 0 and 1 of a truth value, -1 when it is unknown; the value of a
        number, NaN when it is unknown."""
        if field.name not in self._values:
            self._values[field.name] = self._column(field)
        return self._values[field.name]

    def coded(self, field: Field) -> tuple[NDArray[np.int16], tuple[str, ...]]:
        """For each row the number of its value among those of a breakdown, -1 when it is unknown; and the values."""
        if field.name not in self._coded:
            self._coded[field.name] = (
                (self.values(field).astype(np.int16), _names(field))
                if field.type in _CODED
                else _banded(self._column(field), field)
            )
        return self._coded[field.name]

    def _column(self, field: Field) -> Values:
        coded = field.type in _CODED
        value = f'enum_code("{field.column}")' if field.codes else f'"{field.column}"'
        kind, unknown = ("INTEGER", -1) if coded else ("DOUBLE", np.nan)
        read = self._read(f'SELECT ({value})::{kind} AS value FROM "{field.entity}" ORDER BY rowid')["value"]
        whole = read.filled(unknown) if isinstance(read, np.ma.MaskedArray) else read
        return whole.astype(np.int16) if coded else whole


def _names(field: Field) -> tuple[str, ...]:
    return tuple(field.codes.codes) if field.codes else ("false", "true")


def _banded(values: Values, field: Field) -> tuple[NDArray[np.int16], tuple[str, ...]]:
    band = field.band or 1
    known = ~np.isnan(values)
    bands, places = np.unique((values[known] // band * band).astype(np.int64), return_inverse=True)
    codes = np.full(len(values), -1, np.int16)
    codes[known] = places
    names = (f"{one}-{one + band - 1}" if field.band else str(one) for one in bands.tolist())
    return codes, tuple(names)
