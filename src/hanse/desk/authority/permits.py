"""`/permits`: what was permitted, in the words of the newest version; and revocations, signed with a passkey."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from starlette.responses import Response

from hanse.authority import delivery, permits, revocations
from hanse.authority.home import Home
from hanse.authority.permits import Given
from hanse.core import clock, permit_words
from hanse.core import permit as documents
from hanse.core import revocation as revocation_documents
from hanse.core.errors import Problem
from hanse.desk import signing
from hanse.desk.sheet import sheet
from hanse.desk.visit import Page, Visit
from hanse.lib import sql
from hanse.web import standing


def pages(home: Home) -> Sequence[Page]:
    """All permits, one of them, and its revocation."""

    def every(visit: Visit) -> Response:
        with sql.read(home.records) as connection:
            read = partial(permits.some_of, connection, home.key)
            found = sheet(visit, "/permits", "page", permits.count(connection), read)
        stands = partial(_state, clock.now())
        return visit.show(
            "authority/permits.html", found=found, state=stands, states=standing.STATES, when=clock.text
        )

    def show(visit: Visit) -> Response:
        return _show(home, visit)

    def revoke(visit: Visit) -> Response:
        payload, at = signing.payload(visit), clock.now()
        try:
            revocations.sign(
                home.records, home.settings, home.key, payload, visit.name, at, visit.assertion()
            )
        except Problem as problem:
            return _show(home, visit, problem)
        return visit.go(f"/permits/{visit.place('id')}")

    return (
        Page("/permits", every),
        Page("/permits/{id}", show),
        Page("/permits/{id}", revoke, "POST"),
    )


def _state(at: datetime, one: Given) -> str:
    return standing.state(one.permit.scope, bool(one.revoked), at)


def _show(home: Home, visit: Visit, problem: Problem | None = None) -> Response:
    """The permit, and with a reason the words of its revocation."""
    id, reason, decision = visit.place("id"), visit.said("reason").strip(), None
    with sql.read(home.records) as connection:
        one = permits.given(connection, home.key, id)
        there, nodes = delivery.arrived(delivery.held(connection), one.permit, one.hash)
        try:
            if reason and problem is None:
                drafted = revocations.draft(connection, home.settings, id, visit.name, reason, clock.now())
                typ = revocation_documents.TYP
                decision = signing.decision(visit, typ, drafted.payload, drafted.said)
        except Problem as found:
            problem = found
    return visit.show(
        "authority/permit.html",
        problem.status if problem else 200,
        problem=problem,
        given=one,
        state=standing.STATES[_state(clock.now(), one)],
        said=permit_words.say(one.payload, documents.TYP),
        reason=reason,
        decision=decision,
        signed=visit.said("signed") == "1",
        there=there,
        nodes=nodes,
    )
