"""The log: entries as leaves of a tree, committed with what they tell of."""

import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.lib.conftest import MIGRATIONS

from hanse.core.errors import Damaged, NotFound
from hanse.lib import chain, log, merkle, sql
from hanse.lib.log import Event

NAMES = ("one", "two", "three", "four", "five")


@pytest.fixture
def records(empty: sa.Engine) -> sa.Engine:
    """A log of five entries, the second of which names a person."""
    with sql.begin(empty) as connection:
        for name in NAMES:
            who = {"who": "orcid:0000-0001"} if name == "two" else {}
            log.append(connection, "test", {"name": name, "umlaut": "ä", "share": 0.05, **who})
    return empty


def test_entries_are_the_leaves_of_a_tree(records: sa.Engine) -> None:
    with sql.read(records) as connection:
        assert log.verify(connection) == 5
        entries = list(log.entries(connection))
        size, root = log.head(connection)
        proof = merkle.inclusion(connection, 1, size)
    assert [one.number for one in entries] == [1, 2, 3, 4, 5]
    leaf = bytes.fromhex(entries[1].hash)
    assert merkle.includes(bytes.fromhex(root), size, 1, leaf, proof)


def test_a_log_without_entries_has_the_root_of_the_standard(empty: sa.Engine) -> None:
    with sql.read(empty) as connection:
        assert log.head(connection) == (0, merkle.EMPTY.hex())
        assert log.verify(connection) == 0


def test_an_entry_and_what_it_tells_of_are_undone_together(records: sa.Engine) -> None:
    def append_and_fail() -> None:
        with sql.begin(records) as connection:
            log.append(connection, "test", {"who": "somebody"})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        append_and_fail()
    with sql.read(records) as connection:
        assert log.verify(connection) == 5


@pytest.mark.parametrize(
    "damage",
    [
        """UPDATE log SET body = replace(body, 'two', 'TWO') WHERE number = 2""",
        """UPDATE log SET body = replace(body, '{', '{ ') WHERE number = 2""",
        """UPDATE log SET at = '2000-01-01T00:00:00.000Z' WHERE number = 2""",
        """UPDATE log SET kind = 'other' WHERE number = 2""",
        """UPDATE log SET number = 7 WHERE number = 2""",
        """DELETE FROM log WHERE number = 2""",
        """UPDATE log SET number = 99 - number WHERE number IN (2, 3)""",
        """UPDATE log_tree SET hash = (SELECT hash FROM log_tree WHERE place = 0) WHERE place = 1""",
        """DELETE FROM log_tree WHERE place = 2""",
        """UPDATE log_who SET value = '"somebody else"'""",
        """DELETE FROM log_who""",
    ],
)
def test_a_changed_or_missing_entry_is_found(records: sa.Engine, damage: str) -> None:
    with sql.begin(records) as connection:
        connection.exec_driver_sql(damage)
    with sql.read(records) as connection, pytest.raises(Damaged, match="entry 2"):
        log.verify(connection)


def test_two_entries_that_changed_places_are_found(records: sa.Engine) -> None:
    with sql.begin(records) as connection:
        for old, new in ((3, 93), (4, 3), (93, 4)):
            connection.exec_driver_sql(f"UPDATE log SET number = {new} WHERE number = {old}")
    with sql.read(records) as connection, pytest.raises(Damaged, match="entry 3"):
        log.verify(connection)


@pytest.mark.parametrize(
    ("damage", "number"),
    [
        ("UPDATE log_who SET number = 3", 3),
        ("DELETE FROM log WHERE number = 5", 5),
        ("INSERT INTO log_who SELECT 6, salt, value FROM log_who", 6),
    ],
)
def test_what_belongs_to_no_entry_is_found(records: sa.Engine, damage: str, number: int) -> None:
    with sql.begin(records) as connection:
        connection.exec_driver_sql(damage)
    with sql.read(records) as connection, pytest.raises(Damaged, match=f"entry {number}:"):
        log.verify(connection)


def test_a_person_is_readable_at_home_and_a_commitment_in_the_leaf(records: sa.Engine) -> None:
    with sql.read(records) as connection:
        assert list(log.entries(connection))[1].body["who"] == "orcid:0000-0001"
        leaf = list(log.leaves(connection))[1]
    assert b"orcid" not in leaf.data
    assert leaf.person.commitment.encode() in leaf.data


def test_one_person_has_unrelated_commitments(empty: sa.Engine) -> None:
    with sql.begin(empty) as connection:
        log.append_all(connection, [Event("use", {"who": "ada"}), Event("use", {"who": "ada"})])
        assert len({one.person.commitment for one in log.leaves(connection)}) == 2


def test_redacting_forgets_the_person_and_leaves_the_tree(records: sa.Engine) -> None:
    with sql.begin(records) as connection:
        before = log.head(connection)
        log.redact(connection, [2], "erasure under Article 17")
        assert merkle.root(connection, 5).hex() == before[1]
        assert log.verify(connection) == 6
        entries = list(log.entries(connection))
    assert entries[1].body["who"] == log.REDACTED
    assert entries[5].body == {"entries": [2], "reason": "erasure under Article 17"}


@pytest.mark.parametrize("number", [1, 9])
def test_an_entry_that_names_nobody_is_not_redacted(records: sa.Engine, number: int) -> None:
    with pytest.raises(NotFound, match="names no person"), sql.begin(records) as connection:
        log.redact(connection, [number], "by mistake")


def chained(connection: sa.Connection, damage: str = "") -> None:
    """The log of a database from before there were trees."""
    previous = "0" * 64
    chain.CHAIN.create(connection)
    for number in (1, 2, 3):
        at, body = f"2026-11-0{number}T00:00:00.000Z", {"who": "ada", "name": number}
        hash = chain.link(number, at, "use", body, previous)
        row = {"number": number, "at": at, "kind": "use", "previous": previous, "hash": hash}
        connection.execute(chain.CHAIN.insert(), row | {"body": log.canonical(body).decode()})
        previous = hash
    if damage:
        connection.exec_driver_sql(damage)


@pytest.mark.parametrize(
    ("damage", "broken"), [("", None), ("UPDATE log SET kind = 'other' WHERE number = 2", 2)]
)
def test_a_chain_becomes_a_tree_that_tells_what_the_chain_was_like(
    tmp_path: Path, damage: str, broken: int | None
) -> None:
    engine = sql.engine(sql.sqlite_url(tmp_path / "records.db"))
    with sql.begin(engine) as connection:
        chained(connection, damage)
        (last,) = connection.execute(sa.select(chain.CHAIN.c.hash).where(chain.CHAIN.c.number == 3)).one()
        chain.to_tree(connection)
        assert log.verify(connection) == 4
        *old, about = log.entries(connection)
    assert [(one.at, one.body) for one in old] == [
        (f"2026-11-0{number}T00:00:00.000Z", {"who": "ada", "name": number}) for number in (1, 2, 3)
    ]
    assert about.body == {"entries": 3, "last": last, "first_that_does_not_fit": broken}


def test_an_empty_chain_becomes_an_empty_tree(tmp_path: Path) -> None:
    engine = sql.engine(sql.sqlite_url(tmp_path / "records.db"))
    with sql.begin(engine) as connection:
        chain.CHAIN.create(connection)
        chain.to_tree(connection)
        assert log.verify(connection) == 0


APPENDING = """
import sys
from hanse.lib import log, sql
from hanse.lib.commits import Commits
records = sql.engine(sys.argv[1])
commits = Commits(records)
for name in range(10_000):
    print(commits.run(lambda one: log.append(one, "test", {"who": name})).number, flush=True)
"""
IN_BETWEEN = """
import sys, time
from hanse.lib import log, sql
with sql.begin(sql.engine(sys.argv[1])) as connection:
    print(log.append(connection, "test", {"who": "ada"}).number, flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize(("program", "lines"), [(APPENDING, 50), (APPENDING, 120), (IN_BETWEEN, 1)])
def test_killed_at_any_moment_what_was_acknowledged_is_there_and_the_tree_is_whole(
    tmp_path: Path, program: str, lines: int
) -> None:
    records = sql.engine(sql.sqlite_url(tmp_path / "records.db"))
    sql.migrate(records, MIGRATIONS)
    command = [sys.executable, "-c", program, str(records.url)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        acknowledged = [int(process.stdout.readline()) for _ in range(lines)]
        process.kill()
    with sql.begin(records) as connection:
        size = log.verify(connection)
        assert size == 0 if program is IN_BETWEEN else size >= acknowledged[-1]
        log.append(connection, "test", {"after": "the kill"})
        assert log.verify(connection) == size + 1
