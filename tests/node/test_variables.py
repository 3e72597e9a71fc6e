"""What an analysis sees of a person: one row, with the values of the first row of each entity."""

from collections.abc import Iterator

import duckdb
import numpy as np
import pytest

from hanse.analysis.data import Table
from hanse.core.errors import BadAnalysis
from hanse.domains import VOCABULARY
from hanse.node.columns import Columns
from hanse.node.index import column_type
from hanse.node.variables import table

ROWS = {
    "person": [(0, "female", 70), (1, "male", None), (2, None, 55)],
    "condition": [(0, "II", 400), (0, "III", 0), (0, "I", 0), (2, "IV", None), (2, None, 9)],
}
SHOWN = {"person": ("sex", "age"), "condition": ("stage_group", "day")}


@pytest.fixture
def columns() -> Iterator[Columns]:
    """Tables as the index holds them: sorted by person."""
    with duckdb.connect() as connection:
        for entity, rows in ROWS.items():
            types = [column_type(VOCABULARY.fields[f"{entity}.{name}"]) for name in SHOWN[entity]]
            named = ", ".join(f"{name} {type}" for name, type in zip(SHOWN[entity], types, strict=True))
            connection.execute(f"CREATE TABLE {entity} (person INTEGER, {named})")
            connection.executemany(f"INSERT INTO {entity} VALUES (?, ?, ?)", rows)
        yield Columns(lambda sql: connection.execute(sql).fetchnumpy(), 3)


def seen(columns: Columns, persons: list[int], *names: str) -> Table:
    fields = [VOCABULARY.fields[name] for name in names]
    return table(columns, np.array(persons, np.int32), fields, VOCABULARY)


def codes(found: Table, name: str) -> list[str]:
    column = found.coded(name)
    return [column.names[place] if place >= 0 else "" for place in column.places]


def test_the_row_of_a_person_is_taken_as_it_is(columns: Columns) -> None:
    found = seen(columns, [0, 1, 2], "person.sex", "person.age")
    assert codes(found, "person.sex") == ["female", "male", ""]
    np.testing.assert_array_equal(found.numbers("person.age").values, [70, np.nan, 55])


def test_of_several_rows_the_earliest_counts_and_one_without_a_day_comes_last(columns: Columns) -> None:
    """Of two on one day the one that stands first; a person without a row has no value."""
    found = seen(columns, [0, 1, 2], "condition.stage_group", "condition.day")
    assert codes(found, "condition.stage_group") == ["III", "", ""]
    np.testing.assert_array_equal(found.numbers("condition.day").values, [0, np.nan, 9])


def test_only_the_selected_persons_are_seen(columns: Columns) -> None:
    found = seen(columns, [2], "person.age", "condition.day")
    assert (found.persons, found.numbers("person.age").values.tolist()) == (1, [55])
    assert seen(columns, [], "person.age", "condition.day").persons == 0


def test_a_field_that_was_not_loaded_is_named(columns: Columns) -> None:
    with pytest.raises(BadAnalysis, match=r"no data in person\.vital_status"):
        seen(columns, [0], "person.sex").coded("person.vital_status")
