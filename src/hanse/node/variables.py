"""The columns of permitted persons as an analysis sees them: one row a person, the first of each entity.

Only the gate has columns of published rows to hand in here.
"""

from collections.abc import Iterable

import numpy as np

from hanse.analysis.data import Coded, Numbers, Table
from hanse.analysis.variable import CODED, TRUTH
from hanse.core.fields import PERSON, Field, Vocabulary
from hanse.node.columns import Columns, Places


def table(columns: Columns, persons: Places, fields: Iterable[Field], vocabulary: Vocabulary) -> Table:
    """These fields of these persons (sorted places, each once). `analysis.variable.known` says which fields may be."""
    needed = list(fields)
    first = {
        entity: _first(columns, persons, entity, vocabulary) for entity in {one.entity for one in needed}
    }
    return Table(len(persons), {one.name: _column(columns, one, first[one.entity]) for one in needed})


def _first(columns: Columns, persons: Places, entity: str, vocabulary: Vocabulary) -> Places:
    """The place of each person's first row by its day, rows without a day last; -1 for persons without a row."""
    if entity == PERSON:
        return persons
    rows, starts = columns.rows_of(entity, persons), columns.starts(entity)
    owner = columns.owners(entity)[rows]
    name = vocabulary.day(entity)
    days = columns.values(vocabulary.fields[name])[rows] if name else np.zeros(len(rows))
    ranked = rows[np.lexsort((rows, days, owner))]  # NaN is sorted last
    lengths = starts[persons + 1] - starts[persons]
    found = np.full(len(persons), -1, np.int32)
    found[lengths > 0] = ranked[(np.cumsum(lengths) - lengths)[lengths > 0]]
    return found


def _column(columns: Columns, field: Field, rows: Places) -> Coded | Numbers:
    values = columns.values(field)
    missing = -1 if field.type in CODED else np.nan
    taken = np.append(values, np.array([missing], values.dtype))[rows]  # row -1 is the missing one
    if field.type in CODED:
        return Coded(taken.astype(np.int16), tuple(field.codes.codes) if field.codes else TRUTH)
    return Numbers(taken.astype(np.float64))
