"""`/applications/HASH`: what somebody asks, in the words of the signed bytes; what is proven; whose keys these are."""

from collections.abc import Sequence

from starlette.responses import Response

from hanse.authority import checks, officers, permits, refusals
from hanse.authority.applications import State
from hanse.authority.evidence import Evidence, evidence
from hanse.authority.home import Home
from hanse.core import application as applications
from hanse.core import clock, permit_words
from hanse.core.errors import Problem, Refused
from hanse.desk.authority.applications import STATES
from hanse.desk.visit import Page, Visit
from hanse.lib import sql


def pages(home: Home) -> Sequence[Page]:
    """An application, and a check of a key by telephone."""

    def show(visit: Visit) -> Response:
        return _show(home, visit)

    def check(visit: Visit) -> Response:
        hash, person, heard = visit.place("hash"), visit.said("person"), visit.said("fingerprint")
        try:
            checks.by_phone(home.records, home.settings, hash, person, [heard], visit.name, clock.now())
        except Problem as problem:
            return _show(home, visit, problem)
        return visit.go(f"/applications/{hash}", checked=person)

    return (Page("/applications/{hash}", show), Page("/applications/{hash}", check, "POST"))


def _show(home: Home, visit: Visit, problem: Problem | None = None) -> Response:
    with sql.read(home.records) as connection:
        known = evidence(connection, home.key, visit.place("hash"))
        hash = known.kept.signed.hash
        permit = permits.answering(connection, hash)
        refused = refusals.of(connection, home.key, hash)
    return visit.show(
        "authority/application.html",
        problem.status if problem else 200,
        problem=problem,
        known=known,
        permit=permit,
        refused=refused,
        kept=known.kept,
        said=permit_words.say(known.kept.payload, applications.TYP),
        states=STATES,
        waits=known.kept.state is State.WAITING,
        own=_is_own(home, visit.name, known),
        all_checked=all(one.checked for one in known.persons),
        when=clock.text,
    )


def _is_own(home: Home, officer: str, known: Evidence) -> bool:
    """Whether the officer is one of those who ask, and so must leave it to somebody else."""
    try:
        officers.independent(officer, known.kept.said.scope.persons, home.settings.id)
    except Refused:
        return True
    return False
