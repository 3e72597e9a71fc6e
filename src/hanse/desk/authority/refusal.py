"""`/applications/HASH/refusal`: the refusal of an application, in words, and signed with a passkey."""

from collections.abc import Sequence

from starlette.responses import Response

from hanse.authority import applications, refusals
from hanse.authority.home import Home
from hanse.core import clock
from hanse.core import refusal as documents
from hanse.core.errors import Problem
from hanse.desk import signing
from hanse.desk.visit import Page, Visit
from hanse.lib import sql


def pages(home: Home) -> Sequence[Page]:
    """The reason, then the words of the refusal; what a passkey agreed to."""

    def show(visit: Visit) -> Response:
        return _show(home, visit)

    def sign(visit: Visit) -> Response:
        payload = signing.payload(visit)
        try:
            refusals.sign(home.records, home.settings, home.key, payload, visit.name, visit.assertion())
        except Problem as problem:
            return _show(home, visit, problem)
        return visit.go(f"/applications/{visit.place('hash')}")

    return (Page("/applications/{hash}/refusal", show), Page("/applications/{hash}/refusal", sign, "POST"))


def _show(home: Home, visit: Visit, problem: Problem | None = None) -> Response:
    reason, decision = visit.said("reason").strip(), None
    with sql.read(home.records) as connection:
        kept = applications.get(connection, visit.place("hash"))
        try:
            if reason and problem is None:
                hash = kept.signed.hash
                drafted = refusals.draft(connection, home.settings, hash, visit.name, reason, clock.now())
                decision = signing.decision(visit, documents.TYP, drafted.payload, drafted.said)
        except Problem as found:
            problem = found
    status = problem.status if problem else 200
    return visit.show(
        "authority/refusal.html", status, problem=problem, kept=kept, reason=reason, decision=decision
    )
