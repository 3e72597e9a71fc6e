"""`/applications`: what was asked of the authority."""

from collections.abc import Sequence
from functools import partial

import sqlalchemy as sa
from starlette.responses import Response

from hanse.authority import applications
from hanse.authority.applications import Kept, State
from hanse.authority.home import Home
from hanse.desk.sheet import Sheet, sheet
from hanse.desk.visit import Page, Visit
from hanse.lib import continuity, sql
from hanse.web.language import N_

STATES = {
    State.WAITING: (N_("waits for a decision"), "warn"),
    State.PERMITTED: (N_("permitted"), "good"),
    State.REFUSED: (N_("refused"), ""),
}


def pages(home: Home) -> Sequence[Page]:
    """The list of applications, which is the first page too."""

    def show(visit: Visit) -> Response:
        with sql.read(home.records) as connection:
            waiting, decided = (_sheet(visit, connection, name) for name in ("waiting", "decided"))
        return visit.show(
            "authority/applications.html",
            restored=continuity.restored(home.records, home.settings.home),
            waiting=waiting,
            decided=decided,
            states=STATES,
        )

    def start(visit: Visit) -> Response:
        return visit.go("/applications")

    return (Page("/", start), Page("/applications", show))


def _sheet(visit: Visit, connection: sa.Connection, name: str) -> Sheet[Kept]:
    waits = name == "waiting"
    read = partial(applications.some_of, connection, waits)
    return sheet(visit, "/applications", name, applications.count(connection, waits), read)
