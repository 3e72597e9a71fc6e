"""What the hub is to carry: written in the transaction of the decision, and kept until the hub has taken it."""

from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from hanse.authority.tables import OUTGOING
from hanse.core.envelope import Kind
from hanse.core.errors import Problem
from hanse.lib import sql
from hanse.link.caller import Caller

BATCH = 16  # documents of 64 KiB in one request stay well below what a hub reads at once


def put(connection: sa.Connection, token: str, node: str = "") -> None:
    """Adds a document; the status of a `node` takes the place of an older one that is still here."""
    if node:
        connection.execute(OUTGOING.delete().where(OUTGOING.c.node == node))
    connection.execute(OUTGOING.insert().values(token=token, node=node))


def add(records: sa.Engine, tokens: Mapping[str, str]) -> None:
    """Adds documents that belong to no decision, each under a name by which a newer one takes its place."""
    if tokens:
        with sql.begin(records) as connection:
            for name, token in tokens.items():
                put(connection, token, name)


def send(records: sa.Engine, caller: Caller) -> tuple[int, list[str]]:
    """Sends everything once, oldest first; how many documents the hub took, and why it did not take others, which
    stay. Raises `Unreachable`, or the problem with which the hub refuses this authority as a whole."""
    taken, refused = 0, []
    for batch in _batches(records):
        results = caller.deliver([caller.sign(Kind.DOCUMENTS, {"documents": [one.token]}) for one in batch])
        done = []
        for one, result in zip(batch, results, strict=True):
            problem = result.get("problem") if isinstance(result, dict) else None
            if isinstance(problem, dict):
                refused.append(str(problem.get("detail", Problem.title)))
            else:
                done.append(one.number)
        with sql.begin(records) as connection:
            connection.execute(OUTGOING.delete().where(OUTGOING.c.number.in_(done)))
        taken += len(done)
    return taken, refused


def _batches(records: sa.Engine) -> Iterator[list[Any]]:
    last = 0
    query = sa.select(OUTGOING.c.number, OUTGOING.c.token).order_by(OUTGOING.c.number).limit(BATCH)
    while True:
        with sql.read(records) as connection:
            batch = list(connection.execute(query.where(OUTGOING.c.number > last)))
        if not batch:
            return
        yield batch
        last = batch[-1].number
