"""Records on SQLite or PostgreSQL, by one URL: engine, migrations, and one transaction at a time.

What `begin` commits is on disk when it returns: SQLite runs in WAL mode with `synchronous = FULL`
(https://www.sqlite.org/pragma.html#pragma_synchronous), PostgreSQL as it is set up.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from hanse.core.errors import Conflict, NoSpace, NotSetUp, Unreachable

_WAIT_S = 30  # how long a writer waits for another one before it gives up
_BUSY = f"busy_timeout = {_WAIT_S * 1000}"
_PRAGMAS = ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", _BUSY)
_POSTGRES_DISK_FULL = "53100"


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered step of a schema; `apply` runs once per database, in the transaction that records it."""

    number: int
    about: str
    apply: Callable[[sa.Connection], object]


def create(*tables: sa.Table) -> Callable[[sa.Connection], object]:
    """The `apply` of a migration that creates these tables and their indexes, in this order."""

    def apply(connection: sa.Connection) -> None:
        for table in tables:
            table.create(connection)

    return apply


def statements(*texts: str) -> Callable[[sa.Connection], object]:
    """The `apply` of a migration that runs these SQL statements, which both databases must understand."""

    def apply(connection: sa.Connection) -> None:
        for text in texts:
            connection.exec_driver_sql(text)

    return apply


def sqlite_url(path: Path) -> str:
    """The URL of a SQLite file."""
    return f"sqlite:///{path.absolute()}"


def engine(url: str) -> sa.Engine:
    """An engine for `sqlite:///path` or `postgresql+psycopg://user@host/name`; connects when first used."""
    # The words of an error may go to a log, which holds no question.
    made = sa.create_engine(url, hide_parameters=True)
    if made.dialect.name == "sqlite":
        sa.event.listen(made, "connect", _set_up_sqlite)
        sa.event.listen(made, "begin", _begin_sqlite)
    return made


def _set_up_sqlite(raw: sqlite3.Connection, _record: object) -> None:
    # The driver's own transactions start late and do not cover DDL; `_begin_sqlite` starts ours.
    raw.isolation_level = None
    for pragma in _PRAGMAS:
        raw.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: sa.Connection) -> None:
    # A transaction that reads and then writes can fail half way when another one wrote between; taking the
    # write lock at the start makes writers wait for one another instead.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def begin(engine: sa.Engine) -> Iterator[sa.Connection]:
    """One transaction that may write: committed at the end of the block, rolled back when the block raises.

    Raises `NoSpace` when the disk is full, `Conflict` when another writer held the database too long, and
    `Unreachable` when there is no connection.
    """
    with problems(engine), engine.connect().execution_options(writes=True) as connection, connection.begin():
        yield connection


@contextmanager
def read(engine: sa.Engine) -> Iterator[sa.Connection]:
    """One consistent view of the database, for reading only; raises as `begin` does."""
    with problems(engine), engine.connect() as connection, connection.begin():
        yield connection


@contextmanager
def problems(engine: sa.Engine) -> Iterator[None]:
    """Turns what the database says into the problems that `begin` raises."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        problem = _problem(engine, error)
        if problem is None:
            raise
        raise problem from error


def _problem(engine: sa.Engine, error: sa.exc.DBAPIError) -> NoSpace | Conflict | Unreachable | None:
    where = engine.url.database or str(engine.url)
    code = getattr(error.orig, "sqlite_errorcode", None)
    # A quota or a size limit is reported as a failed write, a full disk as FULL: the remedy is the same.
    full = code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE)
    if full or getattr(error.orig, "sqlstate", None) == _POSTGRES_DISK_FULL:
        return NoSpace(
            f"{where} cannot grow: the disk is full or a quota is reached",
            hint="free some space and run the same command again; what was complete before is still there",
        )
    if code == sqlite3.SQLITE_BUSY:
        return Conflict(
            f"another process has been writing to {where} for more than {_WAIT_S} s",
            hint="wait until the other command is done and run this one again",
        )
    if code == sqlite3.SQLITE_CANTOPEN or (code is None and error.connection_invalidated):
        return Unreachable(
            f"the database {where} cannot be opened", hint="check that it is there and may be written"
        )
    return None


def migrate(engine: sa.Engine, migrations: Sequence[Migration]) -> None:
    """Brings the database to the last of `migrations`, each applied once, all in one transaction.

    Raises `NotSetUp` when the database was written by newer software, whose migrations are not in the list.
    """
    numbers = [migration.number for migration in migrations]
    if numbers != list(range(1, len(numbers) + 1)):
        raise ValueError("migrations are numbered 1, 2, 3, ...")
    with begin(engine) as connection:
        if connection.dialect.name == "postgresql":
            # Several processes may start at once; the others wait here until the first has committed.
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(727566)")
        _MIGRATIONS.create(connection, checkfirst=True)
        done = connection.scalar(sa.select(sa.func.max(_MIGRATIONS.c.number))) or 0
        if done > len(numbers):
            raise NotSetUp(
                f"{engine.url.database} has schema {done}, and this software knows {len(numbers)}",
                hint="use the newer version of Hanse that wrote it",
            )
        for migration in migrations[done:]:
            migration.apply(connection)
            connection.execute(_MIGRATIONS.insert().values(number=migration.number, about=migration.about))


_MIGRATIONS = sa.Table(
    "migration",
    sa.MetaData(),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("about", sa.Text, nullable=False),
)
