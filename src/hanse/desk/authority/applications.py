"""`/applications`: what was asked of the authority."""

from collections.abc import Sequence

from starlette.responses import Response

from hanse.authority import applications
from hanse.authority.applications import State
from hanse.authority.home import Home
from hanse.desk.visit import Page, Visit
from hanse.lib import sql
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
            found = list(applications.all_of(connection))
        return visit.show(
            "authority/applications.html",
            waiting=[one for one in found if one.state is State.WAITING],
            decided=[one for one in reversed(found) if one.state is not State.WAITING],
            states=STATES,
        )

    def start(visit: Visit) -> Response:
        return visit.go("/applications")

    return (Page("/", start), Page("/applications", show))
