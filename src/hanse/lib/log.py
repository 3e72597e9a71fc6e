"""An append-only log in a database: what happened, as the leaves of a Merkle tree (RFC 9162).

An entry is a leaf, the canonical JSON of its number, time, kind and body. It is committed in the transaction that it
tells of, and with it the hashes that it adds to the tree (`lib.merkle`). `head`, the size and the root of the tree,
stands for all entries in their order: whoever keeps it can tell later whether the log was changed, cut or forked.

A body names a person in its member `who`, and nowhere else. The leaf holds SHA-256(salt || canonical JSON) of that
value; value and salt stand beside the log, so that `redact` can destroy them without touching an entry.
"""

import hashlib
import json
import secrets
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import sqlalchemy as sa

from hanse.core import clock
from hanse.core.dataset import canonical
from hanse.core.errors import Damaged, NotFound
from hanse.lib import merkle

LOG = sa.Table(
    "log",
    sa.MetaData(),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
)
WHO = sa.Table(
    "log_who",
    sa.MetaData(),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("salt", sa.LargeBinary, nullable=False),
    sa.Column("value", sa.Text, nullable=False),
)
TABLES = (LOG, WHO, merkle.TREE)

REDACTED = "redacted"  # stands for a person whose salt was destroyed
_SALT_BYTES = 16

# Made once: making a statement takes longer than carrying it out.
_SIZE = sa.select(sa.func.max(LOG.c.number))
_ENTRIES = sa.select(LOG, WHO.c.salt, WHO.c.value).outerjoin(WHO, WHO.c.number == LOG.c.number)
_IN_PIECES = {"yield_per": 1000}
_ALONE = sa.text("LOCK TABLE log IN SHARE ROW EXCLUSIVE MODE")


class Event(NamedTuple):
    """What an entry tells; `at` is when it happened, when that is not now."""

    kind: str
    body: Mapping[str, Any]
    at: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that happened: `number` counts from 1, `hash` is that of its leaf, in hexadecimal."""

    number: int
    at: str
    kind: str
    body: Mapping[str, Any]
    hash: str


class Person(NamedTuple):
    """What opens the commitment to a person in one entry; `value` is canonical JSON."""

    salt: bytes
    value: str

    @property
    def commitment(self) -> str:
        return hashlib.sha256(self.salt + self.value.encode()).hexdigest()


class Leaf(NamedTuple):
    """An entry as the tree holds it, and the person it names, unless it names none or was redacted."""

    number: int
    data: bytes
    person: Person | None


@dataclass(frozen=True, slots=True)
class _Draft:
    """An entry before it has its number: the body as the leaf will hold it, and the person that was taken out."""

    event: Event
    body: str
    person: Person | None

    @classmethod
    def of(cls, event: Event) -> "_Draft":
        who = event.body.get("who")
        if who is None:
            return cls(event, canonical(event.body).decode(), None)
        person = Person(secrets.token_bytes(_SALT_BYTES), canonical(who).decode())
        return cls(event, canonical({**event.body, "who": person.commitment}).decode(), person)


def append(connection: sa.Connection, kind: str, body: Mapping[str, Any]) -> Entry:
    """Adds an entry within the caller's transaction: what it tells of and the entry are committed together.

    The transaction is one that may write from its start (`sql.begin`): two entries never get one number.
    """
    return append_all(connection, [Event(kind, body)])[0]


def append_all(connection: sa.Connection, events: Sequence[Event]) -> list[Entry]:
    """Adds entries in this order, as `append` does."""
    return _write(connection, [_Draft.of(one) for one in events])


def _write(connection: sa.Connection, drafts: Sequence["_Draft"]) -> list[Entry]:
    if connection.dialect.name == "postgresql":
        connection.execute(_ALONE)  # SQLite has one writer at a time anyway
    size, now = _size(connection), clock.text(clock.now())
    rows = [
        (number, one.event.at or now, one.event.kind, one.body)
        for number, one in enumerate(drafts, start=size + 1)
    ]
    persons = [
        (row[0], one.person.salt, one.person.value)
        for row, one in zip(rows, drafts, strict=True)
        if one.person is not None
    ]
    hashes = [merkle.leaf_hash(_leaf(*row)) for row in rows]
    merkle.insert(connection, LOG, rows)
    merkle.insert(connection, WHO, persons)
    merkle.append(connection, size, hashes)
    return [
        Entry(row[0], row[1], row[2], one.event.body, hash.hex())
        for row, one, hash in zip(rows, drafts, hashes, strict=True)
    ]


def head(connection: sa.Connection) -> tuple[int, str]:
    """How many entries there are, and the root hash over all of them in hexadecimal."""
    size = _size(connection)
    return size, merkle.root(connection, size).hex()


def entries(connection: sa.Connection, after: int = 0) -> Iterator[Entry]:
    """The entries that follow number `after`, oldest first, read as they are asked for."""
    yield from map(_entry, _rows(connection, after))


def latest(connection: sa.Connection, kinds: Collection[str], most: int, holding: str = "") -> list[Entry]:
    """The newest `most` entries of these kinds, oldest first; only those whose canonical body holds this text."""
    found = LOG.c.kind.in_(kinds) & LOG.c.body.contains(holding, autoescape=True)
    query = _ENTRIES.where(found).order_by(LOG.c.number.desc()).limit(most)
    return [_entry(row) for row in connection.execute(query)][::-1]


def leaves(connection: sa.Connection, after: int = 0) -> Iterator[Leaf]:
    """The entries that follow number `after` as the tree holds them."""
    for row in _rows(connection, after):
        person = None if row.value is None else Person(row.salt, row.value)
        yield Leaf(row.number, _leaf(row.number, row.at, row.kind, row.body), person)


def redact(connection: sa.Connection, numbers: Sequence[int], reason: str) -> Entry:
    """Destroys the salts and the names of the persons in these entries, and logs that it was done. The entries stay,
    and the tree with them; who was meant can no longer be told or guessed. Raises `NotFound` when one names nobody.
    """
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete = ON")  # what is deleted is overwritten
    for number in numbers:
        if not connection.execute(sa.delete(WHO).where(WHO.c.number == number)).rowcount:
            raise NotFound(f"entry {number} of the log names no person, or was redacted already")
    return append(connection, "redact", {"entries": list(numbers), "reason": reason})


def verify(connection: sa.Connection) -> int:
    """Reads the whole log and its tree; how many entries it has. Raises `Damaged` naming the first that does not fit.

    A log that was cut at its end, or written anew as a whole, fits: a head that was kept elsewhere shows that.
    """
    checking = Checking()
    try:
        _check(connection, checking)
    except sa.exc.DBAPIError as error:
        if not unreadable(error):
            raise
        raise _wrong(checking.size + 1) from error
    return checking.size


def _check(connection: sa.Connection, checking: "Checking") -> None:
    stored = iter(merkle.stored(connection))
    for leaf in leaves(connection):
        made = checking.add(leaf)
        first = merkle.places(checking.size - 1)
        for at, hash in enumerate(made, start=first):
            if next(stored, None) != (at, hash):
                raise _wrong(checking.size)
    beyond = connection.scalar(sa.select(WHO.c.number).where(WHO.c.number > checking.size).limit(1))
    if next(stored, None) is not None or beyond:
        raise _wrong(checking.size + 1)
    checking.end()


def unreadable(error: sa.exc.DBAPIError) -> bool:
    """Whether SQLite met a file or a text that is not what it wrote: a text that is no UTF-8 has no code."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    return isinstance(error.orig, sqlite3.Error) and (
        code is None or code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
    )


class Checking:
    """Checks leaves one after the other as they are read, from wherever; `root` is that of those read so far."""

    def __init__(self) -> None:
        self._frontier = merkle.Frontier()
        self._unnamed: set[int] = set()  # entries that name somebody of whom nothing is said
        self._redacted: set[int] = set()

    @property
    def size(self) -> int:
        return self._frontier.size

    def root(self) -> bytes:
        return self._frontier.root()

    def add(self, leaf: Leaf) -> list[bytes]:
        """Takes the next leaf; the hashes that it adds to the tree. Raises `Damaged` when it is another entry than
        the next, or not the canonical JSON of one, or names another person than it was committed to."""
        number = self.size + 1
        try:
            said = json.loads(leaf.data)
            body = said["body"]
            fits = said["number"] == leaf.number == number and canonical(said) == leaf.data
            who = body.get("who")
            if said["kind"] == "redact":
                self._redacted.update(body["entries"])
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise _wrong(number) from None
        if not fits or (leaf.person is not None and leaf.person.commitment != who):
            raise _wrong(number)
        if who is not None and leaf.person is None:
            self._unnamed.add(number)
        return self._frontier.add(merkle.leaf_hash(leaf.data))

    def end(self) -> None:
        """Raises `Damaged` when a person is missing from an entry although no later entry says that it was redacted."""
        if lost := self._unnamed - self._redacted:
            raise Damaged(
                f"the person in entry {min(lost)} of the log is gone, and no entry says that it was redacted",
                hint="restore the database from a backup",
            )


def _size(connection: sa.Connection) -> int:
    return connection.scalar(_SIZE) or 0


def _rows(connection: sa.Connection, after: int) -> Iterator[sa.Row[Any]]:
    query = _ENTRIES.where(LOG.c.number > after).order_by(LOG.c.number)
    yield from connection.execute(query, execution_options=_IN_PIECES)


def _entry(row: sa.Row[Any]) -> Entry:
    body = json.loads(row.body)
    if body.get("who") is not None:
        body["who"] = REDACTED if row.value is None else json.loads(row.value)
    data = _leaf(row.number, row.at, row.kind, row.body)
    return Entry(row.number, row.at, row.kind, body, merkle.leaf_hash(data).hex())


def _leaf(number: int, at: str, kind: str, body: str) -> bytes:
    """The canonical JSON of an entry whose body is canonical already."""
    return f'{{"at":{_quoted(at)},"body":{body},"kind":{_quoted(kind)},"number":{number}}}'.encode()


@lru_cache(maxsize=1000)  # entries of one transaction have one time, and kinds are few
def _quoted(text: str) -> str:
    return canonical(text).decode()


def _wrong(number: int) -> Damaged:
    return Damaged(
        f"the log does not hold together at entry {number}: it was changed, removed or added later",
        hint="compare with a backup of this database; do not write to it before",
    )
