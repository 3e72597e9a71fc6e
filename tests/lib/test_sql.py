"""Records: one transaction at a time, schemas by numbered steps, and clear words when the disk is full."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from hanse.core.errors import NoSpace, NotSetUp, Unreachable
from hanse.lib import sql

NOTES = sa.Table(
    "note", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), sa.Column("text", sa.Text)
)
SAFE = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
FIRST = sql.Migration(1, "notes", sql.create(NOTES))
SECOND = sql.Migration(2, "colours", sql.statements("ALTER TABLE note ADD COLUMN colour TEXT"))


@pytest.fixture
def sqlite(tmp_path: Path) -> sa.Engine:
    return sql.engine(sql.sqlite_url(tmp_path / "records.db"))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def records(request: pytest.FixtureRequest) -> Iterator[sa.Engine]:
    """An empty database, first on SQLite, then on PostgreSQL."""
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite")
        return
    engine = sql.engine(request.getfixturevalue("postgres").replace("postgresql://", "postgresql+psycopg://"))
    with sql.begin(engine) as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    yield engine
    engine.dispose()


def count(engine: sa.Engine) -> int:
    with sql.read(engine) as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(NOTES))


def test_sqlite_syncs_every_commit_and_holds_foreign_keys(sqlite: sa.Engine) -> None:
    with sql.read(sqlite) as connection:
        pragma = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in SAFE}
    assert pragma == SAFE


def test_migrations_are_applied_once_and_in_order(records: sa.Engine) -> None:
    sql.migrate(records, [FIRST])
    with sql.begin(records) as connection:
        connection.execute(NOTES.insert().values(text="kept"))
    sql.migrate(records, [FIRST, SECOND])
    sql.migrate(records, [FIRST, SECOND])
    with sql.read(records) as connection:
        assert connection.exec_driver_sql("SELECT text, colour FROM note").all() == [("kept", None)]


def test_a_migration_that_fails_leaves_nothing(records: sa.Engine) -> None:
    broken = sql.Migration(2, "broken", sql.statements("CREATE TABLE half (a TEXT)", "NONSENSE"))
    with pytest.raises(sa.exc.DBAPIError):
        sql.migrate(records, [FIRST, broken])
    assert sa.inspect(records).get_table_names() == []


def test_older_software_leaves_a_newer_database_alone(records: sa.Engine) -> None:
    sql.migrate(records, [FIRST, SECOND])
    with pytest.raises(NotSetUp, match="has schema 2, and this software knows 1"):
        sql.migrate(records, [FIRST])


def test_a_block_that_raises_writes_nothing(records: sa.Engine) -> None:
    sql.migrate(records, [FIRST])

    def write_and_fail() -> None:
        with sql.begin(records) as connection:
            connection.execute(NOTES.insert().values(text="gone"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_and_fail()
    assert count(records) == 0


def test_writers_wait_for_one_another(sqlite: sa.Engine) -> None:
    sql.migrate(sqlite, [FIRST])

    def read_then_write() -> None:
        with sql.begin(sqlite) as connection:
            number = connection.scalar(sa.select(sa.func.count()).select_from(NOTES))
            connection.execute(NOTES.insert().values(id=number + 1))

    writers = [threading.Thread(target=read_then_write) for _ in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert count(sqlite) == 8


def test_a_full_database_is_no_space_and_keeps_what_was_there(sqlite: sa.Engine) -> None:
    sql.migrate(sqlite, [FIRST])

    def write_too_much() -> None:
        with sql.begin(sqlite) as connection:
            connection.exec_driver_sql("PRAGMA max_page_count = 8")
            connection.execute(NOTES.insert().values(text="x" * 100_000))

    with pytest.raises(NoSpace, match="cannot grow"):
        write_too_much()
    assert count(sqlite) == 0


def test_an_error_of_the_database_does_not_tell_what_was_to_be_written(sqlite: sa.Engine) -> None:
    """Its words may go to a log, which holds no question."""
    sql.migrate(sqlite, [FIRST])
    with pytest.raises(sa.exc.IntegrityError) as failed, sql.begin(sqlite) as connection:
        connection.execute(NOTES.insert(), [{"id": 1, "text": "person.age = 50"}] * 2)
    assert "person.age" not in str(failed.value)


def test_a_folder_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    nowhere = sql.engine(sql.sqlite_url(tmp_path / "no" / "records.db"))
    with pytest.raises(Unreachable, match="cannot be opened"), sql.read(nowhere):
        pass
