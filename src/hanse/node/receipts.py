"""Receipts: a node tells each authority what it holds of its documents, so that what was lost is sent again."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime

import sqlalchemy as sa

from hanse.core import status
from hanse.core.document import Signed
from hanse.core.errors import NotFound
from hanse.core.permit import Permit, authority_id
from hanse.core.status import MAX_PERMITS, Receipt
from hanse.lib import jws, sql
from hanse.lib.jws import Signer
from hanse.node.permits import Permits
from hanse.node.tables import DOCUMENT, STATUS

Held = tuple[int, Mapping[str, str]]


class Receipts:
    """The receipts of one node: one for each authority that its owner pinned, whenever it has changed."""

    def __init__(self, records: sa.Engine, permits: Permits, signer: Signer) -> None:
        self._records, self._permits, self._signer = records, permits, signer
        self._said: dict[str, Held] = {}
        self._looked: tuple[object, ...] = ()
        self._number = 0

    def due(self, at: datetime) -> list[str]:
        """The receipts that say something new."""
        with sql.read(self._records) as connection:
            looked = (*connection.execute(_STAMP).one(), *self._permits.authorities)
            if looked == self._looked:  # most of the time nothing came
                return []
            self._looked = looked
            permits = [one for one in self._newest(connection) if one.document.scope.ends > at]
            held = {kid: self._held(connection, kid, permits) for kid in self._permits.authorities}
        new = {kid: one for kid, one in held.items() if self._said.get(kid, (0, {})) != one}
        self._said |= new
        return [self._receipt(kid, one, at) for kid, one in new.items()]

    def _newest(self, connection: sa.Connection) -> Iterator[Signed[Permit]]:
        """Every permit in its newest version, of authorities that are pinned now."""
        for id in self._permits.ids(connection):
            with suppress(NotFound):
                yield self._permits.newest(connection, id)

    def _held(self, connection: sa.Connection, kid: str, permits: Iterable[Signed[Permit]]) -> Held:
        said = self._permits.status(connection, kid)
        hashes = [(one.document.id, one.hash) for one in permits if one.kid == kid]
        return said.document.number if said else 0, dict(hashes[-MAX_PERMITS:])

    def _receipt(self, kid: str, held: Held, at: datetime) -> str:
        self._number = max(self._number + 1, int(at.timestamp()))
        node, key = self._permits.node, self._signer.public
        said = Receipt(authority_id(kid), node, key.jwk, self._number, *held)
        return jws.issue(self._signer, said, status.RECEIPT_TYP)


_STAMP = sa.select(
    sa.select(sa.func.max(DOCUMENT.c.place)).scalar_subquery(),
    sa.select(sa.func.sum(STATUS.c.number)).scalar_subquery(),
)
