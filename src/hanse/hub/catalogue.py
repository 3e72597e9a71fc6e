"""The datasets of the federation, as their nodes describe them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from hanse.core import clock, plain, wire
from hanse.core.errors import BadEnvelope, NotFound
from hanse.core.record import Record
from hanse.hub.tables import DATASET, NODE


@dataclass(frozen=True, slots=True)
class Entry:
    """A dataset and the node that holds it."""

    node: str
    record: Record


def describe(connection: sa.Connection, node: str, records: Sequence[Record], issued: datetime) -> None:
    """Replaces all that a node has described. A dataset's id follows from the node and the dataset's name,
    so no node can describe another's: `BadEnvelope`, as for a description that is older than the one
    before."""
    key = connection.execute(sa.select(NODE.c.kid).where(NODE.c.id == node)).scalar_one()
    for record in records:
        if record.id != wire.dataset_id(key, record.name):
            raise BadEnvelope(f"{record.id} is not the id of a dataset {record.name!r} of this node.")
    newer = sa.or_(NODE.c.described.is_(None), NODE.c.described < clock.text(issued))
    change = sa.update(NODE).where(NODE.c.id == node, newer).values(described=clock.text(issued))
    if not connection.execute(change).rowcount:
        raise BadEnvelope("A description that is at least as new is here already.")
    connection.execute(sa.delete(DATASET).where(DATASET.c.node == node))
    rows = [
        {
            "id": record.id,
            "node": node,
            "position": position,
            "record": json.dumps(plain.record_to_plain(record)),
        }
        for position, record in enumerate(records)
    ]
    if rows:
        connection.execute(DATASET.insert(), rows)


_ENTRIES = (
    sa.select(DATASET.c.node, DATASET.c.record)
    .join(NODE, NODE.c.id == DATASET.c.node)
    .where(NODE.c.state == "active")
    .order_by(NODE.c.name, NODE.c.id, DATASET.c.position)
)


def entries(connection: sa.Connection) -> list[Entry]:
    """All datasets of approved nodes, by node and in each node's order."""
    return [_entry(row) for row in connection.execute(_ENTRIES)]


def entry(connection: sa.Connection, dataset: str) -> Entry:
    """The dataset with this id; `NotFound` when no approved node describes it."""
    row = connection.execute(_ENTRIES.where(DATASET.c.id == dataset)).one_or_none()
    if row is None:
        raise NotFound("There is no dataset with this id.", hint="hanse datasets lists them.")
    return _entry(row)


def count_by_node(connection: sa.Connection) -> dict[str, int]:
    """How many datasets each node describes; nodes that describe none are left out."""
    query = sa.select(DATASET.c.node, sa.func.count()).group_by(DATASET.c.node)
    return dict(connection.execute(query).all())


def _entry(row: sa.Row[Any, Any]) -> Entry:
    return Entry(row.node, plain.record_from_plain(json.loads(row.record)))
