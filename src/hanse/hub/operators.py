"""Passes to the operator page: a link that works once, and the session that it opens in one browser.

There are no accounts. Whoever can run commands on the hub's machine is its operator, and makes a link.
"""

from datetime import datetime, timedelta

import sqlalchemy as sa

from hanse.hub.tables import PASS
from hanse.lib import passes

LINK_LIFE = timedelta(minutes=10)
SESSION_LIFE = timedelta(hours=1)


def new_link(connection: sa.Connection, at: datetime) -> str:
    """The secret of a link, for `LINK_LIFE` and one use."""
    return passes.new(connection, PASS, "link", at, LINK_LIFE)


def is_link(connection: sa.Connection, secret: str, at: datetime) -> bool:
    """Whether a link with this secret can still be used."""
    return _is_known(connection, secret, "link", at)


def open_session(connection: sa.Connection, secret: str, at: datetime) -> str | None:
    """Uses up a link; the secret of the session that it opens, or None."""
    used = passes.use(connection, PASS, secret, "link", at)
    return passes.new(connection, PASS, "session", at, SESSION_LIFE) if used else None


def is_session(connection: sa.Connection, secret: str, at: datetime) -> bool:
    """Whether this is the secret of a session that goes on."""
    return _is_known(connection, secret, "session", at)


def end_session(connection: sa.Connection, secret: str) -> None:
    """The session counts no more."""
    passes.end(connection, PASS, secret, "session")


def _is_known(connection: sa.Connection, secret: str, kind: str, at: datetime) -> bool:
    query = sa.select(PASS.c.kind).where(passes.counts(PASS, secret, kind, at))
    return connection.execute(query).one_or_none() is not None
