"""Passes to the operator page: a link that works once, and the session that it opens in one browser.

There are no accounts. Whoever can run commands on the hub's machine is its operator, and makes a link. Of a secret only
the hash is kept.
"""

import hashlib
import secrets
from datetime import datetime, timedelta

import sqlalchemy as sa

from hanse.core import clock
from hanse.hub.tables import PASS

LINK_LIFE = timedelta(minutes=10)
SESSION_LIFE = timedelta(hours=1)


def new_link(connection: sa.Connection, at: datetime) -> str:
    """The secret of a link, for `LINK_LIFE` and one use."""
    return _new(connection, "link", at, LINK_LIFE)


def is_link(connection: sa.Connection, secret: str, at: datetime) -> bool:
    """Whether a link with this secret can still be used."""
    query = sa.select(PASS.c.kind).where(_counts(secret, "link", at))
    return connection.execute(query).one_or_none() is not None


def open_session(connection: sa.Connection, secret: str, at: datetime) -> str | None:
    """Uses up a link; the secret of the session that it opens, or None. Of several who use it at once one gets in."""
    used = connection.execute(sa.delete(PASS).where(_counts(secret, "link", at))).rowcount
    connection.execute(sa.delete(PASS).where(PASS.c.expires <= clock.text(at)))
    return _new(connection, "session", at, SESSION_LIFE) if used else None


def is_session(connection: sa.Connection, secret: str, at: datetime) -> bool:
    """Whether this is the secret of a session that goes on."""
    query = sa.select(PASS.c.kind).where(_counts(secret, "session", at))
    return connection.execute(query).one_or_none() is not None


def end_session(connection: sa.Connection, secret: str) -> None:
    """The session counts no more."""
    connection.execute(sa.delete(PASS).where(PASS.c.secret_hash == _hash(secret), PASS.c.kind == "session"))


def form_token(session: str) -> str:
    """What a form of this session carries, so that no other site can send one."""
    return _hash(f"form {session}")


def _new(connection: sa.Connection, kind: str, at: datetime, life: timedelta) -> str:
    secret = secrets.token_urlsafe(32)
    row = {"secret_hash": _hash(secret), "kind": kind, "expires": clock.text(at + life)}
    connection.execute(PASS.insert().values(**row))
    return secret


def _counts(secret: str, kind: str, at: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(PASS.c.secret_hash == _hash(secret), PASS.c.kind == kind, PASS.c.expires > clock.text(at))


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
