"""What was told of each version is kept as long as the version stands."""

from dataclasses import replace
from datetime import timedelta

import sqlalchemy as sa
from tests.hub.test_catalogue import SECOND, describe, node, record

from hanse.core.answer import Counts, Rule
from hanse.core.record import Record, Variable, Version
from hanse.hub import history
from hanse.lib import sql
from hanse.lib.jws import FileKey

FEW = Counts(Rule.ROUNDED, 110, 130, 600, rounding=10)
AT = "2026-11-22T00:00:00Z"


def version(key: FileKey, number: int, persons: int, *fields: str, withdrawn: int = 0) -> Record:
    """The dataset at its version of this number; that of the number `withdrawn` is."""
    versions = tuple(Version(one, "d" * 64, AT, withdrawn=one == withdrawn) for one in range(1, number + 1))
    counts = Counts(Rule.ROUNDED, persons, 200, 900, rounding=10)
    return replace(
        record(key), counts=counts, versions=versions, variables=tuple(Variable(one, FEW) for one in fields)
    )


def kept(records: sa.Engine, key: FileKey) -> list[tuple[int, int | None, tuple[str, ...]]]:
    with sql.read(records) as connection:
        return [
            (one.version, one.counts.persons, one.fields) for one in history.of(connection, record(key).id)
        ]


def test_each_version_keeps_what_was_last_told_of_it(records: sa.Engine) -> None:
    key = node(records)
    told = [
        version(key, 1, 120, "person.age"),
        version(key, 1, 130, "person.age"),
        version(key, 2, 140, "person.sex"),
    ]
    for place, one in enumerate(told):
        describe(records, key, one, later=place * SECOND)
    assert kept(records, key) == [(1, 130, ("person.age",)), (2, 140, ("person.sex",))]


def test_what_is_withdrawn_is_forgotten(records: sa.Engine) -> None:
    key = node(records)
    describe(records, key, version(key, 1, 120))
    describe(records, key, version(key, 2, 140, withdrawn=1), later=SECOND)
    assert kept(records, key) == [(2, 140, ())]
    describe(records, key, later=timedelta(seconds=2))
    assert kept(records, key) == []
