"""What nodes told of the versions of their datasets, kept so that the catalogue can say what changed.

All of it was in the catalogue once. What is kept of a version goes when the node withdraws it or its dataset.
"""

from collections.abc import Sequence

import orjson
import sqlalchemy as sa

from hanse.core import plain
from hanse.core.change import Told, told
from hanse.core.record import Record
from hanse.hub.tables import NODE, TOLD

KEPT = 20  # versions of one dataset, the newest


def keep(connection: sa.Connection, node: str, records: Sequence[Record]) -> None:
    """Notes what a node tells of the newest version of each of its datasets, and forgets what is no longer there."""
    software = connection.scalar(sa.select(NODE.c.software).where(NODE.c.id == node)) or ""
    now = {(record.id, one.version): one for record in records if (one := told(record, software))}
    live = {
        (record.id, one.version) for record in records for one in record.versions[-KEPT:] if not one.withdrawn
    }
    held = connection.execute(sa.select(TOLD.c.dataset, TOLD.c.version).where(TOLD.c.node == node))
    gone = [key for row in held if (key := tuple(row)) in now or key not in live]
    if gone:
        each = sa.and_(TOLD.c.dataset == sa.bindparam("one"), TOLD.c.version == sa.bindparam("number"))
        connection.execute(
            sa.delete(TOLD).where(each), [{"one": id, "number": number} for id, number in gone]
        )
    if now:
        connection.execute(TOLD.insert(), [_row(node, id, one) for (id, _version), one in now.items()])


def of(connection: sa.Connection, dataset: str) -> list[Told]:
    """What was told of each version of a dataset that is still there, oldest first."""
    rows = connection.execute(sa.select(TOLD).where(TOLD.c.dataset == dataset).order_by(TOLD.c.version))
    return [
        Told(
            row.version,
            plain.counts_from_plain(orjson.loads(row.counts)),
            tuple(orjson.loads(row.fields)),
            row.vocabulary,
            row.software,
        )
        for row in rows
    ]


def _row(node: str, dataset: str, one: Told) -> dict[str, str | int]:
    return {
        "dataset": dataset,
        "version": one.version,
        "node": node,
        "counts": orjson.dumps(plain.counts_to_plain(one.counts)).decode(),
        "fields": orjson.dumps(one.fields).decode(),
        "vocabulary": one.vocabulary,
        "software": one.software,
    }
