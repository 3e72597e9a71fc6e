"""`/applications/HASH/draft`, `/permits/ID/draft`: a permit as it would be signed, beside what was asked, or its next
version beside the one in force; changed by a form, signed with a passkey."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import sqlalchemy as sa
from starlette.responses import Response

from hanse.authority import applications, permits
from hanse.authority.drafts import Draft
from hanse.authority.home import Home
from hanse.core import application as documents
from hanse.core import clock, permit_words
from hanse.core import permit as permit_documents
from hanse.core.errors import BadEnvelope, BadInput, Problem
from hanse.core.permit_words import Said
from hanse.core.scope import OPERATIONS, Scope
from hanse.desk import signing
from hanse.desk.authority.narrowed import Fields, changes
from hanse.desk.visit import Page, Visit
from hanse.lib import sql
from hanse.web.language import N_

# Where the form can give more than was asked for; commands can do so elsewhere.
MEMBERS = {
    "begins": N_("First day"),
    "ends": N_("The day on which it has ended"),
    "minimum": N_("Fewest persons that a number stands for"),
    "rounding": N_("Base of rounding"),
    "budget": N_("Most orders at one node"),
    "noise": N_("Noise"),
    "sealed": N_("Who can read the answers"),
}

ORIGIN = "Decided by"  # the section that differs between any two versions


@dataclass(frozen=True, slots=True)
class Start:
    """From what a permit is drafted: an application, or the version in force that the authority changes by itself.
    `path` is that of its page, `draft` makes the permit with the changes of the form."""

    path: str
    project: str
    said: Said
    scope: Scope
    exception: str
    draft: Callable[[Mapping[str, Any]], Draft]
    amends: bool = False


Starting = Callable[[Home, sa.Connection, Visit], Start]


class Side(NamedTuple):
    """A heading in two documents: its lines here and there, each with whether the other has it too."""

    title: str
    before: tuple[tuple[str, bool], ...]
    given: tuple[tuple[str, bool], ...]

    @property
    def differs(self) -> bool:
        """Whether one of the two has a line that the other has not."""
        return not all(same for _, same in (*self.before, *self.given))


def pages(home: Home) -> Sequence[Page]:
    """The form and the draft; what a passkey agreed to. Once for answers, once for amendments."""
    starts = {"/applications/{hash}/draft": _answering, "/permits/{id}/draft": _amending}
    return [
        page
        for path, start in starts.items()
        for page in (Page(path, partial(_show, home, start)), Page(path, partial(_sign, home, start), "POST"))
    ]


def _answering(home: Home, connection: sa.Connection, visit: Visit) -> Start:
    kept = applications.get(connection, visit.place("hash"))
    hash, said = kept.signed.hash, kept.said
    words = permit_words.say(kept.payload, documents.TYP)
    draft = partial(permits.draft, connection, home.settings, home.key, hash)
    return Start(f"/applications/{hash}", said.project, words, said.scope, "", draft)


def _amending(home: Home, connection: sa.Connection, visit: Visit) -> Start:
    given = permits.given(connection, home.key, visit.place("id"))
    id, said = given.permit.id, given.permit
    words = permit_words.say(given.payload, permit_documents.TYP)
    draft = partial(permits.draft_amendment, connection, home.settings, home.key, id)
    return Start(f"/permits/{id}", said.project, words, said.scope, said.exception, draft, amends=True)


def _sign(home: Home, starting: Starting, visit: Visit) -> Response:
    payload, at = signing.payload(visit), clock.now()
    try:
        agreed = visit.assertion()
        permits.sign(home.records, home.settings, home.key, payload, visit.name, at, _more(visit), agreed)
    except Problem as problem:
        return _show(home, starting, visit, problem)
    return visit.go(f"/permits/{permit_documents.decode(payload).id}", signed="1")


def _show(home: Home, starting: Starting, visit: Visit, problem: Problem | None = None) -> Response:
    drafted, sent = None, visit.said("narrow") == "1"
    with sql.read(home.records) as connection:
        start = starting(home, connection, visit)
        try:
            drafted = start.draft(changes(visit, start.scope))
        except BadEnvelope as found:
            # Nothing that a permit could say: before the form was sent, it is to be filled in.
            if sent:
                problem = problem or BadInput(found.detail)
        except Problem as found:
            problem = problem or found
    return visit.show(
        "authority/draft.html",
        problem.status if problem else 200,
        problem=problem,
        start=start,
        field=Fields(visit, start.scope, start.exception),
        operations=OPERATIONS,
        given=drafted.said if drafted else None,
        sides=list(beside(start.said, drafted.said)) if drafted and (sent or not start.amends) else [],
        beyond=drafted.beyond if drafted else (),
        more=_more(visit),
        members=MEMBERS,
        decision=_decision(visit, start, drafted) if drafted else None,
    )


def _more(visit: Visit) -> list[str]:
    """The members of which the officer said that they give more than was asked for."""
    return " ".join(visit.many("more")).split()


def _decision(visit: Visit, start: Start, drafted: Draft) -> signing.Decision | None:
    """What is signed: not what gives more than the officer said, nor a version that changes nothing."""
    if not set(drafted.beyond) <= set(_more(visit)):
        return None
    if start.amends and not any(
        one.differs for one in beside(start.said, drafted.said) if one.title != ORIGIN
    ):
        return None
    return signing.decision(visit, permit_documents.TYP, drafted.payload, drafted.said)


def beside(before: Said, given: Said) -> Iterator[Side]:
    """Two documents heading by heading: all of the second in its order, and then what only the first has."""
    left = {one.title: one.lines for one in before.sections}
    for one in given.sections:
        new = one.title not in left
        lines = left.pop(one.title, ())
        yield Side(
            one.title,
            tuple((line, line in one.lines) for line in lines),
            tuple((line, new or line in lines) for line in one.lines),
        )
    for title, lines in left.items():
        yield Side(title, tuple((line, True) for line in lines), ())
