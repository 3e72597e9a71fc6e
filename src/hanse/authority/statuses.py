"""What this authority says of its permits to each node: numbered, and void after a time (`core.status`)."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from hanse.authority import outgoing
from hanse.authority.config import AuthorityConfig
from hanse.authority.tables import CONCERNED, PERMIT, RECEIPT, REVOKED, STATUS
from hanse.core import clock
from hanse.core.errors import Conflict, Refused
from hanse.core.status import MAX_PERMITS, STATUS_TYP, Status
from hanse.lib import jws, sql
from hanse.lib.continuity import Continuity
from hanse.lib.jws import Signer

LEAP = 3600


def issue(
    connection: sa.Connection, config: AuthorityConfig, signer: Signer, node: str, at: datetime
) -> Status:
    """Signs a new status for a node and puts it among what is to be sent, in the transaction of a decision.

    `Conflict` when the node has more permits in force than a status may hold; `Refused` when the records are an older
    copy, which does not know what was revoked since."""
    if restored(connection, config):
        raise Refused(
            "The records of this authority are an older copy: what was revoked since is not known here.",
            hint="Revoke it again, and then say so: `hanse authority resume`.",
            rule="restored",
        )
    current, revoked = in_force(connection, node, at)
    if max(len(current), len(revoked)) > MAX_PERMITS:
        raise Conflict(f"More than {MAX_PERMITS} permits of one node are in force or revoked.")
    life = timedelta(hours=config.status_hours)
    said = Status(
        authority=config.id,
        node=node,
        number=_number(connection, node, at),
        issued=at,
        expires=at + life,
        current=current,
        revoked=revoked,
    )
    # A node without permits needs no more news.
    renew = clock.text(at + life / 2) if current or revoked else ""
    connection.execute(STATUS.delete().where(STATUS.c.node == node))
    connection.execute(STATUS.insert().values(node=node, number=said.number, renew=renew))
    outgoing.put(connection, jws.issue(signer, said, STATUS_TYP), node)
    return said


def restored(connection: sa.Connection, config: AuthorityConfig) -> bool:
    """Whether the records are an older copy for which nobody has answered yet."""
    return bool(Continuity(config.home).broken(connection))


def renew(records: sa.Engine, config: AuthorityConfig, signer: Signer, at: datetime) -> int:
    """Issues every status whose life is half over; how many. None, while the records are an older copy."""
    due = (STATUS.c.renew != "") & (STATUS.c.renew <= clock.text(at))
    with sql.read(records) as connection:
        if not connection.scalar(sa.select(sa.func.count()).select_from(STATUS).where(due)):
            return 0
    with sql.begin(records) as connection:
        if restored(connection, config):
            return 0
        nodes = list(connection.scalars(sa.select(STATUS.c.node).where(due)))
        for node in nodes:
            issue(connection, config, signer, node, at)
    return len(nodes)


def _number(connection: sa.Connection, node: str, at: datetime) -> int:
    """One more than the last number, and than the one that the node says to hold, and at least the seconds since 1970:
    so no number is used again when the records are restored from a backup."""
    last = connection.scalar(sa.select(STATUS.c.number).where(STATUS.c.node == node)) or 0
    held = connection.scalar(sa.select(RECEIPT.c.status).where(RECEIPT.c.node == node)) or 0
    return max(last + 1, held + 1, int(at.timestamp()))


def leap(connection: sa.Connection, at: datetime) -> None:
    """Leaves out the numbers of the next hour: some may have been used that restored records do not know."""
    number = int(at.timestamp()) + LEAP
    connection.execute(STATUS.update().where(STATUS.c.number < number).values(number=number))


def in_force(connection: sa.Connection, node: str, at: datetime) -> tuple[dict[str, str], tuple[str, ...]]:
    """The hash of the newest version of each permit that has not ended, by its id; and the ids of those revoked."""
    newest = (
        sa.select(PERMIT.c.id, sa.func.max(PERMIT.c.version).label("version"))
        .group_by(PERMIT.c.id)
        .subquery()
    )
    rows = connection.execute(
        sa.select(PERMIT.c.id, PERMIT.c.hash, REVOKED.c.at)
        .join(newest, (newest.c.id == PERMIT.c.id) & (newest.c.version == PERMIT.c.version))
        .join(CONCERNED, CONCERNED.c.permit == PERMIT.c.id)
        .outerjoin(REVOKED, REVOKED.c.id == PERMIT.c.id)
        .where(CONCERNED.c.node == node, PERMIT.c.ends > clock.text(at))
        .order_by(PERMIT.c.id)
    ).all()
    current = {row.id: row.hash for row in rows if row.at is None}
    return current, tuple(row.id for row in rows if row.at is not None)
