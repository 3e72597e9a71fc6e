"""`/uses`: every use of the holder's data under permits, and every one that was not allowed."""

from collections.abc import Sequence

from starlette.responses import Response

from hanse.core import rules
from hanse.desk.node.asked import permits_of
from hanse.desk.visit import Page, Visit
from hanse.lib import sql
from hanse.node import usage
from hanse.node.store import Store
from hanse.node.usage import Outcome
from hanse.web.language import N_

SHOWN = (200, 1000, 5000)  # entries of the log
OUTCOMES = {
    Outcome.AT_WORK: (N_("at work"), "info"),
    Outcome.LEFT: (N_("numbers left"), "good"),
    Outcome.REFUSED: (N_("refused"), "warn"),
    Outcome.STOPPED: (N_("stopped, nothing left"), "warn"),
    Outcome.INTERRUPTED: (N_("interrupted, nothing left"), "warn"),
    Outcome.AGAIN: (N_("handed over again"), ""),
    Outcome.DESTROYED: (N_("results destroyed"), ""),
}
# What the asker was told of a rule.
RULES = {
    said.rule: said.words
    for said in (
        rules.NO_ORDER,
        *(said for said, _ in rules.ARRIVAL),
        rules.HIDDEN,
        *(said for said, _, _ in rules.RULES),
    )
}


def pages(store: Store) -> Sequence[Page]:
    """The list of uses, under all permits or one."""

    def show(visit: Visit) -> Response:
        permit, most = visit.said("permit"), _most(visit.said("most"))
        with sql.read(store.records) as connection:
            found = usage.used(connection, most, permit)
        projects = {one.id: one.document.project for one in permits_of(store).given()}
        return visit.show(
            "node/uses.html",
            uses=found,
            permit=permit,
            projects=projects,
            more=next((one for one in SHOWN if one > most), 0) if len(found) * 2 >= most else 0,
            outcomes=OUTCOMES,
            rules=RULES,
        )

    return (Page("/uses", show),)


def _most(text: str) -> int:
    return next((one for one in SHOWN if text == str(one)), SHOWN[0])
