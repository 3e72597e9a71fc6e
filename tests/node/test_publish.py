"""Publishing: frozen versions, only what may be published, and only what changed is written."""

from pathlib import Path

import duckdb
import pytest
from tests.node.small import VOCABULARY, publish_persons, queries, rows

from hanse.core.errors import BadInput, NoSpace
from hanse.core.policy import Access, Policy
from hanse.core.record import Description, english
from hanse.node import publish
from hanse.node.store import Store
from hanse.node.verify import verify
from hanse.node.withdraw import withdraw


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def test_a_version_is_a_manifest_over_parts_of_a_thousand_persons(store: Store) -> None:
    manifest = publish_persons(store, 2500).manifest
    assert manifest.id == f"{store.dataset_id('lung-ct')}@1"
    assert manifest.persons == 2500
    assert [(part.number, part.rows) for part in manifest.tables["person"]] == [
        (0, 1000),
        (1, 1000),
        (2, 500),
    ]
    assert [(part.number, part.rows) for part in manifest.tables["image"]] == [
        (0, 2000),
        (1, 2000),
        (2, 1000),
    ]
    assert store.live()[0].manifest == manifest
    assert verify(store) == []


def test_columns_are_the_fields_that_hold_data(store: Store) -> None:
    columns = publish_persons(store, 10).manifest.columns
    assert columns == ("person.sex", "image.modality", "image.study", "image.series", "image.slice_spacing")


def test_publishing_the_same_rows_again_makes_no_version(store: Store) -> None:
    first = publish_persons(store, 10)
    again = publish_persons(store, 10)
    assert (again.changed, again.written, again.manifest) == (False, 0, first.manifest)
    assert len(store.versions()) == 1


def test_a_growing_dataset_writes_only_the_part_that_grew(store: Store) -> None:
    first = publish_persons(store, 2500).manifest
    before = set(store.objects.all())
    with duckdb.connect() as connection:
        grown = {
            name: f"SELECT * FROM ({query}) UNION ALL BY NAME ({more})"
            for (name, query), more in zip(
                queries(2500).items(),
                [
                    "SELECT 2500::INTEGER AS person, md5('2500') AS key",
                    "SELECT 2500::INTEGER AS person, 9000 AS study",
                ],
                strict=True,
            )
        }
        outcome = publish.publish_queries(
            store, Description("lung-ct", english("Lung CT")), Policy(), connection, grown, VOCABULARY
        )
    new = set(store.objects.all()) - before
    assert outcome.written == 2
    assert new == {outcome.manifest.digest, *(table[2].sha256 for table in outcome.manifest.tables.values())}
    assert outcome.manifest.tables["image"][:2] == first.tables["image"][:2]
    assert outcome.manifest.previous == first.digest


def test_a_planted_name_has_no_way_into_a_version(store: Store) -> None:
    publish_persons(store, 10)
    for path in store.objects.root.rglob("*"):
        if path.is_file():
            assert b"DOE" not in path.read_bytes()
            if path.read_bytes().startswith(b"PAR1"):
                assert "DOE" not in str(rows((path,)))


def test_free_text_is_published_only_with_open_data(store: Store) -> None:
    publish_persons(store, 10, access=Access.OPEN)
    tables = store.live()[0].tables
    assert "chest of DOE^JANE" in str(rows(tables["image"]))
    assert "patient_name" not in duckdb.read_parquet(str(tables["image"][0])).columns
    assert "birth_name" not in duckdb.read_parquet(str(tables["person"][0])).columns
    publish_persons(store, 10, access=Access.PROTECTED)
    assert "DOE" not in str(rows(store.live()[0].tables["image"]))


def test_a_version_with_free_text_does_not_come_back_when_data_are_open_no_more(store: Store) -> None:
    publish_persons(store, 10, access=Access.OPEN)
    publish_persons(store, 10, access=Access.PROTECTED)
    withdraw(store, "lung-ct@2", "wrong scanner")
    assert store.live() == []
    assert publish_persons(store, 10).manifest.version == 3


def test_a_key_that_is_no_pseudonym_ends_publishing(store: Store) -> None:
    wrong = {"person": "SELECT 1 AS person, 'MRN-4711' AS key"}
    with duckdb.connect() as connection, pytest.raises(BadInput, match="pseudonym of their own") as raised:
        publish.publish_queries(
            store, Description("a", english("A")), Policy(), connection, wrong, VOCABULARY
        )
    assert "4711" not in str(raised.value)
    assert store.live() == []


def test_rows_of_nobody_are_left_out(store: Store) -> None:
    stray = {**queries(3), "image": "SELECT 7 AS person, 1 AS study, 1 AS series, 'CT' AS modality"}
    with duckdb.connect() as connection:
        outcome = publish.publish_queries(
            store, Description("a", english("A")), Policy(), connection, stray, VOCABULARY
        )
    assert set(outcome.manifest.tables) == {"person"}


def test_many_datasets_become_visible_together(store: Store) -> None:
    with duckdb.connect() as connection:
        sources = [
            publish.Queries(Description(name, english(name)), Policy(), connection, queries(5))
            for name in ("a", "b", "c")
        ]
        publish.publish_many(store, sources, VOCABULARY)
        assert [one.manifest.name for one in store.live()] == ["a", "b", "c"]
        wrong = {"person": "SELECT 1 AS person, 'MRN-4711' AS key"}
        sources = [*sources, publish.Queries(Description("d", english("d")), Policy(), connection, wrong)]
        sources[0].queries = queries(6)
        with pytest.raises(BadInput):
            publish.publish_many(store, sources, VOCABULARY)
    assert [one.manifest.version for one in store.live()] == [1, 1, 1]


def test_a_policy_holds_at_once_even_when_the_rows_stay(store: Store) -> None:
    publish_persons(store, 5, access=Access.PROTECTED)
    outcome = publish_persons(store, 5, access=Access.NONE)
    assert not outcome.changed
    assert store.live()[0].policy.access is Access.NONE


@pytest.mark.parametrize("name", ["", "Lung CT", "../etc", "a@2", "-a", "a" * 65])
def test_a_dataset_has_a_plain_name(store: Store, name: str) -> None:
    with pytest.raises(BadInput, match="cannot be the name of a dataset"):
        store.dataset_id(name)


def test_a_full_disk_leaves_the_versions_as_they_were(store: Store, small_files: None) -> None:
    with pytest.raises(NoSpace, match="disk is full"):
        publish_persons(store, 2500)
    assert store.live() == []


def test_a_wrong_description_is_refused(store: Store) -> None:
    said = Description("a", english("A"), license="free for all")
    with duckdb.connect() as connection, pytest.raises(BadInput, match="'free for all' is not a licence"):
        publish.publish_queries(store, said, Policy(), connection, queries(5), VOCABULARY)
    assert store.versions() == []
