"""`/node`: who this node is, whose permits it accepts, who decides here, and the head of its log."""

from collections.abc import Sequence

from starlette.responses import Response

from hanse.core.permit import KINDS
from hanse.desk.visit import Page, Visit
from hanse.lib import accounts, jws, log, sql
from hanse.node import config
from hanse.node.store import Store


def pages(store: Store) -> Sequence[Page]:
    """The page about the node."""

    def show(visit: Visit) -> Response:
        settings = config.read(store.home)
        with sql.read(store.records) as connection:
            size, root = log.head(connection)
            officers = accounts.all_of(connection)
        return visit.show(
            "node/this.html",
            node=settings,
            fingerprint=store.keys.signing.public.fingerprint,
            authorities=[(one, jws.fingerprint(one.kid)) for one in settings.authorities],
            kinds=KINDS,
            officers=officers,
            size=size,
            root=root,
        )

    return (Page("/node", show),)
