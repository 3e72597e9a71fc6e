"""The application: what a person asks for, signed with one of the keys that are to sign orders.

It has the scope of a permit, so that both can be laid side by side: a permit may give less than was asked for, and
`beyond` says where it gives more.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hanse.core import document, shape
from hanse.core.permit import Kind, Permit
from hanse.core.scope import NEWEST, Grant, Scope, scope

TYP = "hanse-application+jws"
MAX_REASONS = 40


@dataclass(frozen=True, slots=True)
class Application:
    """`reasons` are paragraphs: why the data are needed, what will be done, and what comes of it. `amends` is the id of
    the permit that is to be changed, empty for a new one; `authority` the id of who is to decide."""

    id: str
    kind: Kind
    authority: str
    amends: str
    project: str
    reasons: tuple[str, ...]
    scope: Scope
    at: datetime


def decode(payload: bytes) -> Application:
    """The application in verified bytes; `BadEnvelope` or `BadQuestion` when they hold anything else."""
    body = document.exactly(document.load(payload), Application, "application")
    found = Application(
        id=document.id(body, "id", "application"),
        kind=shape.choice(body, "kind", Kind),
        authority=document.id(body, "authority", "authority"),
        amends=document.id(body, "amends", "permit") if body["amends"] != "" else "",
        project=document.words(body, "project", least=1),
        reasons=shape.items(body, "reasons", _paragraph, most=MAX_REASONS),
        scope=scope(body["scope"]),
        at=document.time(body, "at"),
    )
    if not found.scope.persons or not all(one.keys for one in found.scope.persons):
        raise shape.wrong("persons", "a list of one person at least, each with a key")
    if any(one.login or one.call for one in found.scope.persons) or any(
        one.opt_out for one in found.scope.datasets
    ):
        raise shape.wrong(
            "scope", "without what only an authority can say: checks of keys, and opt-out commitments"
        )
    return found


def _paragraph(value: Any) -> str:
    return document.words({"reason": value}, "reason", least=1, most=4000)


def beyond(application: Application, permit: Permit) -> tuple[str, ...]:
    """Where a permit gives more than was asked for, or something else: the names of the members. Fewer datasets,
    operations, environments or persons, a shorter period, further conditions and stricter limits are less. Another
    selection is something else: what it selects cannot be compared without data."""
    asked, given = application.scope, permit.scope
    inside = {
        "kind": permit.kind is application.kind,
        "authority": permit.authority.id == application.authority,
        "amends": permit.id == application.amends if application.amends else permit.version == 1,
        "project": permit.project == application.project,
        "datasets": all(_asked(one, asked) for one in given.datasets),
        "operations": set(given.operations) <= set(asked.operations),
        "selection": given.selection == asked.selection,
        "purpose": given.purpose is asked.purpose,
        "environments": set(given.environments) <= set(asked.environments),
        "conditions": set(given.conditions) >= set(asked.conditions),
        "begins": given.begins >= asked.begins,
        "ends": given.ends <= asked.ends,
        "persons": _persons(given) <= _persons(asked),
        "minimum": given.limits.minimum >= asked.limits.minimum,
        "rounding": given.limits.rounding >= asked.limits.rounding,
        "budget": given.limits.budget <= asked.limits.budget,
        "noise": given.limits.noise >= asked.limits.noise,
        "sealed": given.sealed or not asked.sealed,
    }
    return tuple(name for name, holds in inside.items() if not holds)


def matches(application: Application, permit: Permit) -> bool:
    """Whether a permit gives nothing that was not asked for."""
    return not beyond(application, permit)


def _asked(given: Grant, asked: Scope) -> bool:
    wanted = asked.grant(given.node, given.dataset)
    if wanted is None or wanted.name != given.name:
        return False
    if NEWEST in (given.versions, wanted.versions):
        return given.versions == wanted.versions
    return set(given.versions) <= set(wanted.versions)


def _persons(of: Scope) -> set[tuple[object, ...]]:
    """Each key with whose it is: a permit cannot give somebody else's name a key."""
    return {
        (one.name, one.organisation, one.country, one.role, key.kid, key.use, key.page)
        for one in of.persons
        for key in one.keys
    }
