"""Sending again: a hub that was restored from a backup has lost what came after it, and does not know what it lost."""

from datetime import datetime

import sqlalchemy as sa

from hanse.authority import outgoing, statuses
from hanse.authority.config import AuthorityConfig
from hanse.authority.tables import OUTGOING, PERMIT, STATUS
from hanse.core import clock
from hanse.lib import sql
from hanse.lib.jws import Signer


def again(records: sa.Engine, config: AuthorityConfig, signer: Signer, at: datetime) -> int:
    """Puts every permit that has not ended, and a new status for every node that was ever given one, among what is to
    be sent; how many documents. Who has a permit already keeps it once."""
    with sql.begin(records) as connection:
        given = sa.select(PERMIT.c.token).where(
            PERMIT.c.ends > clock.text(at), PERMIT.c.token.not_in(sa.select(OUTGOING.c.token))
        )
        permits = list(connection.scalars(given.order_by(PERMIT.c.id, PERMIT.c.version)))
        nodes = list(connection.scalars(sa.select(STATUS.c.node)))
        for token in permits:
            outgoing.put(connection, token)
        for node in nodes:
            statuses.issue(connection, config, signer, node, at)
    return len(permits) + len(nodes)
