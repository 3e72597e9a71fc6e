"""The records of whoever lives in a home, be it a node, an authority or a hub."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from hanse.authority import tables as authority_tables
from hanse.cli.paths import home_at
from hanse.core import ids
from hanse.core.errors import BadInput, Damaged, NotSetUp
from hanse.hub import config as hub_config
from hanse.hub import tables as hub_tables
from hanse.lib import log, sql
from hanse.lib.jws import FileKey
from hanse.node import tables as node_tables

home_option = home_at("node", "HANSE_NODE_HOME", "The folder of the node, authority or hub whose log it is.")


@contextmanager
def records_of(home: Path) -> Iterator[sa.Engine]:
    """The records of the node, authority or hub in a folder."""
    if (home / "node.db").exists():
        url, migrations = sql.sqlite_url(home / "node.db"), node_tables.MIGRATIONS
    elif (home / authority_tables.FILE).exists():
        url, migrations = sql.sqlite_url(home / authority_tables.FILE), authority_tables.MIGRATIONS
    elif (home / hub_config.FILE).exists():
        url, migrations = hub_config.read(home, os.environ).database_url, hub_tables.MIGRATIONS
    else:
        raise NotSetUp(f"there is no node, authority or hub in {home}", hint="name --home")
    engine = sql.engine(url)
    try:
        sql.migrate(engine, migrations)
        yield engine
    except sa.exc.DatabaseError as error:
        if not log.unreadable(error):
            raise
        hint = "restore it from a backup, and keep the damaged file: it may be evidence"
        raise Damaged(f"the database in {home} cannot be read", hint=hint) from error
    finally:
        engine.dispose()


def address_of(home: Path) -> str:
    """Under which id a hub reaches whoever lives in a home; empty for a folder in which somebody only keeps heads."""
    for name in ("node.pem", "authority.pem"):
        if (home / "keys" / name).exists():
            return ids.of_node(FileKey.load(home / "keys" / name).public.kid)
    return ""


def note_of(path: Path) -> str:
    """The text of a file; `BadInput` when it is none."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise BadInput(f"{path} is no text.") from None
