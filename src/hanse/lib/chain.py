"""The log as it was before it became a tree: entries that each carried the hash of the one before.

Only migrations know it. `to_tree` takes its entries over and says in the new log what the chain was like.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from hanse.core.dataset import canonical
from hanse.lib import log
from hanse.lib.log import Event

CHAIN = sa.Table(
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


def to_tree(connection: sa.Connection) -> None:
    """Turns a chained log into a tree of the same entries. A last entry holds the chain's last hash, and the first
    entry that did not fit into the chain, so that damage from before is not made good."""
    rows = connection.execute(sa.select(CHAIN).order_by(CHAIN.c.number)).all()
    events = [Event(row.kind, json.loads(row.body), row.at) for row in rows]
    if rows:
        body = {"entries": len(rows), "last": rows[-1].hash, "first_that_does_not_fit": _broken(rows)}
        events.append(Event("chain", body))
    CHAIN.drop(connection)
    for table in log.TABLES:
        table.create(connection)
    log.append_all(connection, events)


def link(number: int, at: str, kind: str, body: Any, previous: str) -> str:
    """The hash that an entry of the chain had."""
    return hashlib.sha256(canonical([number, at, kind, body, previous])).hexdigest()


def _broken(rows: Sequence[sa.Row[Any]]) -> int | None:
    previous = _BEFORE_THE_FIRST
    for number, row in enumerate(rows, start=1):
        hash = link(row.number, row.at, row.kind, json.loads(row.body), row.previous)
        if (row.number, row.previous, row.hash) != (number, previous, hash):
            return number
        previous = row.hash
    return None
