"""The store: versions are found, resolved for ever, withdrawn and verified."""

from pathlib import Path

import pytest
from tests.node.small import publish_persons, rows

from hanse.core.errors import BadInput, Conflict, Damaged, NotFound
from hanse.lib import sql
from hanse.node import config, keys
from hanse.node.config import NodeConfig
from hanse.node.store import Store
from hanse.node.verify import verify
from hanse.node.withdraw import withdraw


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path)
    publish_persons(store, 2100)
    publish_persons(store, 2200)
    return store


def test_keys_are_made_once_and_readable_by_their_owner_only(tmp_path: Path) -> None:
    first, again = keys.load_or_create(tmp_path), keys.load_or_create(tmp_path)
    assert (first.signing.public, first.secret) == (again.signing.public, again.secret)
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in (tmp_path / "keys").iterdir()}
    assert modes == {"node.pem": "0o600", "secret": "0o600"}
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
    assert first.secret.hex() not in repr(first)


def test_what_a_node_holds_is_its_owners_only(tmp_path: Path) -> None:
    Store(tmp_path / "home")
    config.write(
        NodeConfig(tmp_path / "home", "node_1", "Turku", "FI", "https://hub.example", "key", proxy="p")
    )
    places = ("home", "home/published", "home/keys", "home/node.toml")
    assert [oct((tmp_path / one).stat().st_mode & 0o077) for one in places] == ["0o0"] * 4


def test_a_patient_has_unrelated_pseudonyms_in_two_datasets() -> None:
    secret = bytes(32)
    assert keys.pseudonym(secret, "a", "bc") != keys.pseudonym(secret, "ab", "c")
    assert keys.pseudonym(secret, "a", "b") == keys.pseudonym(secret, "a", "b")
    assert len(keys.pseudonym(secret, "a", "b")) == 32


def test_a_version_is_found_by_name_and_by_id(store: Store) -> None:
    by_name = store.resolve("lung-ct@1")
    assert store.resolve(by_name.manifest.id) == by_name
    assert (by_name.manifest.persons, store.resolve("lung-ct@2").manifest.persons) == (2100, 2200)


@pytest.mark.parametrize("id", ["lung-ct", "lung-ct@", "lung-ct@x", "@1", "lung-ct@²"])
def test_what_names_no_version_is_said_so(store: Store, id: str) -> None:
    with pytest.raises(BadInput, match="does not name a version"):
        store.resolve(id)


def test_a_version_that_never_was_is_not_found(store: Store) -> None:
    with pytest.raises(NotFound, match="no version lung-ct@3"):
        store.resolve("lung-ct@3")


def test_a_withdrawn_version_is_a_tombstone_and_its_number_is_not_used_again(store: Store) -> None:
    kept = store.resolve("lung-ct@1").tables["person"]
    gone = set(store.resolve("lung-ct@2").tables["person"]) - set(kept)
    withdraw(store, "lung-ct@2", "wrong scanner")
    tombstone = store.resolve("lung-ct@2")
    assert (tombstone.reason, tombstone.tables) == ("wrong scanner", {})
    assert tombstone.withdrawn
    assert tombstone.manifest.persons == 2200
    assert [one.manifest.version for one in store.live()] == [1]
    assert all(path.exists() for path in kept)
    assert not any(path.exists() for path in gone)
    assert publish_persons(store, 2300).manifest.version == 3
    assert verify(store) == []


def test_a_version_is_withdrawn_once(store: Store) -> None:
    withdraw(store, "lung-ct@2", "first")
    with pytest.raises(Conflict, match="was withdrawn at"):
        withdraw(store, "lung-ct@2", "second")


def test_one_flipped_byte_is_found(store: Store) -> None:
    assert verify(store) == []
    path = store.resolve("lung-ct@1").tables["person"][0]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    (found,) = verify(store)
    assert (found.kind, found.what, found.versions) == ("damaged", str(path), ("lung-ct@1", "lung-ct@2"))


def test_missing_and_unlisted_objects_are_found(store: Store) -> None:
    path = store.resolve("lung-ct@2").tables["image"][2]
    path.unlink()
    store.objects.put(b"left over")
    store.objects.sync()
    assert [(one.kind, one.versions) for one in verify(store)] == [
        ("missing", ("lung-ct@2",)),
        ("unlisted", ()),
    ]


def test_a_changed_manifest_is_found_and_not_used(store: Store) -> None:
    path = store.objects.path(store.resolve("lung-ct@2").digest)
    path.write_bytes(path.read_bytes().replace(b'"persons":2200', b'"persons":2201'))
    assert [one.kind for one in verify(Store(store.home))] == ["damaged"]
    with pytest.raises(Damaged, match="missing or was changed"):
        Store(store.home).live()


@pytest.mark.parametrize(
    "damage",
    ["DELETE FROM log WHERE number = 2", "UPDATE version SET manifest = (SELECT min(manifest) FROM version)"],
)
def test_records_that_the_log_does_not_tell_of_are_found(store: Store, damage: str) -> None:
    with sql.begin(store.records) as connection:
        connection.exec_driver_sql(damage)
    assert "log" in {one.kind for one in verify(Store(store.home))}


def test_what_an_interrupted_command_left_is_cleared_by_the_next(store: Store) -> None:
    def put_and_fail() -> None:
        with store.changing():
            store.objects.put(b"an object that no version came to name")
            store.objects.sync()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        put_and_fail()
    assert [one.kind for one in verify(store)] == ["unlisted"]
    publish_persons(store, 2200)
    assert verify(store) == []


def test_rows_come_back_as_they_were_published(store: Store) -> None:
    tables = store.live()[0].tables
    assert len(rows(tables["image"])) == 4400
    assert [row[0] for row in rows(tables["person"])] == list(range(2200))
