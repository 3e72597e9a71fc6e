"""An append-only log in a database table, in which every entry carries the hash of the one before.

An entry that is changed, removed or put in between breaks the chain, and `verify` says where. What a chain alone
cannot show is that entries were cut off at its end: who must know that keeps a copy of the last hash elsewhere.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from hanse.core import clock
from hanse.core.dataset import canonical
from hanse.core.errors import Damaged

LOG = sa.Table(
    "log",
    sa.MetaData(),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("previous", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
)

_BEFORE_THE_FIRST = "0" * 64

# Made once: making a statement takes longer than carrying it out.
_ADD = sa.insert(LOG)
_LAST = sa.select(LOG.c.number, LOG.c.hash).order_by(LOG.c.number.desc()).limit(1)


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that happened: `number` counts from 1, `hash` covers everything here, and so all before it."""

    number: int
    at: str
    kind: str
    body: Mapping[str, Any]
    previous: str
    hash: str


def append(connection: sa.Connection, kind: str, body: Mapping[str, Any]) -> Entry:
    """Adds an entry within the caller's transaction: what it tells of and the entry are committed together.

    The transaction is one that may write from its start (`sql.begin`): two entries never follow the same.
    """
    number, previous = head(connection)
    at = clock.text(clock.now())
    entry = Entry(number + 1, at, kind, body, previous, _hash(number + 1, at, kind, body, previous))
    row = {"number": entry.number, "at": at, "kind": kind, "previous": previous, "hash": entry.hash}
    connection.execute(_ADD, row | {"body": canonical(body).decode()})
    return entry


def head(connection: sa.Connection) -> tuple[int, str]:
    """Number and hash of the last entry."""
    last = connection.execute(_LAST).one_or_none()
    return (last.number, last.hash) if last else (0, _BEFORE_THE_FIRST)


def entries(connection: sa.Connection, after: int = 0) -> Iterator[Entry]:
    """The entries that follow number `after`, oldest first, read as they are asked for."""
    query = sa.select(LOG).where(LOG.c.number > after).order_by(LOG.c.number)
    for row in connection.execution_options(yield_per=1000).execute(query):
        yield Entry(row.number, row.at, row.kind, json.loads(row.body), row.previous, row.hash)


def verify(connection: sa.Connection) -> int:
    """Reads the whole log; how many entries it has. Raises `Damaged` naming the first that does not fit."""
    number, previous = 0, _BEFORE_THE_FIRST
    for entry in entries(connection):
        number += 1
        fits = entry.hash == _hash(entry.number, entry.at, entry.kind, entry.body, entry.previous)
        if entry.number != number or entry.previous != previous or not fits:
            raise Damaged(
                f"the log does not hold together at entry {number}: it was changed, removed or added later",
                hint="compare with a backup of this database; do not write to it before",
            )
        previous = entry.hash
    return number


def _hash(number: int, at: str, kind: str, body: Mapping[str, Any], previous: str) -> str:
    return hashlib.sha256(canonical([number, at, kind, body, previous])).hexdigest()
