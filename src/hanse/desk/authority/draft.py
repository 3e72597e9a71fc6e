"""`/applications/HASH/draft`: a permit as it would be signed, beside what was asked; narrowed by a form, signed with a
passkey."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from starlette.responses import Response

from hanse.authority import applications, narrowing, permits
from hanse.authority.drafts import Draft
from hanse.authority.home import Home
from hanse.core import application as documents
from hanse.core import clock, permit_words
from hanse.core import permit as permit_documents
from hanse.core.errors import BadInput, Problem
from hanse.core.permit_words import Said
from hanse.core.scope import OPERATIONS, Scope
from hanse.desk import signing
from hanse.desk.visit import Page, Visit
from hanse.lib import sql

LIMITS = ("minimum", "rounding", "budget")


class Side(NamedTuple):
    """A heading in two documents: its lines here and there, each with whether the other has it too."""

    title: str
    asked: tuple[tuple[str, bool], ...]
    given: tuple[tuple[str, bool], ...]

    @property
    def differs(self) -> bool:
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
            changes = _changes(visit, kept.said.scope)
            drafted = permits.draft(connection, home.settings, home.key, kept.signed.hash, changes)
        except Problem as found:
            problem = problem or found
    asked = permit_words.say(kept.payload, documents.TYP)
    return visit.show(
        "authority/draft.html",
        problem.status if problem else 200,
        problem=problem,
        kept=kept,
        field=_Fields(visit, kept.said.scope),
        operations=OPERATIONS,
        asked=asked,
        given=drafted.said if drafted else None,
        sides=list(beside(asked, drafted.said)) if drafted else [],
        beyond=drafted.beyond if drafted else (),
        decision=_decision(visit, drafted) if drafted and not drafted.beyond else None,
    )


def _decision(visit: Visit, drafted: Draft) -> signing.Decision:
    return signing.decision(visit, permit_documents.TYP, drafted.payload, drafted.said)


class _Fields:
    """What stands in the form: what was sent with it, and else what was asked for."""

    def __init__(self, visit: Visit, asked: Scope) -> None:
        self._visit, self._sent = visit, visit.said("narrow") == "1"
        self.asked = asked
        self._defaults = {
            "begins": f"{asked.begins:%Y-%m-%d}",
            "ends": f"{asked.ends:%Y-%m-%d}",
            **{name: str(getattr(asked.limits, name)) for name in LIMITS},
        }

    def value(self, name: str) -> str:
        return self._visit.said(name) if self._sent else self._defaults.get(name, "")

    def has(self, name: str, value: object) -> bool:
        """Whether a box is ticked; at first all that was asked for are."""
        return str(value) in self._visit.many(name) if self._sent else True

    @property
    def sealed(self) -> bool:
        return "1" in self._visit.many("sealed") if self._sent else self.asked.sealed


def _changes(visit: Visit, asked: Scope) -> dict[str, Any]:
    """What the form changes, as `narrowing` has it: nothing before it was sent."""
    if visit.said("narrow") != "1":
        return {}
    changes: dict[str, Any] = {
        "datasets": [one.dataset for n, one in enumerate(asked.datasets) if str(n) in visit.many("dataset")],
        "persons": [one.name for n, one in enumerate(asked.persons) if str(n) in visit.many("person")],
        "operations": [one for one in asked.operations if one in visit.many("operation")],
        "limits": {name: _whole(visit, name) for name in LIMITS},
        "sealed": "1" in visit.many("sealed"),
        "exception": visit.said("exception").strip(),
        "opt_out": {
            one.dataset: said
            for n, one in enumerate(asked.datasets)
            if (said := visit.said(f"opt_out_{n}").strip()) and str(n) in visit.many("dataset")
        },
    }
    return changes | _period(visit, asked)


def _period(visit: Visit, asked: Scope) -> Mapping[str, str]:
    """The days that differ from those asked for: an application may begin or end within a day."""
    given = {}
    for name in ("begins", "ends"):
        try:
            said = date.fromisoformat(visit.said(name))
        except ValueError:
            raise BadInput("The first or the last day is no date.") from None
        if said != getattr(asked, name).date():
            given[name] = narrowing.day(said)
    return given


def _whole(visit: Visit, name: str) -> int:
    try:
        return int(visit.said(name))
    except ValueError:
        raise BadInput("A limit is no whole number.") from None


def beside(asked: Said, given: Said) -> Iterator[Side]:
    """Two documents heading by heading, in the order of the second; what only the first has comes last."""
    here = {one.title: one.lines for one in asked.sections}
    there = {one.title: one.lines for one in given.sections}
    for title in (*there, *(one for one in here if one not in there)):
        first, second = here.get(title, ()), there.get(title, ())
        yield Side(
            title,
            tuple((line, line in second or title not in there) for line in first),
            tuple((line, line in first or title not in here) for line in second),
        )
