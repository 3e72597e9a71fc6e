"""Threads that share a commit: all of an act is there or nothing of it, and one that fails fails alone."""

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import sqlalchemy as sa
from tests.lib.conftest import MIGRATIONS

from hanse.core.errors import NoSpace, Refused
from hanse.lib import log, sql
from hanse.lib.commits import Commits


def at_once(work: Callable[[int], None], threads: int) -> None:
    started = [threading.Thread(target=work, args=(name,)) for name in range(threads)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()


def size(records: sa.Engine) -> int:
    with sql.read(records) as connection:
        return log.verify(connection)


def append(commits: Commits, **body: object) -> log.Entry:
    return commits.run(lambda connection: log.append(connection, "test", body))


def test_who_waits_shares_a_transaction(empty: sa.Engine) -> None:
    commits, done = Commits(empty), []
    sa.event.listen(empty, "commit", done.append)

    def work(name: int) -> None:
        for _ in range(20):
            one, two = commits.run(lambda connection: log.append_all(connection, [EVENT, EVENT]))
            assert two.number == one.number + 1

    at_once(work, 8)
    assert size(empty) == 320
    assert len(done) < 160


def test_an_act_that_raises_fails_alone_and_nothing_of_it_is_there(empty: sa.Engine) -> None:
    commits, refused = Commits(empty), []

    def write_and_refuse(connection: sa.Connection) -> None:
        log.append(connection, "test", {"who": "nobody"})
        raise Refused("No.")

    def work(name: int) -> None:
        for _ in range(20):
            if name % 2:
                append(commits, name=name)
                continue
            try:
                commits.run(write_and_refuse)
            except Refused as problem:
                refused.append(problem)

    at_once(work, 6)
    assert (size(empty), len(refused)) == (60, 60)


def test_what_an_act_gives_back_is_what_the_next_one_sees(empty: sa.Engine) -> None:
    commits = Commits(empty)
    numbers = [append(commits).number for _ in range(3)]
    assert numbers == [1, 2, 3]


def test_two_processes_share_one_database(empty: sa.Engine) -> None:
    other = sa.create_engine(empty.url) if empty.dialect.name == "postgresql" else sql.engine(str(empty.url))
    both = (Commits(empty), Commits(other))

    def work(name: int) -> None:
        for _ in range(20):
            append(both[name])

    at_once(work, 2)
    other.dispose()
    assert size(empty) == 40


def test_a_full_disk_is_told_to_everybody_who_waits_and_nothing_is_written(tmp_path: Path) -> None:
    engine = sql.engine(sql.sqlite_url(tmp_path / "records.db"))
    sql.migrate(engine, MIGRATIONS)
    sa.event.listen(engine, "begin", lambda one: one.exec_driver_sql("PRAGMA max_page_count = 20"))
    commits, failed = Commits(engine), []

    def work(_: int) -> None:
        try:
            append(commits, text="x" * 200_000)
        except NoSpace as error:
            failed.append(error)

    at_once(work, 3)
    assert len(failed) == 3
    append(commits, text="small")
    assert size(engine) == 1


def test_what_one_act_made_the_database_undo_is_told_to_all_who_shared_its_transaction(
    tmp_path: Path,
) -> None:
    """SQLite undoes the whole transaction when a write in it is interrupted, or a disk fails."""
    engine = sql.engine(sql.sqlite_url(tmp_path / "records.db"))
    sql.migrate(engine, MIGRATIONS)
    commits, told = Commits(engine), []

    def write_and_fail(connection: sa.Connection) -> None:
        raw = connection.connection.dbapi_connection
        raw.set_progress_handler(lambda: 1, 1)
        try:
            connection.exec_driver_sql("INSERT INTO log SELECT number + 1000, at, kind, body FROM log")
        finally:
            raw.set_progress_handler(None, 1)

    def work(name: int) -> None:
        for _ in range(20):
            with suppress(sa.exc.OperationalError):
                told.append(append(commits).number if name else commits.run(write_and_fail))

    append(commits)
    at_once(work, 6)
    assert size(engine) == len(told) + 1
    assert len(told) == len(set(told))


def test_a_database_that_is_gone_is_told_and_nobody_waits_for_ever(tmp_path: Path) -> None:
    engine = sql.engine(sql.sqlite_url(tmp_path / "records.db"))
    commits, failed = Commits(engine), []

    def work(_: int) -> None:
        try:
            append(commits)  # there is no table
        except sa.exc.OperationalError as error:
            failed.append(error)

    at_once(work, 4)
    assert len(failed) == 4
    sql.migrate(engine, MIGRATIONS)
    assert append(commits).number == 1


EVENT = log.Event("test", {"who": "ada"})
