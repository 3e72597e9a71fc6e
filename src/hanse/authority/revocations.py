"""Revocations of permits: drafted, shown in words, and told to every node that a permit has named.

The revocation, the statuses that follow from it and the entry in the log are one transaction.
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from hanse.authority import permits, statuses
from hanse.authority.config import AuthorityConfig
from hanse.authority.drafts import Draft, drafted, reason
from hanse.authority.tables import REVOKED
from hanse.core import clock, document
from hanse.core import revocation as revocations
from hanse.core.errors import Conflict, Refused
from hanse.core.revocation import Revocation
from hanse.lib import accounts, assertions, continuity, log, sql
from hanse.lib.jws import Signer
from hanse.lib.passkeys import Assertion


def draft(
    connection: sa.Connection, config: AuthorityConfig, id: str, officer: str, why: str, at: datetime
) -> Draft:
    """The revocation of a permit in all its versions. `NotFound`, or `Conflict` when it was revoked before."""
    officer = accounts.named(officer)
    newest = _in_force(connection, id)
    said = Revocation(config.id, id, newest.hash, officer, reason(why), clock.read(clock.text(at)))
    return drafted(said, revocations.TYP)


def sign(
    records: sa.Engine,
    config: AuthorityConfig,
    key: Signer,
    payload: bytes,
    officer: str,
    at: datetime,
    agreed: Assertion | None = None,
) -> list[str]:
    """Takes back the permit that these bytes name; the nodes that a new status tells of it: none while the records are
    an older copy, since no status is signed then. Raises as
    `draft` and `assertions.keep`, and `Refused` when the bytes are of another authority or officer."""
    said = revocations.decode(payload)
    if (said.authority, said.officer) != (config.id, officer):
        raise Refused("The draft is of another authority or officer.")
    with sql.begin(records) as connection:
        if _in_force(connection, said.permit).hash != said.hash:
            raise Conflict("Another version of this permit was signed meanwhile.", hint="Draft it again.")
        connection.execute(REVOKED.insert().values(id=said.permit, at=clock.text(at), reason=said.reason))
        nodes = [] if statuses.restored(connection, config) else permits.concerned(connection, said.permit)
        for node in nodes:
            statuses.issue(connection, config, key, node, at)
        body = {
            "permit": said.permit,
            "hash": said.hash,
            "revocation": document.identity(payload),
            **assertions.keep(connection, revocations.TYP, payload, officer, agreed),
        }
        log.append(connection, "revoke", {**body, "who": {"officer": officer}})
    continuity.show(records, config.home)
    return nodes


def _in_force(connection: sa.Connection, id: str) -> Any:
    newest = permits.newest(connection, id)
    if connection.scalar(sa.select(REVOKED.c.id).where(REVOKED.c.id == id)):
        raise Conflict("This permit was revoked before.")
    return newest


def revoke(
    records: sa.Engine, config: AuthorityConfig, key: Signer, id: str, officer: str, why: str, at: datetime
) -> list[str]:
    """Takes back a permit by command: drafts and signs."""
    with sql.read(records) as connection:
        payload = draft(connection, config, id, officer, why, at).payload
    return sign(records, config, key, payload, accounts.named(officer), at)
