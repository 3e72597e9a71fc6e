"""The catalogue says what nodes said, each about its own datasets only."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from tests.hub.test_registry import decide, enrol, invite

from hanse.core import clock, ids
from hanse.core.answer import Counts, Rule
from hanse.core.errors import BadEnvelope, NotFound
from hanse.core.policy import Access
from hanse.core.record import Description, Record, english, spoken
from hanse.hub import catalogue
from hanse.lib import sql
from hanse.lib.jws import FileKey

SECOND = timedelta(seconds=1)


def node(records: sa.Engine, name: str = "Turku") -> FileKey:
    key = FileKey.generate()
    enrol(records, invite(records), key, name)
    decide(records, "approve", key)
    return key


def record(key: FileKey, name: str = "breast", title: str = "Breast MR") -> Record:
    id = ids.of_dataset(key.public.kid, name)
    return Record(
        id,
        Access.PROTECTED,
        Counts(Rule.ROUNDED, 120, 130, 600, rounding=10),
        Description(name, english(title)),
    )


def describe(records: sa.Engine, key: FileKey, *described: Record, later: timedelta = timedelta(0)) -> None:
    with sql.begin(records) as connection:
        catalogue.describe(connection, ids.of_node(key.public.kid), described, clock.now() + later)


def titles(records: sa.Engine) -> list[str]:
    with sql.read(records) as connection:
        return [spoken(entry.record.said.title) for entry in catalogue.entries(connection)]


def test_datasets_are_listed_by_node_and_found_by_id(records: sa.Engine) -> None:
    turku, lisbon = node(records, "Turku"), node(records, "Lisbon")
    describe(records, turku, record(turku, "b", "B"), record(turku, "a", "A"))
    describe(records, lisbon, record(lisbon, "c", "C"))
    assert titles(records) == ["C", "B", "A"]
    with sql.read(records) as connection:
        found = catalogue.entry(connection, ids.of_dataset(turku.public.kid, "a"))
        source = catalogue.Source(ids.of_node(turku.public.kid), "Turku", "FI")
        assert found == catalogue.Entry(source, record(turku, "a", "A"))
        assert catalogue.count_by_node(connection)[source.id] == 2
        with pytest.raises(NotFound):
            catalogue.entry(connection, "dataset_nobody")


def test_a_description_replaces_the_one_before(records: sa.Engine) -> None:
    turku = node(records)
    describe(records, turku, record(turku, "a", "A"), record(turku, "b", "B"))
    describe(records, turku, record(turku, "b", "B2"), later=SECOND)
    assert titles(records) == ["B2"]
    describe(records, turku, later=2 * SECOND)
    assert titles(records) == []


def test_an_older_description_does_not_come_back(records: sa.Engine) -> None:
    turku = node(records)
    describe(records, turku, record(turku, title="new"), later=SECOND)
    with pytest.raises(BadEnvelope, match="at least as new"):
        describe(records, turku, record(turku, title="old"))
    assert titles(records) == ["new"]


def test_a_node_cannot_describe_a_dataset_of_another(records: sa.Engine) -> None:
    turku, thief = node(records, "Turku"), node(records, "Thief")
    describe(records, turku, record(turku, title="real"))
    with pytest.raises(BadEnvelope, match="not the id"):
        describe(records, thief, record(turku, title="forged"))
    assert titles(records) == ["real"]


def test_a_removed_node_takes_its_datasets_along(records: sa.Engine) -> None:
    turku, lisbon = node(records, "Turku"), node(records, "Lisbon")
    describe(records, turku, record(turku, title="T"))
    describe(records, lisbon, record(lisbon, title="L"))
    decide(records, "remove", turku)
    assert titles(records) == ["L"]
