"""`/permits/ID`: one permit in the words of its bytes, what it touches, and the holder's decision about it.

A decision is two steps: the words of the bytes that will be signed, and a passkey over exactly these bytes.
"""

from collections.abc import Sequence
from typing import NamedTuple

from starlette.responses import Response

from hanse.core import clock
from hanse.core.errors import Conflict, Problem, Refused
from hanse.core.permit import Permit
from hanse.core.scope import OPERATIONS, Grant
from hanse.core.status import APPROVAL_TYP
from hanse.desk import signing
from hanse.desk.node.asked import STATES, permits_of
from hanse.desk.node.uses import OUTCOMES, RULES
from hanse.desk.signing import Decision
from hanse.desk.visit import Page, Visit
from hanse.lib import sql
from hanse.node import usage
from hanse.node.permits import Asked, Draft, Permits
from hanse.node.store import Published, Store
from hanse.node.uses import OFFERED
from hanse.web.language import gettext as _

STOPPED = "The holder stopped the use of its data."  # what the researcher reads when nothing else was written
NEWEST_USES = 100  # entries of the log


class Data(NamedTuple):
    """A dataset that a permit names, and the version of it that would be opened now, if there is one."""

    grant: Grant
    live: Published | None


class Form(NamedTuple):
    """A draft as a form carries it: the type of its document, and its bytes."""

    typ: str
    decision: Decision


def pages(store: Store) -> Sequence[Page]:
    """A permit, its refusal with a reason, and the decision that a form brings."""

    def show(visit: Visit) -> Response:
        return _show(store, visit)

    def reason(visit: Visit) -> Response:
        return _reason(store, visit)

    def decide(visit: Visit) -> Response:
        return _decide(store, visit)

    return (
        Page("/permits/{id}", show),
        Page("/permits/{id}", decide, "POST"),
        Page("/permits/{id}/no", reason),
    )


def _show(store: Store, visit: Visit, problem: Problem | None = None) -> Response:
    permits = permits_of(store)
    found = permits.about(visit.place("id"))
    with sql.read(store.records) as connection:
        uses = usage.used(connection, NEWEST_USES, found.id)
        standing = usage.standing(connection, found.id)
    return visit.show(
        "node/permit.html",
        problem.status if problem else 200,
        problem=problem,
        asked=found,
        states=STATES,
        when=clock.text,
        data=_data(store, found, permits.node),
        forms=_decisions(visit, permits, found),
        standing=standing,
        uses=uses,
        outcomes=OUTCOMES,
        rules=RULES,
        operations=OPERATIONS,
        offered=OFFERED,
    )


def _data(store: Store, found: Asked, node: str) -> list[Data]:
    live = {one.manifest.dataset: one for one in store.live()}
    grants = (one for one in found.document.scope.datasets if one.node == node)
    return [Data(one, live.get(one.dataset)) for one in grants]


def _decisions(visit: Visit, permits: Permits, found: Asked) -> dict[str, Form]:
    """What can be decided by one passkey: to approve what is not in force, and to stop at once what is."""
    match found.state:
        case "waiting" | "vetoed":
            return {"approve": _form(visit, permits.draft_approval(found.said.hash, visit.name))}
        case "approved":
            return {"stop": _form(visit, permits.draft_veto(found.id, visit.name, STOPPED))}
        case _:
            return {}


def _form(visit: Visit, draft: Draft) -> Form:
    return Form(draft.typ, signing.decision(visit, draft.typ, draft.payload, draft.said))


def _reason(store: Store, visit: Visit) -> Response:
    """Asks for the reason, and then shows the words of the refusal with it."""
    permits = permits_of(store)
    found, words = permits.about(visit.place("id")), visit.said("reason").strip()
    _may_decide(found)
    draft, problem = None, None
    try:
        draft = permits.draft_veto(found.id, visit.name, words) if words else None
    except Problem as raised:
        problem = raised
    return visit.show(
        "node/no.html",
        problem.status if problem else 200,
        problem=problem,
        asked=found,
        reason=words,
        made=_form(visit, draft) if draft else None,
    )


def _decide(store: Store, visit: Visit) -> Response:
    """Signs the bytes that the form brings, when its passkey agreed to them and nothing was decided meanwhile."""
    permits = permits_of(store)
    found = permits.about(visit.place("id"))
    try:
        _may_decide(found)
        if found.state != visit.said("state"):
            raise Conflict("Something was decided about this permit meanwhile.", hint="Read it again.")
        draft = Draft.read(signing.payload(visit), visit.said("typ"))
        if draft.decision.permit != (found.said.hash if draft.typ == APPROVAL_TYP else found.id):
            raise Refused("This decision is about another permit, or another version of it.")
        permits.decide(draft, visit.name, visit.assertion())
    except Problem as problem:
        return _show(store, visit, problem)
    return visit.go(f"/permits/{found.id}")


def _may_decide(found: Asked) -> None:
    if not isinstance(found.document, Permit):
        raise Conflict(_("The authority decides about an application first."))
