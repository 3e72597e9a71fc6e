"""Passes: secrets that count for a while, such as a link that works once, or a session. Only their hashes are kept.

Whoever has passes has a table for them, with the columns `secret_hash`, `kind` and `expires`, and with others where a
pass is somebody's.
"""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

import sqlalchemy as sa

from hanse.core import clock

_SECRET_BYTES = 32


def new(
    connection: sa.Connection, table: sa.Table, kind: str, at: datetime, life: timedelta, **more: str
) -> str:
    """The secret of a new pass in hexadecimal digits; `more` are its values in the table's other columns."""
    secret = secrets.token_hex(_SECRET_BYTES)
    row = {"secret_hash": _hash(secret), "kind": kind, "expires": clock.text(at + life)}
    connection.execute(table.insert().values(**row, **more))
    return secret


def counts(table: sa.Table, secret: str, kind: str, at: datetime) -> sa.ColumnElement[bool]:
    """Which row is a pass of this kind that has not expired."""
    return sa.and_(_is(table, secret, kind), table.c.expires > clock.text(at))


def use(connection: sa.Connection, table: sa.Table, secret: str, kind: str, at: datetime) -> bool:
    """Uses up a pass, and clears away what has expired; whether it counted. Of several who use it at once one does."""
    used = connection.execute(sa.delete(table).where(counts(table, secret, kind, at))).rowcount
    connection.execute(sa.delete(table).where(table.c.expires <= clock.text(at)))
    return bool(used)


def end(connection: sa.Connection, table: sa.Table, secret: str, kind: str) -> None:
    """The pass counts no more."""
    connection.execute(sa.delete(table).where(_is(table, secret, kind)))


def form_token(session: str) -> str:
    """What a form of this session carries, so that no other site can send one."""
    return hmac.new(session.encode(), b"form", hashlib.sha256).hexdigest()


def _is(table: sa.Table, secret: str, kind: str) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.secret_hash == _hash(secret), table.c.kind == kind)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
