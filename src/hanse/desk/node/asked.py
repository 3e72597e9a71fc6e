"""`/permits`: what is asked of the holder's data, and what was given."""

from collections.abc import Sequence
from typing import NamedTuple

from starlette.responses import Response

from hanse.core import clock
from hanse.desk.visit import Page, Visit
from hanse.lib import continuity, sql
from hanse.node import config, usage
from hanse.node.permits import Asked, Permits
from hanse.node.store import Store
from hanse.node.usage import Standing
from hanse.web.language import N_

STATES = {
    "waiting": (N_("waits for you"), "warn"),
    "approved": (N_("approved"), "good"),
    "asked": (N_("the authority decides first"), "info"),
    "vetoed": (N_("forbidden by you"), "bad"),
    "revoked": (N_("revoked by the authority"), ""),
    "ended": (N_("ended"), ""),
}
OVER = ("vetoed", "revoked", "ended")


class Row(NamedTuple):
    """A permit or an application, and how much of its budget was used here."""

    asked: Asked
    standing: Standing


def permits_of(store: Store) -> Permits:
    """The permits as they are now: which authorities count may have changed since the page was started."""
    return Permits(store, config.read(store.home))


def pages(store: Store) -> Sequence[Page]:
    """The list of permits and applications, which is the first page too."""

    def show(visit: Visit) -> Response:
        found = permits_of(store).asked()
        with sql.read(store.records) as connection:
            rows = [Row(one, usage.standing(connection, one.id)) for one in reversed(found)]
        return visit.show(
            "node/asked.html",
            restored=continuity.restored(store.records, store.home),
            waiting=[one for one in rows if one.asked.state == "waiting"],
            approved=[one for one in rows if one.asked.state == "approved"],
            applications=[one for one in rows if one.asked.state == "asked"],
            over=[one for one in rows if one.asked.state in OVER],
            states=STATES,
            when=clock.text,
        )

    def start(visit: Visit) -> Response:
        return visit.go("/permits")

    return (Page("/", start), Page("/permits", show))
