"""Withdrawing a person: a new version without, tombstones for those with, and only that person's part is written."""

from pathlib import Path

import duckdb
import pytest
from tests.node.small import VOCABULARY, queries, rows, table

from hanse.core.errors import NotFound
from hanse.core.policy import Policy
from hanse.core.record import Description, english
from hanse.node import keys, publish
from hanse.node.publish import Outcome
from hanse.node.store import Store
from hanse.node.verify import verify
from hanse.node.withdraw import withdraw_person


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def release(store: Store, persons: int) -> Outcome:
    """Publishes that many persons with pseudonyms of patients `MRN-0`, `MRN-1`, ..."""
    listed = [
        f"({one}, '{keys.pseudonym(store.keys.secret, 'lung', f'MRN-{one}')}')" for one in range(persons)
    ]
    person = f"SELECT * FROM (VALUES {', '.join(listed)}) AS t(person, key)"
    with duckdb.connect() as connection:
        found = {**queries(persons), "person": person}
        return publish.publish_queries(
            store, Description("lung", english("Lung")), Policy(), connection, found, VOCABULARY
        )


def test_only_the_part_of_the_person_is_written_anew(store: Store) -> None:
    before = release(store, 2100).manifest
    after = withdraw_person(store, "lung", "MRN-1500").version
    assert after is not None
    assert (after.version, after.persons) == (2, 2099)
    for entity, parts in after.tables.items():
        same = [new.sha256 == old.sha256 for new, old in zip(parts, before.tables[entity], strict=True)]
        assert same == [True, False, True]
    assert 1500 not in {row[0] for row in table(store, "person", "person")}
    assert 1500 not in {row[0] for row in table(store, "image", "person")}


def test_every_version_with_the_person_becomes_a_tombstone_and_loses_its_objects(store: Store) -> None:
    release(store, 1100)
    only_with = store.live()[0].tables["person"][1]
    release(store, 1200)
    done = withdraw_person(store, "lung", "MRN-1050", "asked us to")
    assert [id.rpartition("@")[2] for id in done.tombstones] == ["2", "1"]
    assert [(one.manifest.version, one.reason) for one in store.versions()] == [
        (3, ""),
        (2, "asked us to"),
        (1, "asked us to"),
    ]
    assert not only_with.exists()
    assert verify(store) == []


def test_versions_without_the_person_stay(store: Store) -> None:
    release(store, 1000)
    release(store, 1001)
    withdraw_person(store, "lung", "MRN-1000")
    assert [bool(one.withdrawn) for one in store.versions()] == [False, True, False]


def test_publishing_again_does_not_bring_the_person_back_and_writes_nothing(store: Store) -> None:
    release(store, 1500)
    withdraw_person(store, "lung", "MRN-3")
    again = release(store, 1500)
    assert (again.changed, again.written) == (False, 0)
    assert release(store, 1501).manifest.persons == 1500


def test_somebody_who_was_in_no_version_comes_into_none(store: Store) -> None:
    release(store, 10)
    assert withdraw_person(store, "lung", "MRN-10").version is None
    assert release(store, 11).manifest.persons == 10


def test_a_dataset_of_one_person_becomes_an_empty_version(store: Store) -> None:
    release(store, 1)
    done = withdraw_person(store, "lung", "MRN-0").version
    assert done is not None
    assert (done.persons, done.tables, done.columns) == (0, {}, ())
    assert verify(store) == []


def test_neither_log_nor_records_name_the_patient(store: Store) -> None:
    release(store, 3)
    withdraw_person(store, "lung", "MRN-1")
    store.records.dispose()
    assert b"MRN-" not in b"".join(path.read_bytes() for path in store.home.glob("node.db*"))
    assert all("MRN-" not in str(rows((path,))) for one in store.live() for path in one.tables["person"])


def test_an_unknown_dataset_is_said_so(store: Store) -> None:
    with pytest.raises(NotFound, match="nothing was ever prepared or published as lung"):
        withdraw_person(store, "lung", "MRN-1")
