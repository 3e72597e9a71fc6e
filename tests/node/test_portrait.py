"""What anybody may know of a dataset as a whole: exact of public data, released of protected, nothing of hidden."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
import sqlalchemy as sa
from tests.node.test_gate import IMAGE, PERSON, VISIT

from hanse.core import plain
from hanse.core.answer import Counts, Rule
from hanse.core.policy import Access, Policy
from hanse.core.record import Description, Record, english
from hanse.domains import VOCABULARY
from hanse.lib import sql
from hanse.node import ledger, portrait
from hanse.node.gate import Gate
from hanse.node.publish import Queries, publish
from hanse.node.store import QUALITY, Store

CONDITION = "SELECT 7::INTEGER AS person, 'breast' AS cancer_type, 0 AS day"


def release(store: Store, name: str, persons: int, access: Access) -> None:
    tables = {"person": PERSON, "image": IMAGE, "condition": CONDITION}
    queries = {entity: query.format(n=persons) for entity, query in tables.items()}
    with duckdb.connect() as connection:
        shares = {QUALITY: {"validity": 0.987, "integrity": 1.0}}
        publish(store, Queries(Description(name, english(name)), Policy(access), connection, queries, shares))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "node")
    release(store, "hidden", 30, Access.NONE)
    release(store, "open", 100, Access.OPEN)
    release(store, "protected", 1000, Access.PROTECTED)
    yield store
    store.records.dispose()


def gate(store: Store) -> Gate:
    return Gate(store, VOCABULARY, store.home / "cache")


def records(store: Store) -> dict[str, Record]:
    return {one.name: one for one in gate(store).records()}


def cells(record: Record, field: str) -> dict[str, Counts]:
    return {cell.value: cell.counts for cell in record.breakdowns[field]}


def test_public_data_are_described_exactly(store: Store) -> None:
    record = records(store)["open"]
    assert cells(record, "image.modality")["MR"] == Counts(Rule.EXACT, 100, 100, 100)
    assert cells(record, "person.age")["40-44"].persons == 25
    assert cells(record, "condition.cancer_type")["breast"].persons == 1
    assert {one.field: one.counts.persons for one in record.variables}["image.modality"] == 100
    assert [(one.dimension, one.share) for one in record.quality] == [("validity", 99), ("integrity", 100)]


def test_protected_data_are_described_by_what_disclosure_control_releases(store: Store) -> None:
    record = records(store)["protected"]
    assert {one.rule for one in cells(record, "image.modality").values()} == {Rule.ROUNDED}
    assert "condition.cancer_type" not in record.breakdowns  # one person has one
    assert "condition.cancer_type" not in record.fields
    assert {one.counts for one in record.variables} == {
        Counts(Rule.ROUNDED, record.counts.persons, rounding=(record.counts.persons or 0) // 10)
    }
    assert [(one.dimension, one.share) for one in record.quality] == [("validity", 100), ("integrity", 100)]


def test_how_many_have_a_value_is_told_in_tenths() -> None:
    total = Counts(Rule.ROUNDED, 260, 500, 900, rounding=10)

    def told(persons: int) -> int | None:
        return portrait._coarsely(Counts(Rule.ROUNDED, persons, 9, 9, rounding=10), total).persons

    assert [told(persons) for persons in (10, 120, 130, 150, 250, 280)] == [26, 130, 130, 156, 260, 260]
    withheld = Counts(Rule.WITHHELD, threshold=30)
    assert portrait._coarsely(Counts(Rule.ROUNDED, 30, rounding=10), withheld).persons is None


def test_hidden_data_are_not_described(store: Store) -> None:
    record = records(store)["hidden"]
    assert (record.breakdowns, record.quality, record.counts.rule) == ({}, (), Rule.NOT_COUNTED)
    assert {one.counts for one in record.variables} == {Counts(Rule.NOT_COUNTED)}


def test_describing_costs_no_question_and_says_what_an_asker_is_told(store: Store) -> None:
    door = gate(store)
    told = {one.name: one for one in door.records()}["protected"]
    with sql.read(store.records) as connection:
        assert connection.scalars(sa.select(ledger.DATASET.c.spent)).all() == [0, 0]
    asked = {one.name: one for one in door.count(VISIT, True, ["image.modality"])}["protected"]
    assert asked.breakdowns["image.modality"] == told.breakdowns["image.modality"]
    assert asked.counts == told.counts


def test_a_record_passes_to_the_catalogue_as_it_is(store: Store) -> None:
    for record in records(store).values():
        assert plain.record_from_plain(plain.record_to_plain(record)) == record


def test_a_breakdown_keeps_the_cells_with_the_most_persons(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portrait, "MAX_CELLS", 1)
    (cell,) = records(store)["open"].breakdowns["person.sex"]
    assert cell.value == "female"


def test_a_description_that_changes_is_told_without_another_version(store: Store) -> None:
    door = gate(store)
    one = next(one for one in store.live() if one.manifest.name == "open")
    with sql.begin(store.records) as connection:
        store.describe(connection, one.manifest.dataset, replace(one.description, country="FI"), one.policy)
    assert door.refresh()
    assert {one.name: one.said.country for one in door.records()}["open"] == "FI"
