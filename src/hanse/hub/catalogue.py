"""The datasets of the federation, as their nodes describe them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa

from hanse.core import clock, ids, plain
from hanse.core.errors import BadEnvelope, NotFound
from hanse.core.record import Record
from hanse.hub import history
from hanse.hub.tables import DATASET, NODE, ROLE


@dataclass(frozen=True, slots=True)
class Source:
    """The node that describes datasets. `stamp` is another one whenever they may have changed."""

    id: str
    name: str
    country: str
    stamp: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Entry:
    """A dataset and the node that holds it."""

    source: Source
    record: Record


def describe(connection: sa.Connection, node: str, records: Sequence[Record], issued: datetime) -> None:
    """Replaces all that a node has described. A dataset's id follows from the node and the dataset's name,
    so no node can describe another's: `BadEnvelope`, as for a description that is older than the one
    before."""
    key = connection.execute(sa.select(NODE.c.kid).where(NODE.c.id == node)).scalar_one()
    for record in records:
        if record.id != ids.of_dataset(key, record.name):
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
            "record": orjson.dumps(plain.record_to_plain(record)).decode(),
        }
        for position, record in enumerate(records)
    ]
    if rows:
        connection.execute(DATASET.insert(), rows)
    history.keep(connection, node, records)


_STAMP = sa.func.coalesce(NODE.c.decided, "") + " " + sa.func.coalesce(NODE.c.described, "")
_SOURCES = (
    sa.select(NODE.c.id, NODE.c.name, NODE.c.country, _STAMP.label("stamp"))
    .where(NODE.c.state == "active", NODE.c.id.not_in(sa.select(ROLE.c.participant)))
    .order_by(NODE.c.name, NODE.c.id)
)
_ENTRIES = _SOURCES.join(DATASET, NODE.c.id == DATASET.c.node).add_columns(DATASET.c.record)


def sources(connection: sa.Connection) -> list[Source]:
    """The approved nodes, by name."""
    return [_source(row) for row in connection.execute(_SOURCES)]


def entries(connection: sa.Connection, node: str | None = None) -> list[Entry]:
    """All datasets of approved nodes, or of one, by node and in each node's order."""
    query = _ENTRIES.order_by(DATASET.c.position)
    if node is not None:
        query = query.where(NODE.c.id == node)
    return [_entry(row) for row in connection.execute(query)]


def some(connection: sa.Connection, datasets: Sequence[str]) -> list[Entry]:
    """The datasets with these ids, in this order; those that are gone are left out."""
    rows = connection.execute(_ENTRIES.where(DATASET.c.id.in_(datasets)))
    found = {entry.record.id: entry for entry in map(_entry, rows)}
    return [found[id] for id in datasets if id in found]


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


def _source(row: sa.Row[Any]) -> Source:
    return Source(row.id, row.name, row.country, row.stamp)


def _entry(row: sa.Row[Any]) -> Entry:
    return Entry(_source(row), plain.record_from_plain(orjson.loads(row.record)))
