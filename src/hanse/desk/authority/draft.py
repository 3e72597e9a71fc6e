"""`/applications/HASH/draft`: a permit as it would be signed, beside what was asked; narrowed by a form, signed with a
passkey."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from starlette.responses import Response

from hanse.authority import applications, permits
from hanse.authority.drafts import Draft
from hanse.authority.home import Home
from hanse.core import application as documents
from hanse.core import clock, permit_words
from hanse.core import permit as permit_documents
from hanse.core.errors import BadEnvelope, BadInput, Problem
from hanse.core.permit_words import Said
from hanse.core.scope import OPERATIONS
from hanse.desk import signing
from hanse.desk.authority.narrowed import Fields, changes
from hanse.desk.visit import Page, Visit
from hanse.lib import sql


class Side(NamedTuple):
    """A heading in two documents: its lines here and there, each with whether the other has it too."""

    title: str
    asked: tuple[tuple[str, bool], ...]
    given: tuple[tuple[str, bool], ...]

    @property
    def differs(self) -> bool:
        """Whether one of the two has a line that the other has not."""
        return not all(same for _, same in (*self.asked, *self.given))


def pages(home: Home) -> Sequence[Page]:
    """The form and the draft; what a passkey agreed to."""

    def show(visit: Visit) -> Response:
        return _show(home, visit)

    def sign(visit: Visit) -> Response:
        payload = signing.payload(visit)
        try:
            permits.sign(
                home.records,
                home.settings,
                home.key,
                payload,
                visit.name,
                clock.now(),
                agreed=visit.assertion(),
            )
        except Problem as problem:
            return _show(home, visit, problem)
        return visit.go(f"/permits/{permit_documents.decode(payload).id}", signed="1")

    return (Page("/applications/{hash}/draft", show), Page("/applications/{hash}/draft", sign, "POST"))


def _show(home: Home, visit: Visit, problem: Problem | None = None) -> Response:
    drafted = None
    with sql.read(home.records) as connection:
        kept = applications.get(connection, visit.place("hash"))
        try:
            less = changes(visit, kept.said.scope)
            drafted = permits.draft(connection, home.settings, home.key, kept.signed.hash, less)
        except BadEnvelope as found:
            # Nothing that a permit could say: before the form was sent, it is to be filled in.
            if visit.said("narrow") == "1":
                problem = problem or BadInput(found.detail)
        except Problem as found:
            problem = problem or found
    asked = permit_words.say(kept.payload, documents.TYP)
    return visit.show(
        "authority/draft.html",
        problem.status if problem else 200,
        problem=problem,
        kept=kept,
        field=Fields(visit, kept.said.scope),
        operations=OPERATIONS,
        asked=asked,
        given=drafted.said if drafted else None,
        sides=list(beside(asked, drafted.said)) if drafted else [],
        beyond=drafted.beyond if drafted else (),
        decision=_decision(visit, drafted) if drafted and not drafted.beyond else None,
    )


def _decision(visit: Visit, drafted: Draft) -> signing.Decision:
    return signing.decision(visit, permit_documents.TYP, drafted.payload, drafted.said)


def beside(asked: Said, given: Said) -> Iterator[Side]:
    """Two documents heading by heading: all of the second in its order, and then what only the first has."""
    before = {one.title: one.lines for one in asked.sections}
    for one in given.sections:
        new = one.title not in before
        lines = before.pop(one.title, ())
        yield Side(
            one.title,
            tuple((line, line in one.lines) for line in lines),
            tuple((line, new or line in lines) for line in one.lines),
        )
    for title, lines in before.items():
        yield Side(title, tuple((line, True) for line in lines), ())
