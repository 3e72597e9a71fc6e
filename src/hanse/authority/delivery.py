"""What arrived: nodes say in receipts which status and permits they hold, and what was lost on the way is sent again.

A hub says that it took a document, and nothing about where it went; one that was restored from a backup does not know
what it lost. Only the node's own signature shows that a document is there.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from hanse.authority import outgoing, statuses
from hanse.authority.config import AuthorityConfig
from hanse.authority.tables import OUTGOING, PERMIT, RECEIPT, REFUSAL, STATUS
from hanse.core import clock, ids, status
from hanse.core.errors import BadEnvelope, Refused
from hanse.core.permit import Permit
from hanse.core.status import Receipt
from hanse.lib import accounts, continuity, jws, sql
from hanse.lib.jws import PublicKey, Signer

PATIENCE = timedelta(hours=1)  # before what nobody confirmed is sent again


def take(records: sa.Engine, authority: str, token: str) -> bool:
    """Keeps a node's receipt; False when a newer one is here. Raises `BadEnvelope` when the node did not sign it, and
    `Refused` when it is for another authority."""
    claimed = status.decode_receipt(jws.unverified(token))
    key = PublicKey.from_jwk(claimed.jwk)
    if ids.of_node(key.kid) != claimed.node:
        raise BadEnvelope("The receipt is not signed with the key of the node that it names.")
    said = jws.read(token, key, status.RECEIPT_TYP, status.decode_receipt).document
    if said.authority != authority:
        raise Refused("The receipt is for another authority.")
    with sql.begin(records) as connection:
        known = connection.scalar(sa.select(STATUS.c.number).where(STATUS.c.node == said.node))
        if known is None:
            raise Refused("The receipt is of a node that no permit names.")
        return _keep(connection, said)


def _keep(connection: sa.Connection, said: Receipt) -> bool:
    mine = RECEIPT.c.node == said.node
    before = connection.scalar(sa.select(RECEIPT.c.number).where(mine))
    if before is not None and before >= said.number:
        return False
    row = {"number": said.number, "status": said.status, "permits": json.dumps(dict(said.permits))}
    connection.execute(RECEIPT.delete().where(mine))
    connection.execute(RECEIPT.insert().values(node=said.node, **row))
    return True


def held(connection: sa.Connection) -> dict[str, Mapping[str, str]]:
    """Which permits each node says to hold, by its id: the hash of each by the permit's id."""
    return {row.node: json.loads(row.permits) for row in connection.execute(sa.select(RECEIPT))}


def resume(
    records: sa.Engine, config: AuthorityConfig, signer: Signer, officer: str, reason: str, at: datetime
) -> int:
    """Goes on after the records were restored from a backup, once what is missing was decided again: logs who answers
    for it, and has every node told anew; how many documents. `Conflict` when nothing was restored."""
    continuity.resume(records, config.home, accounts.named(officer), reason)
    with sql.begin(records) as connection:
        statuses.leap(connection, at)
    return again(records, config, signer, at)


def arrived(held: Mapping[str, Mapping[str, str]], permit: Permit, hash: str) -> tuple[int, int]:
    """At how many of its nodes a version of a permit is, as they said themselves (`held`), and how many it has."""
    nodes = {one.node for one in permit.scope.datasets}
    return sum(held.get(one, {}).get(permit.id) == hash for one in nodes), len(nodes)


def again(records: sa.Engine, config: AuthorityConfig, signer: Signer, at: datetime) -> int:
    """Puts every permit that has not ended, every refusal, and a new status for every node that was ever given one,
    among what is to be sent; how many documents. Who has a document already keeps it once."""
    with sql.begin(records) as connection:
        hashes = connection.scalars(sa.select(PERMIT.c.hash).where(PERMIT.c.ends > clock.text(at))).all()
        nodes = connection.scalars(sa.select(STATUS.c.node)).all()
        refused = connection.scalars(sa.select(REFUSAL.c.token)).all()
        return _put(connection, refused) + _send(connection, config, signer, hashes, nodes, at)


class Repeating:
    """Sends again, from time to time, what nodes have not confirmed."""

    def __init__(self, began: datetime) -> None:
        self._next = began + PATIENCE

    def look(self, records: sa.Engine, config: AuthorityConfig, signer: Signer, at: datetime) -> int:
        """Puts what is missing at nodes among what is to be sent, when it is time; how many documents. None, while
        the records are an older copy."""
        if at < self._next:
            return 0
        self._next = at + PATIENCE
        with sql.begin(records) as connection:
            if statuses.restored(connection, config):
                return 0
            hashes, nodes = missing(connection, at)
            return _send(connection, config, signer, hashes, nodes, at)


def missing(connection: sa.Connection, at: datetime) -> tuple[Sequence[str], Sequence[str]]:
    """The hashes of the permits in force that some node has not confirmed, and the nodes that have not confirmed their
    status."""
    receipts = {row.node: row for row in connection.execute(sa.select(RECEIPT))}
    permits, nodes = set(), []
    for row in connection.execute(sa.select(STATUS).where(STATUS.c.renew != "")):
        said = receipts.get(row.node)
        there = json.loads(said.permits) if said else {}
        current, _revoked = statuses.in_force(connection, row.node, at)
        permits |= {hash for id, hash in current.items() if there.get(id) != hash}
        if said is None or said.status < row.number:
            nodes.append(row.node)
    return sorted(permits), nodes


def _send(
    connection: sa.Connection,
    config: AuthorityConfig,
    signer: Signer,
    hashes: Sequence[str],
    nodes: Sequence[str],
    at: datetime,
) -> int:
    found = sa.select(PERMIT.c.token).where(PERMIT.c.hash.in_(hashes)).order_by(PERMIT.c.id, PERMIT.c.version)
    sent = _put(connection, connection.scalars(found).all())
    for node in nodes:
        statuses.issue(connection, config, signer, node, at)
    return sent + len(nodes)


def _put(connection: sa.Connection, tokens: Sequence[str]) -> int:
    """Puts documents among what is to be sent that do not wait there already; how many."""
    waiting = set(connection.scalars(sa.select(OUTGOING.c.token)))
    new = [one for one in tokens if one not in waiting]
    for token in new:
        outgoing.put(connection, token)
    return len(new)
